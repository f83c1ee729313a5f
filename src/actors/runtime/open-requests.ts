/** Who waits for an answer, by the number that steps know it by. */
import { fail } from '../../protocol/calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import type { FastChatError } from '../../protocol/errors.ts';

type Done<Reply> = (outcome: Outcome<Reply>) => void;

export class OpenRequests<Reply> {
  readonly #waiting = new Map<number, Done<Reply>>();
  #added = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Answers the number of the request, from 1. */
  add(done: Done<Reply>): number {
    this.#added += 1;
    this.#waiting.set(this.#added, done);
    return this.#added;
  }

  answer(id: number, outcome: Outcome<Reply>): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(outcome);
  }

  failAll(error: FastChatError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const done of waiting) done(fail(error));
  }
}

/** Commits that are made and not acknowledged yet, in order, and those who wait for them. */
import type { FastChatError } from '../../protocol/errors.ts';

export interface CommitWaiter {
  resolve(seq: number): void;
  reject(error: FastChatError): void;
}

interface OpenCommit {
  readonly seq: number;
  readonly waiter: CommitWaiter;
  /** The tick of the tenure in which it was made. */
  readonly tick: number;
}

export class OpenCommits {
  #open: OpenCommit[] = [];

  get size(): number {
    return this.#open.length;
  }

  /** `seq` is not below that of the one added last. */
  add(seq: number, waiter: CommitWaiter, tick: number): void {
    this.#open.push({ seq, waiter, tick });
  }

  /** Resolves those up to `seq`, in order (I2). */
  resolveUpTo(seq: number): void {
    let count = 0;
    while ((this.#open[count]?.seq ?? Infinity) <= seq) count += 1;
    if (count === 0) return;
    for (const open of this.#open.splice(0, count)) open.waiter.resolve(open.seq);
  }

  /** Whether the oldest was made in or before `tick`. */
  isOlderThan(tick: number): boolean {
    const [oldest] = this.#open;
    return oldest !== undefined && oldest.tick <= tick;
  }

  rejectAll(error: FastChatError): void {
    for (const { waiter } of this.#open.splice(0)) waiter.reject(error);
  }
}

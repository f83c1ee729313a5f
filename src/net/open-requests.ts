/** The requests that wait for an answer: bounded in number, each settled exactly once. */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import type { MeshCounters } from './mesh-counters.ts';
import type { MeshService } from './mesh-frames.ts';

export type RequestResult =
  | { readonly ok: true; readonly payload: Uint8Array }
  | { readonly ok: false; readonly error: FastChatError };

/** Called once, never before `request` has returned. */
export type RequestDone = (result: RequestResult) => void;

interface OpenRequest {
  readonly peer: NodeId;
  readonly service: MeshService;
  readonly done: RequestDone;
  readonly askedMs: number;
}

export class OpenRequests {
  readonly #open = new Map<number, OpenRequest>();
  readonly #wheel: DeadlineWheel;
  readonly #clock: Clock;
  readonly #times: MeshCounters['answers'];
  readonly #max: number;
  /** Starts at random, so that an answer to an earlier life of this node matches nothing. */
  #nextId: number;

  /** `times` takes how long every answer took. */
  constructor(clock: Clock, random: Random, max: number, times: MeshCounters['answers']) {
    this.#clock = clock;
    this.#times = times;
    this.#max = max;
    this.#nextId = Math.floor(random.fraction() * 2 ** 48);
    this.#wheel = new DeadlineWheel(clock, (id) => this.#expire(id));
  }

  get size(): number {
    return this.#open.size;
  }

  /** The id of the new request; undefined when too many are open. */
  add(
    peer: NodeId,
    service: MeshService,
    done: RequestDone,
    timeoutMs: number,
  ): number | undefined {
    if (this.#open.size >= this.#max) return undefined;
    const id = this.#nextId++;
    this.#open.set(id, { peer, service, done, askedMs: this.#clock.mono() });
    this.#wheel.add(id, timeoutMs);
    return id;
  }

  /** False when nobody waits: the answer is late, or comes from a peer that was not asked. */
  settle(peer: NodeId, id: number, result: RequestResult): boolean {
    const request = this.#open.get(id);
    if (request === undefined || request.peer !== peer) return false;
    this.#open.delete(id);
    this.#times[request.service].observeMs(this.#clock.mono() - request.askedMs);
    request.done(result);
    return true;
  }

  /** Forgets a request that was never sent; `done` is not called. */
  withdraw(id: number): void {
    this.#open.delete(id);
  }

  /** Ends every request to `peer` (to all peers when undefined) at once. */
  fail(peer: NodeId | undefined, error: FastChatError): void {
    const failed = [...this.#open].filter(
      ([, request]) => peer === undefined || request.peer === peer,
    );
    for (const [id] of failed) this.#open.delete(id);
    for (const [, request] of failed) request.done({ ok: false, error });
  }

  close(error: FastChatError): void {
    this.#wheel.close();
    this.fail(undefined, error);
  }

  #expire(id: number): void {
    const request = this.#open.get(id);
    if (request === undefined) return;
    this.#open.delete(id);
    const error = new FastChatError('E_TIMEOUT', `node ${request.peer} did not answer in time`);
    request.done({ ok: false, error });
  }
}

/** An ActorStore whose flushes a test decides: commits are visible at once, durable after `flush`, lost by `crash`. */
import type { ActorStore, ActorWrite, RecordCodec } from '../../src/actors/ports.ts';
import { chunkCount, chunkWrites, joinParts } from '../../src/persist/chunks.ts';
import { after, storeKey } from '../../src/persist/keys.ts';
import type { FastChatError } from '../../src/protocol/errors.ts';
import { STORE_RANGE_MAX, STORE_VALUE_BYTES_MAX } from '../../src/protocol/limits.ts';

/** The layout of the real store. */
export const recordCodec: RecordCodec = {
  key: storeKey,
  after,
  chunk: chunkWrites,
  chunkCount,
  join: joinParts,
};

interface Pending {
  readonly writes: readonly ActorWrite[];
  resolve(seq: number): void;
}

type Content = Map<string, Uint8Array>;

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('latin1');

export class MemoryActorStore implements ActorStore {
  /** Flush every commit at once. */
  isEager: boolean;
  /** Told of the writes of every commit just before it becomes durable. */
  onDurable: (writes: readonly ActorWrite[]) => void = () => undefined;
  readonly commits: Array<readonly ActorWrite[]> = [];
  #visible: Content = new Map();
  #durable: Content = new Map();
  #pending: Pending[] = [];
  #refusals: FastChatError[] = [];
  #settlers: Array<() => void> = [];

  constructor(options: { readonly isEager?: boolean } = {}) {
    this.isEager = options.isEager ?? false;
  }

  get pendingCommits(): number {
    return this.#pending.length;
  }

  /** Only what is durable, as a store of its own. */
  durable(): MemoryActorStore {
    const copy = new MemoryActorStore();
    copy.#visible = new Map(this.#durable);
    copy.#durable = new Map(this.#durable);
    return copy;
  }

  commit(writes: readonly ActorWrite[]): Promise<number> {
    const refusal = this.#refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    for (const { value } of writes)
      if (value !== undefined && value.length > STORE_VALUE_BYTES_MAX)
        throw new RangeError(`a value of ${value.length} bytes`);
    this.commits.push(writes);
    apply(this.#visible, writes);
    return new Promise((resolve) => {
      this.#pending.push({ writes, resolve });
      if (this.isEager) this.flush();
    });
  }

  /** Refuses the next commit, changing nothing. */
  refuseNext(error: FastChatError): void {
    this.#refusals.push(error);
  }

  forgetRefusals(): void {
    this.#refusals = [];
  }

  /** Makes everything committed so far durable, in order. */
  flush(): void {
    for (const commit of this.#pending.splice(0)) {
      this.onDurable(commit.writes);
      apply(this.#durable, commit.writes);
      commit.resolve(0);
    }
    for (const settle of this.#settlers.splice(0)) settle();
  }

  /** What was not flushed is gone; nobody hears of it. */
  crash(): void {
    this.#pending = [];
    this.#refusals = [];
    this.#settlers = [];
    this.#visible = new Map(this.#durable);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#visible.get(nameOf(key));
  }

  range(
    from: Uint8Array,
    to: Uint8Array,
    options: { readonly limit?: number; readonly reverse?: boolean } = {},
  ): ReadonlyArray<readonly [key: Uint8Array, value: Uint8Array]> {
    const [low, high] = [nameOf(from), nameOf(to)];
    const names = [...this.#visible.keys()].filter((name) => name >= low && name < high).sort();
    if (options.reverse === true) names.reverse();
    return names
      .slice(0, Math.min(options.limit ?? STORE_RANGE_MAX, STORE_RANGE_MAX))
      .map((name) => [Buffer.from(name, 'latin1'), this.#visible.get(name) ?? new Uint8Array()]);
  }

  settled(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settlers.push(resolve);
    });
  }
}

function apply(content: Content, writes: readonly ActorWrite[]): void {
  for (const { key, value } of writes)
    if (value === undefined) content.delete(nameOf(key));
    else content.set(nameOf(key), value);
}

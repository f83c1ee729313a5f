/** Random commits, appends, fences, restarts and the rest against a plain map: nothing acknowledged is ever missing. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { ShardHead, ShardStore, Write } from '../../src/persist/shard-store.ts';
import { SHARD, append, bytes, codeOf, contentOf, text } from './shard-store-worlds.ts';
import type { StoreWorld } from './shard-store-worlds.ts';

/** What the store should hold: the state after each commit, so that roll-backs and deltas can be checked. */
class Model {
  #states: Array<{ head: ShardHead; content: Map<string, string> }> = [
    { head: { epoch: 0, seq: 0 }, content: new Map() },
  ];
  promised = 0;

  get head(): ShardHead {
    return this.#top.head;
  }

  get content(): Array<[string, string]> {
    return [...this.#top.content].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  commit(epoch: number, writes: readonly Write[]): void {
    const content = new Map(this.#top.content);
    for (const { key, value } of writes) {
      if (value === undefined) content.delete(text(key) ?? '');
      else content.set(text(key) ?? '', text(value) ?? '');
    }
    this.#states.push({ head: { epoch, seq: this.head.seq + 1 }, content });
    this.promised = Math.max(this.promised, epoch);
  }

  rollBack(seq: number): void {
    this.#states = this.#states.filter(({ head }) => head.seq <= seq);
  }

  drop(): void {
    this.#states = [{ head: { epoch: 0, seq: 0 }, content: new Map() }];
  }

  /** The content at `seq` with a delta applied. */
  patched(seq: number, writes: readonly Write[]): Array<[string, string]> {
    const content = new Map(this.#states[seq]?.content);
    for (const { key, value } of writes) {
      if (value === undefined) content.delete(text(key) ?? '');
      else content.set(text(key) ?? '', text(value) ?? '');
    }
    return [...content].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get #top(): { head: ShardHead; content: Map<string, string> } {
    const top = this.#states.at(-1);
    if (top === undefined) throw new Error('a model has a state');
    return top;
  }
}

type Step =
  | {
      readonly do: 'commit' | 'append';
      readonly epoch: number;
      readonly writes: readonly Write[];
      readonly wait: boolean;
    }
  | { readonly do: 'fence'; readonly epoch: number }
  | { readonly do: 'since' | 'rollBack'; readonly back: number }
  | { readonly do: 'restart' | 'drop' };

const write: fc.Arbitrary<Write> = fc.record({
  key: fc.constantFrom('a', 'b', 'ba', 'c', 'd').map(bytes),
  value: fc.option(fc.string({ maxLength: 4 }).map(bytes), { nil: undefined }),
});
const epoch = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('commit' as const, 'append' as const),
      epoch,
      writes: fc.array(write, { maxLength: 4 }),
      wait: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fence' as const), epoch }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('since' as const, 'rollBack' as const),
      back: fc.nat({ max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'drop' as const) }) },
);

/** One run: the store, its model, and what is still on its way to the disk. */
class Run {
  readonly #world: StoreWorld;
  readonly #model = new Model();
  #pending: Promise<string>[] = [];
  #store: ShardStore;

  constructor(world: StoreWorld, store: ShardStore) {
    this.#world = world;
    this.#store = store;
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'commit' || next.do === 'append') await this.#write(next);
    else if (next.do === 'fence') await this.#fence(next.epoch);
    else if (next.do === 'since' || next.do === 'rollBack') await this.#goBack(next.do, next.back);
    else if (next.do === 'drop') await this.#drop();
    else await this.#restart();
    this.#compare();
  }

  async #write(next: Extract<Step, { readonly wait: boolean }>): Promise<void> {
    const seq = this.#model.head.seq + 1;
    const outcome = codeOf(
      next.do === 'commit'
        ? this.#store.commit(SHARD, next.epoch, next.writes)
        : append(this.#store, { epoch: next.epoch, seq }, next.writes),
    );
    const isOld = next.epoch < this.#model.promised;
    if (!isOld) this.#model.commit(next.epoch, next.writes);
    this.#pending.push(outcome);
    if (next.wait || isOld) expect(await outcome).to.equal(isOld ? 'E_MOVED' : 'resolved');
  }

  async #fence(to: number): Promise<void> {
    const isLower = to < this.#model.promised;
    this.#model.promised = Math.max(this.#model.promised, to);
    expect(await codeOf(this.#store.fence(SHARD, to))).to.equal(isLower ? 'E_MOVED' : 'resolved');
  }

  async #goBack(how: 'since' | 'rollBack', back: number): Promise<void> {
    const seq = Math.max(0, this.#model.head.seq - back);
    if (how === 'since') {
      const delta = this.#store.since(SHARD, seq);
      expect(this.#model.patched(seq, delta?.writes ?? [])).to.deep.equal(this.#model.content);
      return;
    }
    this.#model.rollBack(seq);
    expect(await this.#store.rollBack(SHARD, seq)).to.equal(true);
  }

  async #drop(): Promise<void> {
    this.#model.drop();
    await this.#store.drop(SHARD);
  }

  async #restart(): Promise<void> {
    expect(new Set(await Promise.all(this.#pending))).to.not.include('E_IO');
    this.#pending = [];
    await this.#world.crash();
    this.#store = await this.#world.openShardStore();
  }

  #compare(): void {
    expect(contentOf(this.#store)).to.deep.equal(this.#model.content);
    expect(this.#store.head(SHARD)).to.deep.equal(this.#model.head);
    expect(this.#store.promised(SHARD)).to.equal(this.#model.promised);
  }
}

export function shardStoreModelContract(name: string, createWorld: () => StoreWorld): void {
  describe(`ShardStore against a model on ${name}`, () => {
    it('agrees after any sequence of steps', async function () {
      this.timeout(20_000);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const world = createWorld();
          const run = new Run(world, await world.openShardStore());
          try {
            for (const next of steps) await run.take(next);
          } finally {
            await world.end();
          }
        }),
        { numRuns: 60 },
      );
    });
  });
}

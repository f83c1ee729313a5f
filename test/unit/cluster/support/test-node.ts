/**
 * A node of the cluster layer over a simulated disk, mesh and coordinator, which can be killed at any call it makes or
 * gets. Its "actors" keep what they were asked to append, and refuse it twice.
 */
import { Cluster } from '../../../../src/cluster/cluster.ts';
import type { Coordinator } from '../../../../src/cluster/coordinator.ts';
import type { Member } from '../../../../src/cluster/members.ts';
import type { MemoryCoordinatorService } from '../../../../src/cluster/memory-coordinator.ts';
import type { ShardServing } from '../../../../src/cluster/ownership.ts';
import type { LocalActors, LocalSessions } from '../../../../src/cluster/router-ports.ts';
import { shardOf } from '../../../../src/cluster/shards.ts';
import type { Clock } from '../../../../src/ops/clock.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { storeKey } from '../../../../src/persist/keys.ts';
import { MemoryDisk } from '../../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../../src/persist/memory-shard-store.ts';
import type { ShardStore, Write } from '../../../../src/persist/shard-store.ts';
import { fail, succeed } from '../../../../src/protocol/calls.ts';
import { asFastChatError, FastChatError } from '../../../../src/protocol/errors.ts';
import type { Address, NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import { REPLICA_REPLACE_DEFAULT_MS } from '../../../../src/protocol/limits.ts';
import type { UserRequest } from '../../../../src/protocol/user-calls.ts';
import type { FakeNetwork } from './fake-network.ts';

/** Where a node may be killed: before a call of one of its parts goes out, or after its answer came in. */
export type Point = `${'before' | 'after'} ${string}`;

export interface TestWorld {
  readonly clock: Clock;
  readonly network: FakeNetwork;
  readonly coordinators: MemoryCoordinatorService;
  /** Copies of every shard. */
  readonly replicas: number;
  /** Nodes that drain, as heartbeats would tell. */
  readonly leaving: ReadonlySet<NodeId>;
  /** Called at every point; may kill the node. */
  onPoint(node: TestNode, point: Point): void;
  /** Called when a write was acknowledged by the store. */
  onCommitted(node: TestNode, shard: ShardId, epoch: number): void;
}

const never = new Promise<never>(() => undefined);

/** The key under which an appended counter is kept. */
export function entryKey(to: Address, counter: number): Uint8Array {
  return storeKey(to, 'entry', counter);
}

function isMarker([write]: readonly Write[]): boolean {
  return write?.key.length === 1;
}

export class TestNode {
  readonly member: Member;
  readonly pushes: Array<readonly [session: number, type: string]> = [];
  readonly #world: TestWorld;
  readonly #disk = new MemoryDisk();
  /** Grows with every life. */
  boot = 0;
  isAlive = false;
  #store: ShardStore | undefined;
  #cluster: Cluster | undefined;

  constructor(member: Member, world: TestWorld) {
    this.member = member;
    this.#world = world;
  }

  get id(): NodeId {
    return this.member.node;
  }

  get cluster(): Cluster {
    if (this.#cluster === undefined) throw new Error(`${this.id} never started`);
    return this.#cluster;
  }

  get store(): ShardStore {
    if (this.#store === undefined) throw new Error(`${this.id} never started`);
    return this.#store;
  }

  /** A new life on the same disk; resolves when it serves what it can. */
  async start(): Promise<void> {
    const { network, coordinators } = this.#world;
    this.boot += 1;
    this.isAlive = true;
    const clock = this.#mortalClock();
    const raw = await createMemoryShardStore({
      clock,
      disk: this.#disk,
      flushDelayMs: () => 1,
      journalFloor: (shard) => this.#cluster?.journalFloor(shard),
    });
    this.#store = this.#watched('store', raw, ['commit', 'fence', 'install', 'drop']);
    const actors = this.#actors(this.#store);
    this.#cluster = new Cluster({
      self: this.id,
      mesh: this.#watched('mesh', network.open(this.id), ['requestAsync']),
      store: this.#store,
      coordinator: this.#watched<Coordinator>('coordinator', coordinators.seenBy(this.id, clock), [
        'swap',
      ]),
      actors,
      serving: actors,
      sessions: this.#sessions(),
      replicas: this.#world.replicas,
      isLeaving: (node) => this.#world.leaving.has(node),
      replaceAfterMs: REPLICA_REPLACE_DEFAULT_MS,
      clock,
      random: seededRandom(this.boot),
      log: silentLog,
    });
    await this.#cluster.start();
  }

  /** Dies: nothing of this life goes on, nothing unflushed stays. */
  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#disk.crash();
    this.#world.network.close(this.id);
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return;
    await this.cluster.stop();
    await this.store.close();
    this.isAlive = false;
    this.#world.network.close(this.id);
  }

  /** Timers of a life that is over do nothing. */
  #mortalClock(): Clock {
    const { clock } = this.#world;
    const { boot } = this;
    const ifAlive = (task: () => void) => (): void => {
      if (this.isAlive && this.boot === boot) task();
    };
    return {
      now: () => clock.now(),
      mono: () => clock.mono(),
      after: (delayMs, task) => clock.after(delayMs, ifAlive(task)),
      soon: (task) => clock.soon(ifAlive(task)),
    };
  }

  /** The same object, with a point before and after every call of the methods named. */
  #watched<T extends object>(name: string, target: T, methods: ReadonlyArray<keyof T & string>): T {
    const { boot } = this;
    const isOver = (): boolean => !this.isAlive || this.boot !== boot;
    const reach = (point: Point): boolean => {
      if (isOver()) return false;
      this.#world.onPoint(this, point);
      return !isOver();
    };
    const wrap =
      (method: string, call: (...args: unknown[]) => Promise<unknown>) =>
      async (...args: unknown[]): Promise<unknown> => {
        if (isOver()) await never;
        // Traffic commits all the time; the marker of an epoch is a step of its own.
        if (method === 'commit' && !isMarker(args[2] as readonly Write[]))
          return call.apply(target, args);
        const point = `${name}.${method}`;
        if (!reach(`before ${point}`)) return never;
        const after = (): boolean => reach(`after ${point}`);
        try {
          const value = await call.apply(target, args);
          return after() ? value : await never;
        } catch (cause) {
          if (!after()) await never;
          throw cause;
        }
      };
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key, object);
        if (typeof value !== 'function') return value;
        if (!(methods as readonly unknown[]).includes(key)) return value.bind(object) as unknown;
        return wrap(String(key), value as never);
      },
    });
  }

  #sessions(): LocalSessions {
    return { push: (session, push) => this.pushes.push([session, push.type]) };
  }

  #actors(store: ShardStore): LocalActors & ShardServing {
    const pending = new Map<ShardId, Set<Promise<void>>>();
    const run = async (to: Address, epoch: number, request: UserRequest): Promise<unknown> => {
      if (request.type !== 'append') return { head: epoch };
      const shard = shardOf(to, this.cluster.directory.shards);
      const { counter } = request.envelope;
      const key = entryKey(to, counter);
      const tenure = this.cluster.ownership.tenure(shard);
      if (tenure === undefined) throw new FastChatError('E_MOVED', 'not served here');
      if (store.get(shard, key) !== undefined) await tenure.settled();
      else {
        const last: Write = { key: storeKey(to, 'last'), value: Uint8Array.of(counter & 0xff) };
        await tenure.commit([{ key, value: Uint8Array.of(1) }, last]);
        this.#world.onCommitted(this, shard, epoch);
      }
      return { seq: counter, at: epoch, last: counter };
    };
    return {
      deliver: (to, epoch, request, done) => {
        const shard = shardOf(to, this.cluster.directory.shards);
        const answer = async (): Promise<void> => {
          try {
            const value = await run(to, epoch, request as UserRequest);
            done?.(succeed(value as never));
          } catch (cause) {
            done?.(fail(asFastChatError(cause)));
          }
        };
        const work = answer();
        const open = pending.get(shard) ?? new Set();
        pending.set(shard, open.add(work));
        void work.then(() => open.delete(work));
      },
      freeze: async (shard) => {
        const open = pending.get(shard);
        if (open !== undefined) await Promise.allSettled(open);
      },
      resume: () => undefined,
    };
  }
}

/** What etcd itself can do to a cluster: die, stand still, forget, lose members. Real processes, real time. */
import { expect } from 'chai';
import { follow, readRange, transact } from '../../../src/cluster/etcd/client.ts';
import { createCluster } from '../../../src/cluster/etcd/create.ts';
import { EtcdCoordinator } from '../../../src/cluster/etcd/etcd-coordinator.ts';
import { EtcdGateway } from '../../../src/cluster/etcd/gateway.ts';
import { EtcdKeys } from '../../../src/cluster/etcd/keys.ts';
import { base64 } from '../../../src/cluster/etcd/json.ts';
import { rebuildMap } from '../../../src/cluster/etcd/rebuild.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import type { Clock } from '../../../src/ops/clock.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { parseNodeId, parseShardId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';
import { LEASE_TTL_MS, REBUILD_EPOCH_STEP } from '../../../src/protocol/limits.ts';
import { testMember } from '../../contract/coordinator.contract.ts';
import { describeWithEtcd, EtcdCluster, passTime } from '../../support/etcd.ts';

const clusterId = new Uint8Array(16).fill(9);
const N1 = parseNodeId('n1');
const N2 = parseNodeId('n2');
const SHARDS = 300;
const shard = parseShardId(5);
const ownedBy = (owner: NodeId, epoch: number) => ({ epoch, owner, replicas: [owner] });

/** Timers and answers of a process that stands still wait until it goes on. */
class StoppableClock implements Clock {
  readonly #waiting: Array<() => void> = [];
  #isStopped = false;

  readonly now = (): number => systemClock.now();
  readonly mono = (): number => systemClock.mono();
  readonly soon = (task: () => void): void => systemClock.soon(task);

  after(delayMs: number, task: () => void): { cancel(): void } {
    return systemClock.after(delayMs, () => {
      if (this.#isStopped) this.#waiting.push(task);
      else task();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  goOn(): void {
    this.#isStopped = false;
    for (const task of this.#waiting.splice(0)) task();
  }
}

describeWithEtcd('a cluster in a real etcd', function () {
  this.timeout(60_000);
  let etcd: EtcdCluster;
  const open = new Set<EtcdCoordinator | EtcdGateway>();
  const keys = new EtcdKeys('fastchat/');

  const gateway = (): EtcdGateway => {
    const made = new EtcdGateway({ endpoints: etcd.endpoints, tls: undefined, clock: systemClock });
    open.add(made);
    return made;
  };
  const coordinator = (clock: Clock = systemClock, seenVersion = 0): EtcdCoordinator => {
    const made = new EtcdCoordinator({
      gateway: gateway(),
      prefix: keys.prefix,
      clusterId,
      seenVersion,
      clock,
      log: silentLog,
    });
    open.add(made);
    return made;
  };
  /** A cluster of n1 and n2, both with a lease, each as it sees things. */
  const begin = async (members: number, clock?: Clock) => {
    etcd = await EtcdCluster.start({ members });
    await createCluster(gateway(), keys, { clusterId, shards: SHARDS, first: N1 });
    const one = coordinator();
    const two = coordinator(clock);
    await one.join(testMember('n1'));
    await one.join(testMember('n2'));
    const leases = { one: one.lease(N1), two: two.lease(N2) };
    await until(() => one.live()?.size === 2 && two.live()?.size === 2, 'both live');
    // Whoever has just begun is patient with everybody for one TTL.
    await passTime(LEASE_TTL_MS + 200);
    return { one, two, leases };
  };
  const until = async (isSo: () => boolean, what: string, limitMs = 15_000): Promise<void> => {
    const endMs = systemClock.mono() + limitMs;
    while (!isSo()) {
      if (systemClock.mono() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await passTime(20);
    }
  };
  /** The sizes that `live()` had since. */
  const lives = (of: EtcdCoordinator): number[] => {
    const sizes: number[] = [];
    of.watch(
      () => undefined,
      (live) => sizes.push(live.size),
    );
    return sizes;
  };
  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (cause: unknown) => asFastChatError(cause).code,
    );

  afterEach(async () => {
    for (const one of open) await one.close();
    open.clear();
    await etcd.stop();
  });

  it('declares nobody dead because etcd stood still longer than every lease', async () => {
    const { one, two, leases } = await begin(1);
    const sizes = [lives(one), lives(two)];
    etcd.signal('SIGSTOP');
    await until(() => leases.one.validUntilMs < systemClock.mono(), 'the holder gives up hope');
    expect(await failureOf(one.view())).to.be.oneOf(['E_TIMEOUT', 'E_UNREACHABLE']);
    await passTime(2 * LEASE_TTL_MS);
    etcd.signal('SIGCONT');
    await until(() => leases.one.validUntilMs > systemClock.mono(), 'renewed');
    await passTime(2 * LEASE_TTL_MS);
    expect(sizes).to.deep.equal([[], []]);
    const { swapped } = await one.swap(shard, 1, ownedBy(N1, 2));
    expect(swapped).to.equal(true);
  });

  it('goes on with one of three members killed, whichever it is', async () => {
    const { one, two, leases } = await begin(3);
    const sizes = lives(one);
    for (const [index, epoch] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const) {
      await etcd.kill(index);
      const next = ownedBy(N1, epoch + 1);
      await until(() => leases.two.validUntilMs > systemClock.mono() + 500, 'still renewed');
      await swapUntilDone(one, epoch, next);
      await until(() => epochAt(two) === epoch + 1, 'the other hears of it');
      await etcd.restart(index);
    }
    expect(sizes).to.deep.equal([]);
  });

  const epochAt = (of: EtcdCoordinator): number => seen.get(of) ?? 0;
  const seen = new Map<EtcdCoordinator, number>();
  /** The leader may be the member that was killed: the election takes its time. */
  const swapUntilDone = async (
    by: EtcdCoordinator,
    epoch: number,
    next: ReturnType<typeof ownedBy>,
  ): Promise<void> => {
    for (const of of open)
      if (of instanceof EtcdCoordinator && !seen.has(of))
        of.watch(({ map }) => seen.set(of, map.shards[shard]?.epoch ?? 0));
    const endMs = systemClock.mono() + 15_000;
    for (;;) {
      const outcome = await by.swap(shard, epoch, next).catch(() => undefined);
      if (outcome?.current.epoch === next.epoch) return;
      if (systemClock.mono() > endMs) throw new Error('no swap succeeds');
      await passTime(100);
    }
  };

  it('hears of changes after the history was compacted', async () => {
    const { one, two } = await begin(1);
    for (let epoch = 1; epoch < 20; epoch += 1)
      await one.swap(shard, epoch, ownedBy(N1, epoch + 1));
    const { revision } = await readRange(gateway(), keys.under(''));
    await etcd.post('/v3/kv/compaction', { revision, physical: true });
    const ended = new Promise<void>((resolve) => {
      const range = { ...keys.under(''), after: 1 };
      follow(gateway(), range, { onChanges: () => undefined, onEnd: () => resolve() });
    });
    await ended;
    await etcd.kill();
    await etcd.restart();
    const late = coordinator();
    await swapUntilDone(one, 20, ownedBy(N1, 21));
    await until(() => epochAt(two) === 21, 'the watcher hears of it');
    expect((await late.view()).map.shards[shard]?.epoch).to.equal(21);
  });

  it('lets the lease of a node that stands still run out, and takes it back when it goes on', async () => {
    const clock = new StoppableClock();
    const { one, leases } = await begin(1, clock);
    const stoppedMs = systemClock.mono();
    clock.stop();
    await until(() => one.live()?.has(N2) === false, 'n2 is dead', LEASE_TTL_MS + 1000);
    expect(leases.two.validUntilMs).to.be.at.most(systemClock.mono());
    expect(systemClock.mono() - stoppedMs).to.be.greaterThan(LEASE_TTL_MS / 2);
    clock.goOn();
    await until(() => one.live()?.has(N2) === true, 'n2 is back', 3000);
  });

  it('puts a lease back whose key somebody removed', async () => {
    const { one } = await begin(1);
    await etcd.post('/v3/kv/deleterange', { key: base64(keys.lease(N2)) });
    await until(() => one.live()?.has(N2) === false, 'the key is gone');
    await until(() => one.live()?.has(N2) === true, 'n2 is back');
  });

  it('keeps what it knows when etcd has lost the map, and goes on with one that was rebuilt', async () => {
    const { one, two } = await begin(1);
    await one.swap(shard, 1, ownedBy(N2, 2));
    const before = await two.view();
    const sizes = lives(two);
    const heard: number[] = [];
    two.watch(({ map }) => heard.push(map.version));
    const options = {
      gateway: gateway(),
      keys,
      clusterId,
      view: before,
      attempt: new Uint8Array(16),
    };
    expect(await failureOf(rebuildMap(options))).to.equal('E_USAGE');
    const { from, to } = keys.under('');
    await etcd.post('/v3/kv/deleterange', { key: base64(from), range_end: base64(to) });
    await until(() => one.live()?.size === 2, 'nobody is dead');
    expect(await failureOf(one.view())).to.equal('E_UNREACHABLE');
    expect(await failureOf(one.swap(shard, 2, ownedBy(N1, 3)))).to.equal('E_UNREACHABLE');
    expect(await failureOf(one.join(testMember('n3')))).to.equal('E_UNREACHABLE');
    // An attempt that was cut short leaves nothing that anybody sees.
    await transact(gateway(), [], [{ key: keys.shard(shard), value: Uint8Array.of(1) }]);
    await rebuildMap(options);
    const after = await one.view();
    expect(after.map.version).to.be.greaterThan(before.map.version);
    expect(after.members).to.deep.equal(before.members);
    expect(after.map.shards[shard]).to.deep.equal(ownedBy(N2, 2 + REBUILD_EPOCH_STEP));
    expect(after.map.shards[0]).to.deep.equal(ownedBy(N1, 1 + REBUILD_EPOCH_STEP));
    expect(await failureOf(rebuildMap(options))).to.equal('E_USAGE');
    await until(() => heard.at(-1) === after.map.version, 'the other hears of it');
    await passTime(2 * LEASE_TTL_MS);
    expect(sizes).to.deep.equal([]);
    expect([...(two.live() ?? [])]).to.deep.equal([N1, N2]);
  });

  it('notices that etcd was put back to an older state', async () => {
    const { one } = await begin(1);
    const { version } = (await one.swap(shard, 1, ownedBy(N2, 2)).then(() => one.view())).map;
    expect(await failureOf(coordinator(systemClock, version).view())).to.equal('none');
    expect(await failureOf(coordinator(systemClock, version + 1).view())).to.equal('E_UNREACHABLE');
  });

  it('makes a cluster once, and lets no other take its place', async () => {
    await begin(1);
    const record = { clusterId, shards: SHARDS, first: N1 };
    await createCluster(gateway(), keys, record);
    const other = { ...record, clusterId: new Uint8Array(16) };
    expect(await failureOf(createCluster(gateway(), keys, other))).to.equal('E_CONFIG');
    await createCluster(gateway(), new EtcdKeys('other/'), other);
  });
});

/** What every coordinator promises (C1 to C5), as one suite for all of them. */
import { expect } from 'chai';
import type { Coordinator } from '../../src/cluster/coordinator.ts';
import type { ClusterView, Member } from '../../src/cluster/members.ts';
import { asFastChatError } from '../../src/protocol/errors.ts';
import type { NodeId, ShardId } from '../../src/protocol/ids.ts';
import { parseNodeId, parseShardId } from '../../src/protocol/ids.ts';
import type { StoreClaim, StoreVerdict } from '../../src/cluster/store-tokens.ts';
import { LEASE_RENEW_MS, LEASE_TTL_MS, STORE_TOKEN_BYTES } from '../../src/protocol/limits.ts';

export interface CoordinatorSubject {
  /** The coordinator as one node sees it. */
  readonly coordinator: Coordinator;
  /** The same coordinator as another node sees it. */
  readonly other: Coordinator;
  /** The nodes that see these two. */
  readonly names: { readonly first: string; readonly other: string };
  /** How long news may take that nobody hears of at once. */
  readonly settleMs: number;
  /** The monotonic clock of both nodes. */
  nowMs(): number;
  /** Waits for work, letting simulated time pass. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets `ms` of the subject's time pass. */
  pass(ms: number): Promise<void>;
  /** The process that keeps it dies. */
  crash(): Promise<void>;
  /** It starts again; answers how the first node sees it then. */
  restart(): Promise<Coordinator>;
  close(): Promise<void>;
}

export const CONTRACT_SHARDS = 8;

export function testMember(name: string, key = name, port = 7400): Member {
  return {
    node: parseNodeId(name),
    meshEndpoint: `tcp://127.0.0.1:${port + 100}`,
    curveKey: Uint8Array.from({ length: 32 }, (_, index) => key.charCodeAt(index % key.length)),
    gateHost: '127.0.0.1',
    gatePort: port,
  };
}

const shard = (index: number): ShardId => parseShardId(index);
const owned = (node: string, epoch: number) => ({
  epoch,
  owner: parseNodeId(node),
  replicas: [parseNodeId(node)] as readonly NodeId[],
});

type Alive = ReadonlySet<NodeId> | undefined;

export function coordinatorContract(name: string, create: () => Promise<CoordinatorSubject>): void {
  describe(`a coordinator, ${name}`, () => {
    let subject: CoordinatorSubject;

    beforeEach(async () => {
      subject = await create();
    });
    afterEach(() => subject.close());

    const join = (who: string): Promise<ClusterView> =>
      subject.run(subject.coordinator.join(testMember(who)));
    const codeOf = async (work: Promise<unknown>): Promise<string> =>
      subject.run(work).then(
        () => 'none',
        (cause: unknown) => asFastChatError(cause).code,
      );

    const until = async (what: string, isSo: () => boolean, limitMs = 10_000): Promise<void> => {
      const endMs = subject.nowMs() + limitMs;
      while (!isSo()) {
        if (subject.nowMs() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
        await subject.pass(10);
      }
    };

    it('gives every shard to the first member, in epoch 1', async () => {
      const view = await join('n1');
      expect(view.map.shards).to.deep.equal(
        Array.from({ length: CONTRACT_SHARDS }, () => owned('n1', 1)),
      );
      expect(view.members.map(({ node }) => node)).to.deep.equal(['n1']);
    });

    it('adds members without touching the map, and replaces their addresses', async () => {
      const first = await join('n1');
      const second = await join('n2');
      expect(second.map.shards).to.deep.equal(first.map.shards);
      const moved = await subject.run(subject.coordinator.join(testMember('n2', 'n2', 8400)));
      expect(moved.members.map(({ gatePort }) => gatePort)).to.deep.equal([7400, 8400]);
    });

    it('refuses a second node of the same name', async () => {
      await join('n1');
      const imposter = testMember('n1', 'another key');
      expect(await codeOf(subject.coordinator.join(imposter))).to.equal('E_NAME_TAKEN');
    });

    it('C1: numbers every change, and nothing else', async () => {
      const first = await join('n1');
      const same = await join('n1');
      const second = await join('n2');
      expect(same.map.version).to.equal(first.map.version);
      expect(second.map.version).to.be.greaterThan(first.map.version);
    });

    it('C1: shows no older view after a newer one, to nobody', async () => {
      await join('n1');
      const seen: number[] = [];
      const watch = subject.other.watch((view) => seen.push(view.map.version));
      await join('n2');
      for (let epoch = 1; epoch < 6; epoch += 1)
        await subject.run(subject.coordinator.swap(shard(0), epoch, owned('n2', epoch + 1)));
      await subject.pass(subject.settleMs);
      watch.cancel();
      expect(seen).to.deep.equal(seen.toSorted((left, right) => left - right));
    });

    it('C2: of two swaps with the same expectation one succeeds, and both learn the winner', async () => {
      await join('n1');
      await join('n2');
      const results = await subject.run(
        Promise.all([
          subject.coordinator.swap(shard(3), 1, owned('n1', 2)),
          subject.other.swap(shard(3), 1, owned('n2', 2)),
        ]),
      );
      expect(results.filter(({ swapped }) => swapped)).to.have.length(1);
      expect(results[0]?.current).to.deep.equal(results[1]?.current);
    });

    it('C2: never lowers an epoch', async () => {
      await join('n1');
      await subject.run(subject.coordinator.swap(shard(0), 1, owned('n1', 5)));
      expect(await codeOf(subject.coordinator.swap(shard(0), 5, owned('n1', 5)))).to.equal(
        'E_USAGE',
      );
      const late = await subject.run(subject.coordinator.swap(shard(0), 1, owned('n1', 2)));
      expect(late).to.deep.equal({ swapped: false, current: owned('n1', 5) });
    });

    it('assigns shards to members only, and only shards that exist', async () => {
      await join('n1');
      const { coordinator } = subject;
      expect(await codeOf(coordinator.swap(shard(0), 1, owned('n9', 2)))).to.equal('E_USAGE');
      expect(await codeOf(coordinator.swap(shard(99), 1, owned('n1', 2)))).to.equal('E_USAGE');
      const elsewhere = { ...owned('n1', 2), replicas: [] };
      expect(await codeOf(coordinator.swap(shard(0), 1, elsewhere))).to.equal('E_USAGE');
    });

    it('lets a member leave only when it holds nothing', async () => {
      await join('n1');
      await join('n2');
      const { coordinator } = subject;
      expect(await codeOf(coordinator.leave(parseNodeId('n1')))).to.equal('E_USAGE');
      await subject.run(coordinator.leave(parseNodeId('n2')));
      await subject.run(coordinator.leave(parseNodeId('n2')));
      const view = await subject.run(coordinator.view());
      expect(view.members.map(({ node }) => node)).to.deep.equal(['n1']);
    });

    it('C3: remembers what it answered after a crash', async () => {
      await join('n1');
      await join('n2');
      await subject.run(subject.coordinator.swap(shard(7), 1, owned('n2', 2)));
      await subject.crash();
      const after = await subject.restart();
      const view = await subject.run(after.view());
      expect(view.map.shards[7]).to.deep.equal(owned('n2', 2));
      expect(view.members).to.have.length(2);
    });

    it('C4: tells every watcher of the last change', async () => {
      await join('n1');
      await join('n2');
      let here: ClusterView | undefined;
      let there: ClusterView | undefined;
      subject.coordinator.watch((view) => (here = view));
      subject.other.watch((view) => (there = view));
      for (let index = 0; index < CONTRACT_SHARDS; index += 1)
        await subject.run(subject.coordinator.swap(shard(index), 1, owned('n2', 2)));
      await subject.pass(subject.settleMs);
      const present = await subject.run(subject.coordinator.view());
      expect(here).to.deep.equal(present);
      expect(there).to.deep.equal(present);
    });

    it('tells a watcher that cancelled nothing more', async () => {
      await join('n1');
      await subject.pass(subject.settleMs);
      let calls = 0;
      subject.other.watch(() => (calls += 1)).cancel();
      await join('n2');
      await subject.pass(subject.settleMs);
      expect(calls).to.equal(0);
    });

    describe('stores', () => {
      const token = (fill: number): Uint8Array => new Uint8Array(STORE_TOKEN_BYTES).fill(fill);
      const claim = (count: number, previous: number | undefined, next: number): StoreClaim => ({
        count,
        previous: previous === undefined ? undefined : token(previous),
        next: token(next),
      });
      /** As the node named `other` presents them: an embedded coordinator knows who asks. */
      const present = async (claimed: StoreClaim): Promise<StoreVerdict> =>
        await subject.run(subject.other.recognise(parseNodeId(subject.names.other), claimed));

      beforeEach(async () => {
        await join(subject.names.first);
        await join(subject.names.other);
      });

      it('knows a store that goes on from what was seen last, also when an answer was lost', async () => {
        expect(await present(claim(1, undefined, 10))).to.deep.equal({ isKnown: true, count: 0 });
        expect(await present(claim(2, 10, 20))).to.deep.equal({ isKnown: true, count: 1 });
        expect(await present(claim(2, 10, 20))).to.deep.equal({ isKnown: true, count: 2 });
        expect(await present(claim(3, 20, 30))).to.deep.equal({ isKnown: true, count: 2 });
      });

      it('knows no store of the past and no copy that went its own way, and records nothing of them', async () => {
        await present(claim(1, undefined, 10));
        await present(claim(2, 10, 20));
        await present(claim(3, 20, 30));
        expect(await present(claim(2, 10, 21))).to.deep.equal({ isKnown: false, count: 3 });
        expect(await present(claim(3, 20, 31))).to.deep.equal({ isKnown: false, count: 3 });
        expect(await present(claim(4, 30, 40))).to.deep.equal({ isKnown: true, count: 3 });
      });

      it('accepts a store that gives up its claim, from then on', async () => {
        await present(claim(1, undefined, 10));
        await present(claim(2, 10, 20));
        expect((await present(claim(3, undefined, 33))).isKnown).to.equal(true);
        expect((await present(claim(4, 33, 43))).isKnown).to.equal(true);
        expect((await present(claim(3, 20, 30))).isKnown).to.equal(false);
      });

      it('does not judge a store that is ahead of it: then it was put back itself', async () => {
        await present(claim(1, undefined, 10));
        expect((await present(claim(7, 60, 70))).isKnown).to.equal(true);
        expect((await present(claim(8, 70, 80))).isKnown).to.equal(true);
      });

      it('C3: remembers the store it saw last after a crash', async () => {
        await present(claim(1, undefined, 10));
        await present(claim(2, 10, 20));
        await subject.crash();
        await subject.restart();
        await subject.pass(subject.settleMs);
        expect((await present(claim(1, 5, 11))).isKnown).to.equal(false);
        expect((await present(claim(3, 20, 30))).isKnown).to.equal(true);
      });
    });

    describe('leases', () => {
      const both = (): readonly NodeId[] =>
        [subject.names.first, subject.names.other].map(parseNodeId);
      const hasBoth = (live: Alive): boolean => both().every((node) => live?.has(node) === true);

      /** Both nodes are members, hold a lease, and each sees both. */
      const begin = async () => {
        const { coordinator, other } = subject;
        const [first, second] = both() as [NodeId, NodeId];
        await join(subject.names.first);
        await join(subject.names.other);
        const leases = { first: coordinator.lease(first), other: other.lease(second) };
        await until('both live', () => hasBoth(coordinator.live()) && hasBoth(other.live()));
        return { leases, first, second };
      };

      it('C5: holds as long as it is renewed, as far as its holder knows too', async () => {
        const { leases } = await begin();
        const losses: Alive[] = [];
        const note = (live: Alive): unknown => hasBoth(live) || losses.push(live);
        subject.coordinator.watch(() => undefined, note);
        subject.other.watch(() => undefined, note);
        const endMs = subject.nowMs() + 3 * LEASE_TTL_MS;
        while (subject.nowMs() < endMs) {
          await subject.pass(50);
          const left = leases.other.validUntilMs - subject.nowMs();
          expect(left).to.be.within(LEASE_TTL_MS - 3 * LEASE_RENEW_MS, LEASE_TTL_MS);
        }
        expect(losses).to.deep.equal([]);
      });

      it('C5: ends when its holder falls silent, and the holder knows first', async () => {
        const { leases, second } = await begin();
        const silentMs = subject.nowMs();
        let told: Alive;
        subject.coordinator.watch(
          () => undefined,
          (live) => (told = live),
        );
        await subject.run(subject.other.close());
        const isGone = (): boolean => subject.coordinator.live()?.has(second) === false;
        await until('the silent one is gone', isGone, LEASE_TTL_MS + 1000);
        expect(leases.other.validUntilMs).to.be.at.most(subject.nowMs());
        expect(subject.nowMs() - silentMs).to.be.greaterThan(LEASE_TTL_MS - 2 * LEASE_RENEW_MS);
        expect(told?.has(second)).to.equal(false);
        expect(leases.first.validUntilMs).to.be.greaterThan(subject.nowMs());
      });

      it('C5: ends at once when it is given up, and is not renewed again', async () => {
        const { leases, second } = await begin();
        await subject.run(leases.other.end());
        expect(leases.other.validUntilMs).to.equal(0);
        const isGone = (): boolean => subject.coordinator.live()?.has(second) === false;
        await until('the one that gave up is gone', isGone, LEASE_RENEW_MS);
        await subject.pass(2 * LEASE_RENEW_MS);
        expect(isGone()).to.equal(true);
        expect(leases.other.validUntilMs).to.equal(0);
      });

      it('C5: ends at once when it rests, and begins anew when it is resumed', async () => {
        const { leases, second } = await begin();
        await subject.run(leases.other.rest());
        expect(leases.other.validUntilMs).to.equal(0);
        const isGone = (): boolean => subject.coordinator.live()?.has(second) === false;
        await until('the one that rests is gone', isGone, LEASE_RENEW_MS);
        await subject.pass(2 * LEASE_RENEW_MS);
        expect(isGone(), 'and stays away').to.equal(true);
        leases.other.resume();
        await until('it is back', () => hasBoth(subject.coordinator.live()));
        expect(leases.other.validUntilMs).to.be.greaterThan(subject.nowMs());
      });

      it('C5: outlives a silence and a restart of the coordinator, but its holder stops believing in it', async () => {
        const { leases, second } = await begin();
        const losses: Alive[] = [];
        subject.other.watch(
          () => undefined,
          (live) => hasBoth(live) || losses.push(live),
        );
        await subject.crash();
        await until('the lease runs out', () => leases.other.validUntilMs <= subject.nowMs());
        expect(hasBoth(subject.other.live())).to.equal(true);
        const after = await subject.restart();
        if (after !== subject.coordinator) after.lease(parseNodeId(subject.names.first));
        await until('it is renewed', () => leases.other.validUntilMs > subject.nowMs());
        await subject.pass(2 * LEASE_TTL_MS);
        expect(losses).to.deep.equal([]);
        expect(after.live()?.has(second)).to.equal(true);
      });

      it('shows members only', async () => {
        const { second } = await begin();
        await subject.run(subject.coordinator.leave(second));
        const isGone = (): boolean => subject.coordinator.live()?.has(second) === false;
        await until('the one that left is gone', isGone);
      });
    });
  });
}

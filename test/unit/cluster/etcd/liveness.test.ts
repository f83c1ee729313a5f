import { expect } from 'chai';
import { EtcdLiveness } from '../../../../src/cluster/etcd/liveness.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';
import {
  LEASE_CHECK_LATE_MS,
  LEASE_RENEW_MS,
  LEASE_TTL_MS,
} from '../../../../src/protocol/limits.ts';
import { testMember } from '../../../contract/coordinator.contract.ts';

const MEMBERS = [testMember('n1'), testMember('n2')];
const HELD = Uint8Array.of(1);
const GIVEN_UP = new Uint8Array(0);
const N1 = parseNodeId('n1');
const N2 = parseNodeId('n2');

describe('who lives by the leases in etcd', () => {
  let clock: VirtualClock;
  let liveness: EtcdLiveness;
  let told: NodeId[][];

  beforeEach(async () => {
    clock = new VirtualClock();
    told = [];
    liveness = new EtcdLiveness({ clock, onLive: (live) => told.push([...live]) });
    liveness.update(MEMBERS, leases([N1, N2]));
    await hearFor(LEASE_TTL_MS + 1);
  });
  afterEach(() => liveness.stop());

  const leases = (held: readonly NodeId[], value = HELD): ReadonlyMap<NodeId, Uint8Array> =>
    new Map(held.map((node) => [node, value]));
  /** Time in which etcd answers as it should. */
  const hearFor = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LEASE_RENEW_MS) {
      await clock.advance(Math.min(LEASE_RENEW_MS, ms - passed));
      liveness.heard();
    }
  };
  const live = (): readonly NodeId[] => [...(liveness.live ?? [])];

  it('knows nothing before it has read, and then waits for everybody for one TTL', async () => {
    const fresh = new EtcdLiveness({ clock, onLive: () => undefined });
    expect(fresh.live).to.equal(undefined);
    fresh.update(MEMBERS, leases([N1]));
    expect([...(fresh.live ?? [])]).to.deep.equal([N1, N2]);
    await clock.advance(LEASE_TTL_MS + 1);
    expect([...(fresh.live ?? [])]).to.deep.equal([N1]);
    fresh.stop();
  });

  it('drops a node at once whose lease is gone while etcd answers', () => {
    liveness.update(MEMBERS, leases([N1]));
    expect(live()).to.deep.equal([N1]);
    expect(told.at(-1)).to.deep.equal([N1]);
  });

  it('C5: gives everybody one TTL when etcd was silent, and drops who does not use it', async () => {
    await clock.advance(LEASE_CHECK_LATE_MS + 1);
    liveness.update(MEMBERS, leases([]));
    expect(live()).to.deep.equal([N1, N2]);
    await hearFor(LEASE_TTL_MS / 2);
    liveness.update(MEMBERS, leases([N1]));
    expect(live()).to.deep.equal([N1, N2]);
    await hearFor(LEASE_TTL_MS / 2 + 1);
    expect(live()).to.deep.equal([N1]);
    expect(told).to.deep.equal([[N1, N2], [N1]]);
  });

  it('C5: is as patient when the first word after a silence is an answer, and the bad news come later', async () => {
    await clock.advance(LEASE_CHECK_LATE_MS + 1);
    liveness.heard();
    liveness.update(MEMBERS, leases([]));
    expect(live()).to.deep.equal([N1, N2]);
  });

  it('is not patient with a node that gave its lease up, and brings nobody back by patience', async () => {
    liveness.update(MEMBERS, leases([N1]));
    await clock.advance(LEASE_CHECK_LATE_MS + 1);
    liveness.update(MEMBERS, leases([N1], GIVEN_UP));
    expect(live()).to.deep.equal([]);
  });

  it('shows members only', () => {
    liveness.update([testMember('n2')], leases([N1, N2]));
    expect(live()).to.deep.equal([N2]);
  });
});

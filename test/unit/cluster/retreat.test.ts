import { expect } from 'chai';
import type { ClusterView } from '../../../src/cluster/members.ts';
import { Retreat } from '../../../src/cluster/retreat.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';
import {
  RETREAT_LOOK_MS,
  RETREAT_MINORITY_MS,
  RETREAT_PROBE_MS,
  RETREAT_SESSIONS_MS,
  RETREAT_START_MS,
} from '../../../src/protocol/limits.ts';
import { memberOf } from './support/test-cluster.ts';

const NODES = ['n1', 'n2', 'n3'].map(parseNodeId) as [NodeId, NodeId, NodeId];
const [N1, N2, N3] = NODES;
const VIEW: ClusterView = {
  members: NODES.map((node, index) => memberOf(node, index)),
  map: { version: 1, shards: NODES.map((owner) => ({ epoch: 1, owner, replicas: NODES })) },
};

/** The map, before or after n2 has taken what n1 had. */
function mapOf(state: { readonly isTaken: boolean }): {
  members: ClusterView['members'];
  view: ClusterView;
} {
  return {
    members: VIEW.members,
    get view() {
      const shards = VIEW.map.shards.map((shard) => ({ ...shard, owner: N2 }));
      return state.isTaken ? { ...VIEW, map: { version: 2, shards } } : VIEW;
    },
  };
}

/** n1 among two others, with a lease that a test can take away and a coordinator that it can silence. */
class Around {
  readonly clock = new VirtualClock({ seed: 1 });
  readonly story: string[] = [];
  heard: ReadonlySet<NodeId> = new Set(NODES);
  live = new Set(NODES);
  isReached = true;
  /** Shards that n1 had and n2 has taken. */
  isTaken = false;
  readonly retreat: Retreat;

  constructor() {
    const { clock, story } = this;
    const validUntil = (): number => (this.isReached && this.live.has(N1) ? Infinity : 0);
    this.retreat = new Retreat({
      self: N1,
      directory: mapOf(this),
      membership: { isUp: (node) => this.heard.has(node) },
      coordinator: {
        live: () => this.live,
        view: () =>
          this.isReached
            ? Promise.resolve(VIEW)
            : Promise.reject(new FastChatError('E_UNREACHABLE', 'no answer')),
      },
      lease: {
        get validUntilMs() {
          return validUntil();
        },
        rest: async () => {
          story.push('rest');
          this.live.delete(N1);
          await Promise.resolve();
        },
        resume: () => {
          story.push('resume');
          this.live.add(N1);
        },
      },
      isHeardElsewhere: () => false,
      onFit: (isFit) => story.push(isFit ? 'fit' : 'unfit'),
      clock,
      log: silentLog,
    });
  }

  /** Started, and it has met the others. */
  static async settled(): Promise<Around> {
    const around = new Around();
    around.retreat.start();
    await around.clock.advance(RETREAT_LOOK_MS);
    return around;
  }
}

const SOON_MS = RETREAT_MINORITY_MS + 2 * RETREAT_LOOK_MS;

describe('a node that no longer hears the others', () => {
  it('gives up its lease, then its sessions, and comes back when it hears them', async () => {
    const around = await Around.settled();
    const { clock, story } = around;
    around.heard = new Set([N1]);
    await clock.advance(RETREAT_MINORITY_MS - RETREAT_LOOK_MS);
    expect(story, 'a moment is no partition').to.deep.equal([]);
    await clock.advance(3 * RETREAT_LOOK_MS);
    expect(story).to.deep.equal(['rest']);
    around.isTaken = true;
    await clock.advance(RETREAT_SESSIONS_MS + RETREAT_LOOK_MS);
    expect(story).to.deep.equal(['rest', 'unfit']);
    await clock.advance(60_000);
    expect(story, 'and stays aside').to.deep.equal(['rest', 'unfit']);
    around.heard = new Set(NODES);
    await clock.advance(RETREAT_LOOK_MS);
    expect(story).to.deep.equal(['rest', 'unfit', 'fit', 'resume']);
    expect(around.retreat.isFit).to.equal(true);
  });

  it('does not count silences that end in between', async () => {
    const around = await Around.settled();
    for (let flap = 0; flap < 20; flap += 1) {
      around.heard = new Set([N1]);
      await around.clock.advance(RETREAT_MINORITY_MS / 2);
      around.heard = new Set(NODES);
      await around.clock.advance(RETREAT_LOOK_MS);
    }
    expect(around.story).to.deep.equal([]);
  });

  it('R2: keeps its sessions until somebody has taken its shards', async () => {
    const around = await Around.settled();
    around.heard = new Set([N1]);
    await around.clock.advance(60_000);
    expect(around.story, 'nobody hears anybody').to.deep.equal(['rest']);
    around.isTaken = true;
    await around.clock.advance(RETREAT_LOOK_MS);
    expect(around.story).to.deep.equal(['rest', 'unfit']);
  });

  it('gives its sessions up without a word from the coordinator, too', async () => {
    const around = await Around.settled();
    around.isReached = false;
    around.heard = new Set([N1]);
    await around.clock.advance(SOON_MS + RETREAT_SESSIONS_MS);
    expect(around.story).to.deep.equal(['rest', 'unfit']);
    around.heard = new Set([N1, N3]);
    await around.clock.advance(RETREAT_PROBE_MS + RETREAT_LOOK_MS);
    expect(around.story).to.deep.equal(['rest', 'unfit', 'fit', 'resume']);
  });

  it('waits longer at its start, when everybody may be starting', async () => {
    const around = new Around();
    around.heard = new Set([N1]);
    around.retreat.start();
    await around.clock.advance(RETREAT_START_MS - RETREAT_LOOK_MS);
    expect(around.story).to.deep.equal([]);
    await around.clock.advance(2 * RETREAT_LOOK_MS);
    expect(around.story).to.deep.equal(['rest']);
    around.retreat.stop();
  });
});

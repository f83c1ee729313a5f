/** Hubs of several nodes, on a mesh of function calls, with a group actor that a test plays. */
import { expect } from 'chai';
import { GroupHub } from '../../../src/node/group-hub.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import type { Outcome } from '../../../src/protocol/calls.ts';
import type { Push } from '../../../src/protocol/client-calls.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { GroupRequest } from '../../../src/protocol/group-calls.ts';
import type { GroupNews, GroupStanding } from '../../../src/protocol/group-facts.ts';
import type { GroupEntry } from '../../../src/protocol/group-log.ts';
import {
  parseGroupId,
  parseIncarnation,
  parseNodeId,
  parseUserId,
} from '../../../src/protocol/ids.ts';
import type { NodeId, UserId } from '../../../src/protocol/ids.ts';
import {
  ANNOUNCE_RETRY_MS,
  FAN_OUT_DIRECT_NODES_MAX,
  GROUP_INTEREST_LEASE_MS,
  GROUP_MARKS_DELAY_MS,
  GROUP_RENEWAL_STEP_MS,
} from '../../../src/protocol/limits.ts';

const team = parseGroupId('#team');
const incarnation = parseIncarnation('1'.repeat(32));
const ann = parseUserId('@ann');
const bob = parseUserId('@bob');
const n1 = parseNodeId('n1');
const standing: GroupStanding = {
  incarnation,
  head: 5,
  position: 1,
  epoch: 1,
  rekeyDue: false,
  since: 1,
  pending: 0,
};

function entriesNews(seq: number, ended: readonly UserId[] = []): GroupNews {
  const entry: GroupEntry = { type: 'operation', seq, at: 1, signed: new Uint8Array(65) };
  return { type: 'entries', group: team, incarnation, entries: [entry], ended };
}

class HubWorld {
  readonly clock = new VirtualClock();
  readonly hubs = new Map<NodeId, GroupHub>();
  readonly pushed: Array<readonly [NodeId, session: number, Push]> = [];
  /** Every frame: from, to. */
  readonly frames: Array<readonly [NodeId, NodeId]> = [];
  readonly asked: GroupRequest[] = [];
  readonly told: GroupRequest[] = [];
  answer: Outcome<object> | undefined = { ok: true, value: standing };
  /** Answers that the group still owes. */
  readonly owed: Array<(outcome: Outcome<object>) => void> = [];
  readonly down = new Set<NodeId>();
  readonly #served = new Map<NodeId, (payload: Uint8Array) => void>();

  constructor(count = 1) {
    for (let index = 1; index <= count; index += 1) this.#add(parseNodeId(`n${index}`));
  }

  hub(node = n1): GroupHub {
    const hub = this.hubs.get(node);
    if (hub === undefined) throw new Error(`no hub ${node}`);
    return hub;
  }

  loads(): ReadonlyMap<NodeId, number> {
    return new Map([...this.hubs.keys()].map((node, index) => [node, 1 + (index % 4)]));
  }

  subscribe(number: number, user = ann, node = n1): Array<Outcome<object>> {
    const outcomes: Array<Outcome<object>> = [];
    this.hub(node).subscribe({ number, user }, team, (outcome) => outcomes.push(outcome));
    return outcomes;
  }

  of(type: GroupRequest['type']): GroupRequest[] {
    return [...this.asked, ...this.told].filter((request) => request.type === type);
  }

  #add(self: NodeId): void {
    const hub = new GroupHub({
      self,
      mesh: {
        serve: (_, { tell }) => {
          this.#served.set(self, (payload) => tell?.(self, payload));
        },
        tell: (to, _, payload) => {
          this.frames.push([self, to]);
          if (this.down.has(to)) return false;
          this.#served.get(to)?.(payload);
          return true;
        },
      },
      courier: {
        ask: (_, request, done) => {
          this.asked.push(request as unknown as GroupRequest);
          const answer = done as (outcome: Outcome<object>) => void;
          if (this.answer === undefined) this.owed.push(answer);
          else answer(this.answer);
        },
        tell: (_, request) => this.told.push(request as GroupRequest),
        push: () => undefined,
      },
      clock: this.clock,
      random: seededRandom(3),
      loads: () => this.loads(),
      deliver: (session, push) => this.pushed.push([self, session, push]),
    });
    this.hubs.set(self, hub);
  }
}

describe('the hub of groups', () => {
  it('hands one frame to every session that subscribed, and to no other', () => {
    const world = new HubWorld(2);
    world.subscribe(1);
    world.subscribe(2, bob);
    world.hub().fanOut([n1], entriesNews(6));
    expect(world.pushed.map(([, session, { type }]) => [session, type])).to.deep.equal([
      [1, 'groupEntries'],
      [2, 'groupEntries'],
    ]);
    expect(world.pushed[0]?.[2]).to.equal(world.pushed[1]?.[2]);
  });

  it('sends one frame per node, whatever the number of sessions there', () => {
    const world = new HubWorld(3);
    const n2 = parseNodeId('n2');
    const n3 = parseNodeId('n3');
    for (let session = 1; session <= 5; session += 1) world.subscribe(session, ann, n2);
    world.subscribe(1, bob, n3);
    world.hub().fanOut([n2, n3], entriesNews(6));
    expect(world.frames).to.deep.equal([
      [n1, n2],
      [n1, n3],
    ]);
    expect(world.pushed).to.have.lengthOf(6);
  });

  it('lets others hand on what goes to very many nodes', () => {
    const world = new HubWorld(64);
    for (const node of world.hubs.keys()) world.subscribe(1, ann, node);
    world.hub().fanOut([...world.hubs.keys()], entriesNews(6));
    expect(new Set(world.pushed.map(([node]) => node)).size).to.equal(64);
    expect(world.pushed).to.have.lengthOf(64);
    const own = world.frames.filter(([from]) => from === n1);
    expect(own).to.have.lengthOf(FAN_OUT_DIRECT_NODES_MAX);
    expect(world.frames).to.have.lengthOf(63);
  });

  it('hands on through each relay in proportion to 1 / its load: 64 nodes, within 5 %', function () {
    this.timeout(30_000);
    const world = new HubWorld(64);
    const nodes = [...world.hubs.keys()];
    const news = 4000;
    for (let count = 1; count <= news; count += 1) world.hub().fanOut(nodes, entriesNews(count));
    const handed = new Map<NodeId, number>();
    for (const [from] of world.frames)
      if (from !== n1) handed.set(from, (handed.get(from) ?? 0) + 1);
    const loads = world.loads();
    const weightOf = (node: NodeId): number => 1 / (loads.get(node) ?? Infinity);
    const relays = [...handed.keys()];
    const weights = relays.reduce((sum, node) => sum + weightOf(node), 0);
    const onward = world.frames.length - news * FAN_OUT_DIRECT_NODES_MAX;
    expect(onward).to.equal(news * (63 - FAN_OUT_DIRECT_NODES_MAX));
    expect(relays).to.have.lengthOf(FAN_OUT_DIRECT_NODES_MAX);
    expect(new Set(relays.map(weightOf)).size).to.be.greaterThan(1);
    for (const [node, frames] of handed) {
      const fair = (onward * weightOf(node)) / weights;
      expect(frames / fair, node).to.be.within(0.95, 1.05);
    }
  });

  it('counts what it could not send', () => {
    const world = new HubWorld(2);
    world.down.add(parseNodeId('n2'));
    world.hub().fanOut([parseNodeId('n2')], entriesNews(6));
    expect(world.hub().counts.lost).to.equal(1);
  });

  it('H1: pushes nothing to a session whose user the group does not know', () => {
    const world = new HubWorld();
    world.answer = { ok: false, error: new FastChatError('E_NO_SUCH_GROUP', 'no') };
    expect(world.subscribe(1)[0]).to.include({ ok: false });
    world.hub().fanOut([n1], entriesNews(6));
    expect(world.pushed).to.deep.equal([]);
    expect(world.hub().size).to.equal(0);
  });

  it('H2: tells the session what came while its subscription was asked for', () => {
    const world = new HubWorld();
    world.answer = undefined;
    const outcomes = world.subscribe(1);
    world.hub().fanOut([n1], entriesNews(6));
    expect([outcomes, world.pushed]).to.deep.equal([[], []]);
    world.owed[0]?.({ ok: true, value: standing });
    expect(outcomes).to.have.lengthOf(1);
    expect(world.pushed.map(([, session, push]) => [session, push])).to.deep.equal([
      [1, { type: 'groupHead', group: team, incarnation, head: 6 }],
    ]);
  });

  it('pushes nothing more to who was put out, but the entry that says so', () => {
    const world = new HubWorld();
    world.subscribe(1, ann);
    world.subscribe(2, bob);
    world.hub().fanOut([n1], entriesNews(6, [bob]));
    world.hub().fanOut([n1], entriesNews(7));
    expect(world.pushed.map(([, session]) => session)).to.deep.equal([1, 2, 1]);
  });

  it('says when nobody listens any more', () => {
    const world = new HubWorld();
    world.subscribe(1);
    world.subscribe(2);
    world.hub().leave(1);
    expect(world.told).to.deep.equal([]);
    world.hub().leave(2);
    expect(world.told).to.deep.equal([{ type: 'groupInterest', node: n1, users: [] }]);
    expect(world.hub().size).to.equal(0);
  });

  it('renews its lease in time, for the users who are there', async () => {
    const world = new HubWorld();
    world.subscribe(1, ann);
    world.subscribe(2, bob);
    world.subscribe(3, bob);
    world.answer = { ok: true, value: { incarnation, head: 5, ended: [] } };
    await world.clock.advance(2 * GROUP_INTEREST_LEASE_MS);
    const renewals = world.of('groupInterest');
    expect(renewals.length).to.be.within(3, 4);
    expect(renewals[0]).to.deep.equal({ type: 'groupInterest', node: n1, users: [ann, bob] });
  });

  it('says within a second that somebody has gone while others listen on', async () => {
    const world = new HubWorld();
    world.subscribe(1, ann);
    world.subscribe(2, bob);
    world.answer = { ok: true, value: { incarnation, head: 5, ended: [] } };
    world.hub().leave(2);
    await world.clock.advance(GROUP_RENEWAL_STEP_MS);
    expect(world.of('groupInterest')).to.deep.equal([
      { type: 'groupInterest', node: n1, users: [ann] },
    ]);
  });

  it('H2: learns from a renewal what was lost, and who may not listen', async () => {
    const world = new HubWorld();
    world.subscribe(1, ann);
    world.subscribe(2, bob);
    world.hub().fanOut([n1], entriesNews(6));
    world.pushed.length = 0;
    world.answer = { ok: true, value: { incarnation, head: 9, ended: [bob] } };
    world.hub().announce((group) => group === team);
    await world.clock.advance(0);
    expect(world.pushed.map(([, session, push]) => [session, push])).to.deep.equal(
      [1, 2].map((session) => [session, { type: 'groupHead', group: team, incarnation, head: 9 }]),
    );
    world.hub().fanOut([n1], entriesNews(10));
    expect(world.pushed.slice(2).map(([, session]) => session)).to.deep.equal([1]);
  });

  it('asks again soon when the owner is out of reach, and gives up a group that is gone', async () => {
    const world = new HubWorld();
    world.subscribe(1);
    world.answer = { ok: false, error: new FastChatError('E_UNREACHABLE', 'no') };
    world.hub().announce(() => true);
    world.answer = { ok: false, error: new FastChatError('E_NO_SUCH_GROUP', 'no') };
    await world.clock.advance(ANNOUNCE_RETRY_MS + 2 * GROUP_RENEWAL_STEP_MS);
    expect(world.of('groupInterest').slice(0, 2)).to.have.lengthOf(2);
    expect(world.hub().size).to.equal(0);
  });

  it('gathers how far members got, and tells the group once', async () => {
    const world = new HubWorld();
    const mark = (user: UserId, delivered: number, read = 0) => ({ user, delivered, read });
    world.hub().acknowledge(team, incarnation, mark(ann, 3));
    world.hub().acknowledge(team, incarnation, mark(bob, 2, 1));
    world.hub().acknowledge(team, incarnation, mark(ann, 2, 2));
    await world.clock.advance(GROUP_MARKS_DELAY_MS);
    expect(world.told).to.deep.equal([
      { type: 'groupMarks', incarnation, marks: [mark(ann, 3, 2), mark(bob, 2, 1)] },
    ]);
  });

  it('hands marks to sessions as they are', () => {
    const world = new HubWorld();
    world.subscribe(1);
    const marks = [{ user: bob, delivered: 4, read: 0 }];
    world.hub().fanOut([n1], { type: 'marks', group: team, incarnation, marks });
    expect(world.pushed.map(([, , push]) => push)).to.deep.equal([
      { type: 'groupMarks', group: team, incarnation, marks },
    ]);
  });
});

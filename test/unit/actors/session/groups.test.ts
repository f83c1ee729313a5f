import { expect } from 'chai';
import type { SessionEffect } from '../../../../src/actors/session/messages.ts';
import { clientCalls } from '../../../../src/protocol/client-calls.ts';
import type { ClientRequest, Push } from '../../../../src/protocol/client-calls.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { groupCalls } from '../../../../src/protocol/group-calls.ts';
import type { GroupEntry } from '../../../../src/protocol/group-log.ts';
import { parseGroupId, parseIncarnation } from '../../../../src/protocol/ids.ts';
import type { GroupId } from '../../../../src/protocol/ids.ts';
import {
  PULL_ENTRIES_MAX,
  PUSH_WINDOW_ENTRIES,
  SESSION_CALLS_BURST,
} from '../../../../src/protocol/limits.ts';
import { userCalls } from '../../../../src/protocol/user-calls.ts';
import { ALICE, DEVICE, SessionBench, envelope, only, refusals } from './session-bench.ts';

const team = parseGroupId('#team');
const other = parseGroupId('#other');
const incarnation = parseIncarnation('1'.repeat(32));
const standing = {
  incarnation,
  head: 10,
  position: 1,
  epoch: 1,
  rekeyDue: false,
  since: 1,
  pending: 2,
};

const pushesOf = (effects: readonly SessionEffect[]): Push[] =>
  effects.flatMap((effect) => (effect.type === 'push' ? [effect.push] : []));

function news(
  from: number,
  to: number,
  group: GroupId = team,
): Extract<Push, { type: 'groupEntries' }> {
  const entries: GroupEntry[] = [];
  for (let seq = from; seq <= to; seq += 1)
    entries.push({ type: 'message', seq, at: 1, envelope: envelope({ to: group }) });
  return { type: 'groupEntries', group, incarnation, entries };
}

const head = (newest: number, group = team) => ({
  type: 'groupHead',
  group,
  incarnation,
  head: newest,
});

/** Attached, with subscriptions that begin at entry 10. */
function subscribed(...groups: readonly GroupId[]): SessionBench {
  const bench = new SessionBench().attach();
  const outcomes = groups.map((group) => [group, { ok: true, value: standing }] as const);
  bench.tell({ type: 'subscribed', id: 0, outcomes });
  return bench;
}

const pushed = (bench: SessionBench, push: Push): Push[] =>
  pushesOf(bench.tell({ type: 'push', push }));
const acked = (bench: SessionBench, delivered: number, group = team): Push[] =>
  pushesOf(bench.say({ type: 'groupAck', group, incarnation, delivered, read: 0 }));

describe('a session: calls about groups', () => {
  it('go to the group in the name of the own user, whatever the client says', () => {
    const seals = [] as const;
    const signed = new Uint8Array(65);
    const seal = { epoch: 1, boxEpoch: 1, sealed: new Uint8Array(80) };
    const operation = new Uint8Array(32);
    const cases: ReadonlyArray<readonly [ClientRequest, object]> = [
      [
        { type: 'groupOperate', group: team, signed, seals },
        { type: 'groupOperate', author: ALICE, signed, seals },
      ],
      [
        { type: 'groupStage', group: team, operation, from: 0, seals },
        { type: 'groupStage', author: ALICE, operation, from: 0, seals },
      ],
      [
        { type: 'groupPull', group: team, incarnation, from: 3, limit: 9999 },
        { type: 'groupPull', asker: ALICE, incarnation, from: 3, limit: PULL_ENTRIES_MAX },
      ],
      [
        { type: 'groupChain', group: team, incarnation, from: 1, limit: 0 },
        { type: 'groupChain', asker: ALICE, incarnation, from: 1, limit: 1 },
      ],
      [
        { type: 'groupInfo', group: team },
        { type: 'groupInfo', asker: ALICE },
      ],
      [
        { type: 'groupKeys', group: team, incarnation, from: 1 },
        { type: 'groupKeys', asker: ALICE, incarnation, from: 1 },
      ],
      [
        { type: 'putGroupKey', group: team, incarnation, seal },
        { type: 'putGroupKey', asker: ALICE, incarnation, seal },
      ],
      [
        { type: 'groupReceipts', group: team, incarnation, seqs: [1] },
        { type: 'groupReceipts', asker: ALICE, incarnation, seqs: [1] },
      ],
    ];
    for (const [call, request] of cases)
      expect(new SessionBench().attach().say(call)).to.deep.equal([
        { type: 'forward', id: 1, to: team, request },
      ]);
    expect(new SessionBench().attach().say({ type: 'groups' })).to.deep.equal([
      { type: 'forward', id: 1, to: ALICE, request: { type: 'groups' } },
    ]);
  });

  it('are answered with the same fields on both wires', () => {
    const labels = (fields: ReadonlyArray<readonly [string, { label: string }]>): object =>
      fields.map(([field, { label }]) => [field, label]);
    for (const name of [
      'groupOperate',
      'groupStage',
      'groupPull',
      'groupChain',
      'groupInfo',
      'groupKeys',
      'putGroupKey',
      'groupReceipts',
    ] as const)
      expect(labels(clientCalls.calls[name].reply.fields), name).to.deep.equal(
        labels(groupCalls.calls[name].reply.fields),
      );
    expect(labels(clientCalls.calls.groups.reply.fields)).to.deep.equal(
      labels(userCalls.calls.groups.reply.fields),
    );
    expect(labels(clientCalls.calls.send.reply.fields)).to.deep.equal(
      labels(groupCalls.calls.groupAppend.reply.fields),
    );
  });

  it('a message to a group goes to the group, in the name of this device only', () => {
    const bench = new SessionBench().attach();
    const mine = envelope({ to: team });
    const [sent] = only(bench.say({ type: 'send', envelope: mine }), 'forward');
    expect(sent)
      .to.include({ to: team })
      .and.to.have.nested.property('request.type', 'groupAppend');
    const effects = bench.say({ type: 'send', envelope: { ...mine, from: '@bob' as never } });
    expect(refusals(effects)).to.deep.equal(['1 E_BAD_FRAME']);
  });

  it('are too many at some time: groups and seals count', () => {
    const bench = new SessionBench().attach();
    const groups = Array.from({ length: 100 }, (_, index) => parseGroupId(`#g${index}`));
    const calls = Array.from({ length: 30 }, () => ({ type: 'subscribe', groups }) as const);
    const refused = refusals(bench.say(...calls));
    expect(refused.length).to.be.greaterThan(5);
    expect(refused[0]).to.match(/E_RATE_LIMITED/);
  });
});

describe('a session: subscriptions', () => {
  it('tell the client where each group stands, or that there is none, or to ask later', () => {
    const bench = new SessionBench().attach();
    const groups = [team, other];
    expect(bench.say({ type: 'subscribe', groups })).to.deep.equal([
      { type: 'subscribe', id: 1, user: ALICE, groups },
    ]);
    const late = parseGroupId('#late');
    const effects = bench.tell({
      type: 'subscribed',
      id: 1,
      outcomes: [
        [team, { ok: true, value: standing }],
        [other, { ok: false, error: new FastChatError('E_NO_SUCH_GROUP', 'no') }],
        [late, { ok: false, error: new FastChatError('E_UNREACHABLE', 'no') }],
      ],
    });
    const reply = {
      groups: [
        { group: team, standing, later: false },
        { group: other, standing: undefined, later: false },
        { group: late, standing: undefined, later: true },
      ],
    };
    expect(effects).to.deep.equal([{ type: 'reply', id: 1, call: 'subscribe', reply }]);
  });

  it('push what follows what the client pulls by itself', () => {
    const bench = subscribed(team);
    const push = news(11, 12);
    expect(pushed(bench, push)).to.deep.equal([push]);
    expect(pushed(bench, news(13, 13))[0]).to.have.property('type', 'groupEntries');
  });

  it('hand the very push on, so that its bytes are made once for all', () => {
    const push = news(11, 12);
    expect(pushed(subscribed(team), push)[0]).to.equal(push);
  });

  it('V1: a gap is a reason to pull, and what was told is not pushed again', () => {
    const bench = subscribed(team);
    expect(pushed(bench, news(13, 14))).to.deep.equal([head(14)]);
    expect(pushed(bench, news(11, 12))).to.deep.equal([]);
    expect(pushed(bench, news(15, 15))).to.have.lengthOf(1);
  });

  it('V2, V3: a client that acknowledges nothing is told to pull once it does', () => {
    const bench = subscribed(team, other);
    const half = PUSH_WINDOW_ENTRIES / 2;
    expect(pushed(bench, news(11, 10 + half))).to.have.lengthOf(1);
    expect(pushed(bench, news(11, 10 + half, other))).to.have.lengthOf(1);
    expect(pushed(bench, news(11 + half, 11 + half))).to.deep.equal([]);
    expect(pushed(bench, news(12 + half, 12 + half))).to.deep.equal([]);
    expect(acked(bench, 10 + half, other)).to.deep.equal([head(12 + half)]);
    expect(pushed(bench, news(13 + half, 13 + half))).to.have.lengthOf(1);
  });

  it('V3: a link that is written to faster than it takes is told to pull when it is free', () => {
    const bench = subscribed(team);
    bench.tell({ type: 'congested' });
    expect(pushed(bench, news(11, 11))).to.deep.equal([]);
    const marks = { type: 'groupMarks', group: team, incarnation, marks: [] } as const;
    expect(pushed(bench, marks)).to.deep.equal([]);
    expect(pushesOf(bench.tell({ type: 'writable' }))).to.deep.equal([head(11)]);
    expect(pushed(bench, marks)).to.deep.equal([marks]);
  });

  it('what did not fit the mailbox of the session is pulled', () => {
    const bench = subscribed(team);
    const effects = bench.tell({ type: 'missedGroup', group: team, incarnation, head: 20 });
    expect(pushesOf(effects)).to.deep.equal([head(20)]);
  });

  it('ignore groups that nobody subscribed to, and another life of one', () => {
    expect(pushed(new SessionBench().attach(), news(1, 1))).to.deep.equal([]);
    const bench = subscribed(team);
    expect(pushed(bench, news(11, 11, other))).to.deep.equal([]);
    const again = { ...news(11, 11), incarnation: parseIncarnation('2'.repeat(32)) };
    expect(pushed(bench, again)).to.deep.equal([]);
  });

  it('begin anew when the client subscribes again', () => {
    const bench = subscribed(team);
    pushed(bench, news(11, 20));
    const outcomes = [[team, { ok: true, value: { ...standing, head: 30 } }]] as const;
    bench.tell({ type: 'subscribed', id: 0, outcomes });
    expect(bench.attached.groups).to.include({ unacknowledged: 0 });
    expect(pushed(bench, news(31, 31))).to.have.lengthOf(1);
  });

  it('hand acknowledgements on, whoever the client claims to be', () => {
    const bench = subscribed(team);
    const effects = bench.say({
      type: 'groupAck',
      group: team,
      incarnation,
      delivered: 12,
      read: 11,
    });
    expect(effects[0]).to.deep.equal({
      type: 'acknowledgeGroup',
      group: team,
      incarnation,
      mark: { user: ALICE, delivered: 12, read: 11 },
    });
    expect(DEVICE).to.equal(bench.attached.device);
  });

  it('are acknowledged past the budget for calls; what was not subscribed to is not told', () => {
    const bench = subscribed(team);
    pushed(bench, news(11, 20));
    const ack = { type: 'groupAck', incarnation, delivered: 20, read: 0 } as const;
    for (let call = 0; call <= SESSION_CALLS_BURST; call += 1) bench.say({ type: 'groups' });
    expect(only(bench.say({ ...ack, group: other }), 'acknowledgeGroup')).to.deep.equal([]);
    const effects = bench.say({ ...ack, group: team });
    expect(refusals(effects)).to.deep.equal([]);
    expect(only(effects, 'acknowledgeGroup')).to.have.lengthOf(1);
    expect(bench.attached.groups).to.include({ unacknowledged: 0 });
  });

  it('tells of what came while the other groups of the same call had not answered yet', () => {
    const bench = new SessionBench().attach();
    expect(pushed(bench, news(11, 12))).to.deep.equal([]);
    expect(
      pushed(bench, { ...news(13, 13), incarnation: parseIncarnation('2'.repeat(32)) }),
    ).to.deep.equal([]);
    expect(pushed(bench, news(11, 12))).to.deep.equal([]);
    const outcomes = [[team, { ok: true, value: standing }]] as const;
    const effects = bench.tell({ type: 'subscribed', id: 7, outcomes });
    expect(effects.map(({ type }) => type)).to.deep.equal(['reply', 'push']);
    expect(pushesOf(effects)).to.deep.equal([head(12)]);
    expect(pushed(bench, news(13, 13))).to.deep.equal([news(13, 13)]);
  });
});

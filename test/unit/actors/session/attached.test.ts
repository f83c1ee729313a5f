import { expect } from 'chai';
import type { ClientRequest } from '../../../../src/protocol/client-calls.ts';
import { clientCalls } from '../../../../src/protocol/client-calls.ts';
import { parseDeviceId, parseGroupId, parseUserId } from '../../../../src/protocol/ids.ts';
import {
  ANNOUNCE_RETRY_MS,
  DEFAULT_LIMITS,
  GO_AWAY_GRACE_MS,
  MOVED_GRACE_MS,
  KEEPALIVE_INTERVAL_MS,
  PRESENCE_LEASE_MS,
  PULL_ENTRIES_MAX,
  SESSION_CALLS_BURST,
  WATCHED_USERS_PER_CALL,
} from '../../../../src/protocol/limits.ts';
import { userCalls } from '../../../../src/protocol/user-calls.ts';
import {
  ALICE,
  BOB,
  DEVICE,
  GATE_HERE,
  GATE_THERE,
  LIFE,
  REDIRECT,
  SESSION,
  SessionBench,
  entries,
  envelope,
  kinds,
  only,
  refusals,
} from './session-bench.ts';

const PING: ClientRequest = { type: 'ping' };
const DETACH = { type: 'detach', device: DEVICE, session: SESSION };

describe('calls of a session', () => {
  it('send goes to the recipient as it is', () => {
    const effects = new SessionBench().attach().say({ type: 'send', envelope: envelope() });
    expect(effects).to.deep.equal([
      { type: 'forward', id: 1, to: BOB, request: { type: 'append', envelope: envelope() } },
    ]);
  });

  it('send is in the name of the own device only', () => {
    const forged = [{ from: BOB }, { device: parseDeviceId(4) }];
    for (const change of forged) {
      const effects = new SessionBench().attach().say({ type: 'send', envelope: envelope(change) });
      expect(refusals(effects)).to.deep.equal(['1 E_BAD_FRAME']);
    }
  });

  it('each call goes to the actor it is for', () => {
    const contact = { user: BOB, contact: true, blocked: false };
    const cases: ReadonlyArray<readonly [ClientRequest, string, object]> = [
      [{ type: 'keys', user: BOB }, BOB, { type: 'keys', asker: ALICE }],
      [{ type: 'receipts', user: BOB }, BOB, { type: 'receipts', sender: ALICE }],
      [{ type: 'presence', user: BOB }, BOB, { type: 'presence', asker: ALICE }],
      [{ type: 'vault' }, ALICE, { type: 'vault' }],
      [{ type: 'devices' }, ALICE, { type: 'devices' }],
      [{ type: 'contacts' }, ALICE, { type: 'contacts' }],
      [{ type: 'putContact', ...contact }, ALICE, { type: 'putContact', ...contact }],
      [{ type: 'revokeDevice', device: DEVICE }, ALICE, { type: 'revokeDevice', device: DEVICE }],
      [
        { type: 'pull', log: ALICE, from: 5, limit: 9999 },
        ALICE,
        { type: 'pull', device: DEVICE, from: 5, limit: PULL_ENTRIES_MAX },
      ],
    ];
    for (const [call, to, request] of cases)
      expect(new SessionBench().attach().say(call)).to.deep.equal([
        { type: 'forward', id: 1, to, request },
      ]);
  });

  it('the answer of every call that is passed on has the same fields on both wires', () => {
    const pairs = [
      ['send', 'append'],
      ...['pull', 'keys', 'receipts', 'presence', 'vault', 'putVault', 'devices'].map(same),
      ...['revokeDevice', 'contacts', 'putContact', 'changePassword'].map(same),
    ] as ReadonlyArray<readonly [keyof typeof clientCalls.calls, keyof typeof userCalls.calls]>;
    for (const [name, inner] of pairs) {
      const fieldsOf = (fields: ReadonlyArray<readonly [string, { label: string }]>): object =>
        fields.map(([field, { label }]) => [field, label]);
      expect(fieldsOf(clientCalls.calls[name].reply.fields), name).to.deep.equal(
        fieldsOf(userCalls.calls[inner].reply.fields),
      );
    }
    function same(name: string): readonly [string, string] {
      return [name, name];
    }
  });

  it('a strange inbox is refused; a group is read by calls of its own', () => {
    const group = parseGroupId('#team');
    const bench = new SessionBench().attach();
    const effects = bench.say(
      { type: 'pull', log: BOB, from: 1, limit: 1 },
      { type: 'pull', log: group, from: 1, limit: 1 },
    );
    expect(refusals(effects)).to.deep.equal(['1 E_BAD_FRAME', '2 E_BAD_FRAME']);
  });

  it('ping asks for the head and answers with the time', () => {
    const bench = new SessionBench().attach();
    const [ask] = only(bench.say(PING), 'ask');
    expect(ask).to.deep.include({ id: 1, to: ALICE });
    expect(ask?.request).to.deep.equal({ type: 'head', device: DEVICE, session: SESSION });
    expect(bench.answer('head', { head: 100, memberships: 7 })).to.deep.equal([
      { type: 'pong', id: 1, head: 100, memberships: 7 },
    ]);
    bench.say(PING);
    expect(refusals(bench.refuse('head', 'E_TIMEOUT'))).to.deep.equal(['1 E_TIMEOUT']);
  });

  it('ack moves the window and is told to the user actor once', () => {
    const bench = new SessionBench().attach();
    const first = bench.say({ type: 'ack', upTo: 95 });
    expect(only(first, 'tell')[0]?.request).to.deep.equal({
      type: 'ack',
      device: DEVICE,
      upTo: 95,
    });
    expect(only(first, 'reply')[0]?.reply).to.deep.equal({});
    expect(kinds(bench.say({ type: 'ack', upTo: 95 }))).to.deep.equal(['reply']);
  });

  it('typing is told and answered', () => {
    const effects = new SessionBench().attach().say({ type: 'typing', to: BOB });
    expect(only(effects, 'tell')[0]).to.deep.equal({
      type: 'tell',
      to: BOB,
      request: { type: 'typing', from: ALICE },
    });
  });
});

describe('rates of a session', () => {
  const send: ClientRequest = { type: 'send', envelope: envelope() };

  function many(count: number, request: ClientRequest): readonly ClientRequest[] {
    return Array.from({ length: count }, () => request);
  }

  it('passes on the burst of messages, refuses one more, and takes it after retryAfterMs', () => {
    const bench = new SessionBench().attach();
    const { messagesBurst } = DEFAULT_LIMITS;
    expect(only(bench.say(...many(messagesBurst, send)), 'forward')).to.have.length(messagesBurst);
    const [refusal] = only(bench.say(send), 'refuse');
    expect(refusal?.refusal.code).to.equal('E_RATE_LIMITED');
    bench.now += refusal?.refusal.retryAfterMs ?? 0;
    expect(kinds(bench.say(send))).to.deep.equal(['forward']);
  });

  it('other calls have a budget of their own', () => {
    const bench = new SessionBench().attach();
    bench.say(...many(DEFAULT_LIMITS.messagesBurst, send));
    const calls = bench.say(...many(SESSION_CALLS_BURST + 1, PING));
    expect(only(calls, 'ask')).to.have.length(SESSION_CALLS_BURST);
    expect(refusals(calls)).to.deep.equal([`${SESSION_CALLS_BURST + 1} E_RATE_LIMITED`]);
  });

  it('an acknowledgement past the budget is never refused, only told later', () => {
    const bench = new SessionBench().attach();
    bench.say(...many(SESSION_CALLS_BURST, PING));
    const effects = bench.say({ type: 'ack', upTo: 99 });
    expect(kinds(effects)).to.deep.equal(['schedule', 'reply']);
    bench.now += only(effects, 'schedule')[0]?.delayMs ?? 0;
    const later = only(bench.tell({ type: 'tick' }), 'tell').map(({ request }) => request);
    expect(later).to.deep.equal([{ type: 'ack', device: DEVICE, upTo: 99 }]);
  });

  it('a long list of users to watch costs as many messages', () => {
    const bench = new SessionBench().attach();
    const users = Array.from({ length: 1024 }, (_, index) => parseUserId(`u${index}`));
    const cost = 1 + users.length / WATCHED_USERS_PER_CALL;
    const effects = bench.say(
      ...many(Math.ceil(SESSION_CALLS_BURST / cost), { type: 'watch', users }),
    );
    expect(refusals(effects)).to.have.length(1);
  });
});

describe('pushes of a session', () => {
  it('entries go through the window, other news straight to the client', () => {
    const bench = new SessionBench().attach();
    const pushes = [
      { type: 'entries', log: ALICE, entries: entries(101, 101) },
      { type: 'receipt', user: BOB, incarnation: LIFE, device: DEVICE, delivered: 4 },
      { type: 'presence', user: BOB, online: true, lastSeen: 1 },
      { type: 'vaultChanged', version: 4 },
      { type: 'typing', user: BOB },
    ] as const;
    for (const push of pushes)
      expect(bench.tell({ type: 'push', push })).to.deep.equal([{ type: 'push', push }]);
  });

  it('never pass for ours when they are of the log of somebody else', () => {
    const bench = new SessionBench().attach();
    const strange = [
      { type: 'entries', log: BOB, entries: entries(101, 101) },
      { type: 'head', log: BOB, head: 105 },
    ] as const;
    for (const push of strange) expect(bench.tell({ type: 'push', push })).to.deep.equal([]);
    const push = { type: 'entries', log: ALICE, entries: entries(101, 101) } as const;
    expect(bench.tell({ type: 'push', push })).to.deep.equal([{ type: 'push', push }]);
  });

  it('a congested link is spared entries and typing, and told to pull when it takes more', () => {
    const bench = new SessionBench().attach();
    bench.tell({ type: 'congested' });
    const push = { type: 'entries', log: ALICE, entries: entries(101, 104) } as const;
    expect(bench.tell({ type: 'push', push })).to.deep.equal([
      { type: 'count', what: 'pushesHeld' },
    ]);
    expect(bench.tell({ type: 'push', push: { type: 'typing', user: BOB } })).to.deep.equal([]);
    expect(only(bench.tell({ type: 'writable' }), 'push')[0]?.push).to.deep.equal({
      type: 'head',
      log: ALICE,
      head: 104,
    });
  });

  it('content that found the mailbox full makes the client pull', () => {
    const effects = new SessionBench().attach().tell({ type: 'missed', head: 120 });
    expect(only(effects, 'push')[0]?.push).to.include({ type: 'head', head: 120 });
  });

  it('goAway from the user actor ends the session after telling the client', () => {
    for (const reason of ['replaced', 'revoked'] as const) {
      const push = { type: 'goAway', reason, afterMs: 0, redirect: undefined } as const;
      const effects = new SessionBench().attach().tell({ type: 'push', push });
      expect(kinds(effects)).to.deep.equal(['push', 'tell', 'close']);
    }
  });

  it('S4: a session that ends is detached once', () => {
    const bench = new SessionBench().attach();
    const effects = bench.tell({ type: 'linkClosed' });
    expect(only(effects, 'tell').map(({ request }) => request)).to.deep.equal([DETACH]);
    expect(bench.tell({ type: 'linkClosed' })).to.deep.equal([]);
    expect(bench.tell({ type: 'tick' })).to.deep.equal([]);
  });
});

describe('announcements of a session', () => {
  it('says that it lives at intervals, and at once when its shard has moved', () => {
    const bench = new SessionBench().attach();
    bench.now += KEEPALIVE_INTERVAL_MS - 1;
    expect(only(bench.tell({ type: 'tick' }), 'ask')).to.have.length(0);
    bench.now += 1;
    expect(only(bench.tell({ type: 'tick' }), 'ask')[0]?.request.type).to.equal('head');
    expect(only(bench.tell({ type: 'moved' }), 'ask')[0]?.request.type).to.equal('head');
  });

  it('says again what the client has, because the actor may not have heard it', () => {
    const bench = new SessionBench().attach();
    expect(only(bench.tell({ type: 'moved' }), 'tell')).to.deep.equal([]);
    bench.say({ type: 'ack', upTo: 103 });
    const again = only(bench.tell({ type: 'moved' }), 'tell').map(({ request }) => request);
    expect(again).to.deep.equal([{ type: 'ack', device: DEVICE, upTo: 103 }]);
  });

  it('tries again soon when its user was not reached', () => {
    const bench = new SessionBench().attach();
    bench.tell({ type: 'moved' });
    expect(bench.refuse('head', 'E_UNREACHABLE', 0)).to.deep.equal([
      { type: 'schedule', delayMs: ANNOUNCE_RETRY_MS },
    ]);
  });

  it('ends when its device is no more', () => {
    const bench = new SessionBench().attach();
    bench.tell({ type: 'moved' });
    const effects = bench.refuse('head', 'E_NO_SUCH_DEVICE', 0);
    expect(only(effects, 'push')[0]?.push).to.include({ type: 'goAway', reason: 'revoked' });
    expect(bench.phase).to.equal('closed');
  });

  it('notices a push that was lost by the head of the next answer', () => {
    const bench = new SessionBench().attach();
    bench.tell({ type: 'moved' });
    const first = bench.answer('head', { head: 103, memberships: 0 }, 0);
    expect(first).to.deep.equal([{ type: 'schedule', delayMs: ANNOUNCE_RETRY_MS }]);
    const second = bench.answer('head', { head: 103, memberships: 0 }, 0);
    expect(only(second, 'push')[0]?.push).to.include({ type: 'head', head: 103 });
  });

  it('renews its watches at half the lease, for the newest list', () => {
    const bench = new SessionBench().attach();
    bench.say({ type: 'watch', users: [BOB] });
    bench.say({ type: 'watch', users: [ALICE] });
    bench.now += PRESENCE_LEASE_MS / 2;
    bench.tell({ type: 'batch', items: [] });
    const tells = only(bench.tell({ type: 'tick' }), 'tell');
    expect(tells).to.deep.equal([
      { type: 'tell', to: ALICE, request: { type: 'watch', watcher: ALICE } },
    ]);
  });

  it('stops watching on an empty list', () => {
    const bench = new SessionBench().attach();
    bench.say({ type: 'watch', users: [BOB] }, { type: 'watch', users: [] });
    expect(bench.attached.watchAtMs).to.equal(Infinity);
  });
});

describe('a session that is sent away', () => {
  it('gets a ticket for the gate, goes on for a while, then ends', () => {
    const bench = new SessionBench().attach();
    const effects = bench.tell({ type: 'leave', gate: GATE_THERE, afterMs: 9 });
    expect(only(effects, 'signTicket')[0]).to.deep.include({ gate: GATE_THERE });
    const told = bench.tell({ type: 'ticketSigned', redirect: REDIRECT });
    expect(only(told, 'push')[0]?.push).to.deep.equal({
      type: 'goAway',
      reason: 'drain',
      afterMs: 0,
      redirect: REDIRECT,
    });
    expect(kinds(bench.say({ type: 'send', envelope: envelope() }))).to.deep.equal(['forward']);
    bench.now += GO_AWAY_GRACE_MS;
    expect(kinds(bench.tell({ type: 'tick' }))).to.deep.equal(['tell', 'close']);
  });

  it('lets its client go by itself once that is attached elsewhere', () => {
    const replaced = {
      type: 'goAway',
      reason: 'replaced',
      afterMs: 0,
      redirect: undefined,
    } as const;
    const bench = new SessionBench().attach();
    bench.tell({ type: 'leave', gate: GATE_THERE, afterMs: 0 });
    bench.tell({ type: 'ticketSigned', redirect: REDIRECT });
    expect(kinds(bench.tell({ type: 'push', push: replaced }))).to.deep.equal(['schedule']);
    expect(kinds(bench.say({ type: 'send', envelope: envelope() }))).to.deep.equal(['forward']);
    bench.now += MOVED_GRACE_MS;
    expect(kinds(bench.tell({ type: 'tick' }))).to.deep.equal(['tell', 'close']);
    const staying = new SessionBench().attach();
    expect(kinds(staying.tell({ type: 'push', push: replaced }))).to.deep.equal([
      'push',
      'tell',
      'close',
    ]);
  });

  it('without another node it is told when to come back', () => {
    for (const gate of [undefined, GATE_HERE]) {
      const effects = new SessionBench().attach().tell({ type: 'leave', gate, afterMs: 9 });
      expect(only(effects, 'push')[0]?.push).to.deep.equal({
        type: 'goAway',
        reason: 'drain',
        afterMs: 9,
        redirect: undefined,
      });
    }
  });

  it('before login it just ends', () => {
    const bench = new SessionBench().greeted();
    const effects = bench.tell({ type: 'leave', gate: GATE_THERE, afterMs: 9 });
    expect(kinds(effects)).to.deep.equal(['push', 'close']);
  });

  it('is told once', () => {
    const bench = new SessionBench().attach();
    bench.tell({ type: 'leave', gate: undefined, afterMs: 0 });
    expect(bench.tell({ type: 'leave', gate: undefined, afterMs: 0 })).to.deep.equal([]);
  });
});

import { expect } from 'chai';
import { PROTOCOL_VERSION, SESSION_SILENT_MS } from '../../../../src/protocol/limits.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  LOGIN_TIMEOUT_MS,
  UNAUTHENTICATED_LIFE_MS,
} from '../../../../src/protocol/limits.ts';
import type { ClientRequest } from '../../../../src/protocol/client-calls.ts';
import {
  BOB,
  DEVICE_LOGIN,
  HELLO,
  LOGIN_FINISH,
  LOGIN_START,
  REGISTER_FINISH,
  REGISTER_START,
  SessionBench,
  TICKET_LOGIN,
  envelope,
  kinds,
  only,
  refusals,
} from './session-bench.ts';

const AFTER_LOGIN: readonly ClientRequest[] = [
  { type: 'send', envelope: envelope() },
  { type: 'ack', upTo: 1 },
  { type: 'ping' },
  { type: 'vault' },
  { type: 'keys', user: BOB },
  { type: 'watch', users: [BOB] },
];

const ATTEMPTS: readonly ClientRequest[] = [
  REGISTER_START,
  LOGIN_START,
  DEVICE_LOGIN,
  TICKET_LOGIN,
];

describe('session handshake', () => {
  it('hello is answered with the version of both sides', () => {
    const bench = new SessionBench();
    const effects = bench.say({ ...HELLO, versionMin: 0, versionMax: 200 });
    expect(effects).to.deep.equal([{ type: 'greet', id: 1, version: PROTOCOL_VERSION }]);
    expect(bench.phase).to.equal('anonymous');
  });

  it('without a common version the range is named and the link ends', () => {
    for (const [versionMin, versionMax] of [
      [PROTOCOL_VERSION + 1, 200],
      [0, 0],
    ] as const) {
      const bench = new SessionBench();
      const effects = bench.say({ ...HELLO, versionMin, versionMax });
      expect(refusals(effects)).to.deep.equal(['1 E_VERSION']);
      expect(only(effects, 'refuse')[0]?.refusal.text).to.include(`version ${PROTOCOL_VERSION}`);
      expect(kinds(effects).at(-1)).to.equal('close');
    }
  });

  it('anything before hello is out of order, and the link stays open', () => {
    for (const request of [...AFTER_LOGIN, ...ATTEMPTS]) {
      const bench = new SessionBench();
      expect(refusals(bench.say(request)), request.type).to.deep.equal(['1 E_BAD_FRAME']);
      expect(bench.phase).to.equal('greeting');
    }
  });

  it('a second hello is out of order, before and after login', () => {
    expect(refusals(new SessionBench().greeted().say(HELLO))).to.deep.equal(['1 E_BAD_FRAME']);
    expect(refusals(new SessionBench().attach().say(HELLO))).to.deep.equal(['1 E_BAD_FRAME']);
  });

  it('S1: calls of a session are refused before login, and the link stays open', () => {
    for (const bench of [new SessionBench().greeted(), new SessionBench().challenged()]) {
      const effects = bench.say(...AFTER_LOGIN);
      expect(refusals(effects)).to.deep.equal(
        AFTER_LOGIN.map((_, index) => `${index + 1} E_NOT_LOGGED_IN`),
      );
      expect(kinds(effects)).to.not.include('close');
    }
  });

  it('finishing what was not started is out of order', () => {
    const finishes = [LOGIN_FINISH, REGISTER_FINISH];
    expect(refusals(new SessionBench().greeted().say(...finishes))).to.deep.equal([
      '1 E_BAD_FRAME',
      '2 E_BAD_FRAME',
    ]);
    expect(refusals(new SessionBench().challenged().say(REGISTER_FINISH))).to.deep.equal([
      '1 E_BAD_FRAME',
    ]);
  });

  it('one attempt at a time: the next is out of order while the node works', () => {
    for (const request of ATTEMPTS) {
      const bench = new SessionBench().greeted();
      expect(refusals(bench.say(LOGIN_START, request))).to.deep.equal(['2 E_BAD_FRAME']);
      expect(refusals(new SessionBench().placing().say(request))).to.deep.equal(['1 E_BAD_FRAME']);
    }
  });

  it('login calls after login are out of order', () => {
    const bench = new SessionBench().attach();
    const calls = [...ATTEMPTS, LOGIN_FINISH, REGISTER_FINISH];
    expect(refusals(bench.say(...calls))).to.deep.equal(
      calls.map((_, index) => `${index + 1} E_BAD_FRAME`),
    );
  });

  it('a caller that wants no answer gets no refusal', () => {
    const bench = new SessionBench().greeted();
    const effects = bench.tell({ type: 'batch', items: [{ id: 0, request: { type: 'ping' } }] });
    expect(effects).to.deep.equal([]);
  });

  it('a frame that is none is refused with id 0 and ends the link, in every phase', () => {
    for (const bench of [
      new SessionBench(),
      new SessionBench().challenged(),
      new SessionBench().attach(),
    ]) {
      const effects = bench.tell({ type: 'badFrame', text: 'not msgpack' });
      expect(refusals(effects)).to.deep.equal(['0 E_BAD_FRAME']);
      expect(kinds(effects).at(-1)).to.equal('close');
      expect(bench.say(HELLO), 'nothing is acted on afterwards').to.deep.equal([]);
    }
  });

  it('a source over its budget is told how long to wait', () => {
    for (const request of ATTEMPTS) {
      const bench = new SessionBench().greeted();
      expect(kinds(bench.say(request))).to.deep.equal(['admit']);
      const effects = bench.tell({ type: 'admitted', waitMs: 1500 });
      expect(refusals(effects)).to.deep.equal(['1 E_RATE_LIMITED']);
      expect(only(effects, 'refuse')[0]?.refusal.retryAfterMs).to.equal(1500);
      expect(bench.phase).to.equal('anonymous');
    }
  });
});

describe('session deadlines', () => {
  it('a link that never says hello ends', () => {
    const bench = new SessionBench();
    bench.now += HANDSHAKE_TIMEOUT_MS;
    expect(kinds(bench.tell({ type: 'tick' }))).to.deep.equal(['close']);
  });

  it('a link that does not log in ends; each step gives it more time', () => {
    const bench = new SessionBench().greeted();
    bench.now += LOGIN_TIMEOUT_MS - 1;
    expect(kinds(bench.tell({ type: 'tick' }))).to.deep.equal(['schedule']);
    bench.challenged();
    bench.now += 1;
    expect(kinds(bench.tell({ type: 'tick' }))).to.deep.equal(['schedule']);
    bench.now += LOGIN_TIMEOUT_MS;
    expect(kinds(bench.tell({ type: 'tick' }))).to.include('close');
  });

  it('however busy it keeps itself, a link without login ends', () => {
    const bench = new SessionBench().greeted();
    const start = bench.now;
    while (bench.now < start + UNAUTHENTICATED_LIFE_MS && bench.phase !== 'closed') {
      bench.challenged();
      bench.now += LOGIN_TIMEOUT_MS / 2;
      bench.tell({ type: 'tick' });
    }
    expect(bench.phase).to.equal('closed');
  });

  it('a session that says nothing for long is told so and ends', () => {
    const bench = new SessionBench().attach();
    bench.now += SESSION_SILENT_MS - 1;
    expect(kinds(bench.tell({ type: 'tick' }))).to.not.include('close');
    bench.now += 1;
    const effects = bench.tell({ type: 'tick' });
    expect(only(effects, 'push').map(({ push }) => push)).to.deep.equal([
      { type: 'goAway', reason: 'idle', afterMs: 0, redirect: undefined },
    ]);
    expect(kinds(effects)).to.deep.equal(['push', 'tell', 'close']);
  });
});

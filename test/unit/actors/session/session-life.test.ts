/** Sessions with clients that say anything in any order, in a cluster that answers anything: what holds all the same. */
import { expect } from 'chai';
import fc from 'fast-check';
import type {
  EffectNamed,
  SessionEffect,
  SessionMsg,
} from '../../../../src/actors/session/messages.ts';
import { fail, succeed } from '../../../../src/protocol/calls.ts';
import type { ClientRequest } from '../../../../src/protocol/client-calls.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import {
  ALICE,
  ATTACHMENT,
  BOB,
  DEVICE,
  DEVICE_LOGIN,
  GATE_HERE,
  GATE_THERE,
  HELLO,
  LOGIN_FINISH,
  LOGIN_START,
  REDIRECT,
  REGISTER_FINISH,
  REGISTER_START,
  SessionBench,
  TICKET_LOGIN,
  bytesOf,
  entries,
  envelope,
} from './session-bench.ts';

const CALLS: readonly ClientRequest[] = [
  HELLO,
  REGISTER_START,
  REGISTER_FINISH,
  LOGIN_START,
  LOGIN_FINISH,
  DEVICE_LOGIN,
  TICKET_LOGIN,
  { type: 'send', envelope: envelope() },
  { type: 'ack', upTo: 104 },
  { type: 'ping' },
  { type: 'watch', users: [BOB] },
  { type: 'reauthStart', request: bytesOf(1) },
  { type: 'reauthFinish', finish: bytesOf(1), request: bytesOf(2) },
  {
    type: 'changePassword',
    expected: 1,
    record: bytesOf(1),
    vault: bytesOf(3),
    passwordWrap: bytesOf(2),
  },
  { type: 'pull', log: ALICE, from: 1, limit: 10 },
];

const NEWS: readonly SessionMsg[] = [
  { type: 'tick' },
  { type: 'moved' },
  { type: 'congested' },
  { type: 'writable' },
  { type: 'missed', head: 200 },
  { type: 'push', push: { type: 'entries', log: ALICE, entries: entries(101, 103) } },
  { type: 'leave', gate: GATE_THERE, afterMs: 1 },
  { type: 'leave', gate: undefined, afterMs: 1 },
];

interface Choice {
  /** What happens: a call, some news, or the oldest thing that the session waits for. */
  readonly what: 'call' | 'news' | 'outcome';
  readonly index: number;
  /** Whether the cluster says yes. */
  readonly good: boolean;
  readonly passMs: number;
}

const NO = fail(new FastChatError('E_UNREACHABLE', 'nobody there'));

function answerTo(effect: SessionEffect & { type: 'ask' }, good: boolean): SessionMsg {
  const { id, request } = effect;
  if (!good) return { type: 'answered', call: request.type, id, outcome: NO };
  switch (request.type) {
    case 'loginRecord':
      return { type: 'answered', call: 'loginRecord', id, outcome: succeed({ record: undefined }) };
    case 'deviceKey': {
      const outcome = succeed({ publicKey: bytesOf(1, 32) });
      return { type: 'answered', call: 'deviceKey', id, outcome };
    }
    case 'attach':
      return { type: 'answered', call: 'attach', id, outcome: succeed(ATTACHMENT) };
    case 'head':
      return {
        type: 'answered',
        call: 'head',
        id,
        outcome: succeed({ head: 150, memberships: 0 }),
      };
    case 'register':
    case 'addDevice':
      return { type: 'answered', call: request.type, id, outcome: succeed({ device: DEVICE }) };
  }
}

type Outcomes = {
  readonly [T in SessionEffect['type']]?: (effect: EffectNamed<T>, good: boolean) => SessionMsg;
};

const OUTCOMES: Outcomes = {
  ask: answerTo,
  admit: (_, good) => ({ type: 'admitted', waitMs: good ? 0 : 100 }),
  answerRegistration: (_, good) => ({
    type: 'registrationAnswered',
    outcome: good ? succeed(bytesOf(1)) : NO,
  }),
  checkInvitation: (_, good) => ({
    type: 'invitationChecked',
    outcome: good ? succeed(undefined) : NO,
  }),
  startLogin: (_, good) => ({
    type: 'loginStarted',
    outcome: good ? succeed({ response: bytesOf(1), secret: bytesOf(2) }) : NO,
  }),
  finishLogin: (_, good) => ({ type: 'loginFinished', success: good }),
  useTicket: (_, good) => ({
    type: 'ticketUsed',
    outcome: good ? succeed({ user: ALICE, device: DEVICE }) : NO,
  }),
  verifyProof: (_, good) => ({ type: 'proofVerified', valid: good }),
  place: (_, good) => ({ type: 'placed', gate: good ? GATE_HERE : GATE_THERE }),
  signTicket: () => ({ type: 'ticketSigned', redirect: REDIRECT }),
};

/** What comes of an effect; undefined: nothing that the session waits for. */
function outcomeOf(effect: SessionEffect, good: boolean): SessionMsg | undefined {
  const outcome = OUTCOMES[effect.type] as
    ((effect: SessionEffect, good: boolean) => SessionMsg) | undefined;
  return outcome?.(effect, good);
}

/** Counts what the invariants S2 and S4 speak of. */
class Ledger {
  readonly bench = new SessionBench('invite');
  readonly waiting: SessionEffect[] = [];
  readonly answers = new Map<number, number>();
  challenges = 0;
  loginResults = 0;
  attaches = 0;
  detaches = 0;
  closes = 0;
  #lastId = 0;

  play({ what, index, good, passMs }: Choice): void {
    this.bench.now += passMs;
    if (what === 'call') return this.#call(CALLS[index % CALLS.length] ?? HELLO);
    if (what === 'news') return this.#take(this.#tell(NEWS[index % NEWS.length]));
    const effect = this.waiting.shift();
    this.#take(effect === undefined ? [] : this.#tell(outcomeOf(effect, good)));
  }

  /** Lets everything come to its outcome, then closes the link. */
  finish(): void {
    for (let rounds = 0; this.waiting.length > 0 && rounds < 1000; rounds += 1)
      this.play({ what: 'outcome', index: 0, good: true, passMs: 0 });
    expect(this.waiting, 'the session comes to rest').to.have.length(0);
    this.#take(this.#tell({ type: 'linkClosed' }));
  }

  get openCalls(): number {
    return [...this.answers.values()].filter((count) => count === 0).length;
  }

  #call(request: ClientRequest): void {
    if (this.closes > 0) return;
    this.#lastId += 1;
    this.answers.set(this.#lastId, 0);
    this.#take(this.#tell({ type: 'batch', items: [{ id: this.#lastId, request }] }));
  }

  #tell(msg: SessionMsg | undefined): readonly SessionEffect[] {
    return msg === undefined ? [] : this.bench.tell(msg);
  }

  #take(effects: readonly SessionEffect[]): void {
    for (const effect of effects) this.#note(effect);
    for (const effect of effects)
      if (outcomeOf(effect, true) !== undefined) this.waiting.push(effect);
  }

  #note(effect: SessionEffect): void {
    if (effect.type === 'opened') this.attaches += 1;
    if (effect.type === 'close') this.closes += 1;
    if (effect.type === 'tell') {
      if (effect.request.type === 'loginResult') this.loginResults += 1;
      if (effect.request.type === 'detach') this.detaches += 1;
    }
    if (effect.type === 'reply') {
      const isChallenge = effect.call === 'loginStart' || effect.call === 'reauthStart';
      if (isChallenge) this.challenges += 1;
    }
    if (ANSWERS.has(effect.type) && 'id' in effect)
      this.answers.set(effect.id, (this.answers.get(effect.id) ?? 0) + 1);
  }
}

/** Effects that end in one answer to the client. */
const ANSWERS = new Set<SessionEffect['type']>(['reply', 'refuse', 'greet', 'pong', 'forward']);

describe('the life of a session', () => {
  const choices = fc.array(
    fc.record({
      what: fc.constantFrom('call', 'call', 'news', 'outcome', 'outcome', 'outcome'),
      index: fc.nat(CALLS.length * NEWS.length - 1),
      good: fc.boolean(),
      passMs: fc.constantFrom(0, 0, 0, 100, 4000),
    }),
    { maxLength: 80 },
  );

  /** Gets as far as being attached before anything goes wrong, so that this half is reached often. */
  function attachedFirst(ledger: Ledger): void {
    const call = (request: ClientRequest): void =>
      ledger.play({ what: 'call', index: CALLS.indexOf(request), good: true, passMs: 0 });
    call(HELLO);
    call(DEVICE_LOGIN);
    while (ledger.waiting.length > 0)
      ledger.play({ what: 'outcome', index: 0, good: true, passMs: 0 });
    expect(ledger.bench.phase).to.equal('attached');
  }

  for (const start of ['a new link', 'an attached session'])
    it(`S2, S4: whatever happens to ${start}, every call, challenge and attachment ends once`, () => {
      fc.assert(
        fc.property(choices, (some) => {
          const ledger = new Ledger();
          if (start === 'an attached session') attachedFirst(ledger);
          for (const choice of some) ledger.play(choice);
          const closedEarly = ledger.closes > 0;
          ledger.finish();
          for (const [id, count] of ledger.answers) expect(count, `call ${id}`).to.be.at.most(1);
          if (!closedEarly) expect(ledger.openCalls, 'calls without an answer').to.equal(0);
          expect(ledger.loginResults, 'login results').to.be.at.least(ledger.challenges);
          expect(ledger.detaches, 'detaches').to.be.at.least(ledger.attaches);
          expect(ledger.closes, 'closes').to.equal(1);
        }),
        { numRuns: 300 },
      );
    });
});

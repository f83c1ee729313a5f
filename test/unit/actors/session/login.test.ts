import { expect } from 'chai';
import { fail, succeed } from '../../../../src/protocol/calls.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../../src/protocol/errors.ts';
import { parseDeviceId } from '../../../../src/protocol/ids.ts';
import type { SessionEffect } from '../../../../src/actors/session/messages.ts';
import {
  ALICE,
  ATTACHMENT,
  BOB,
  DEVICE,
  DEVICE_LOGIN,
  GATE_HERE,
  GATE_THERE,
  HERE,
  LOGIN_FINISH,
  LOGIN_START,
  NEW_DEVICE,
  PROOF,
  REDIRECT,
  REGISTER_FINISH,
  REGISTER_START,
  SESSION,
  SessionBench,
  TICKET_LOGIN,
  TOKENS,
  bytesOf,
  entries,
  kinds,
  only,
  refusals,
} from './session-bench.ts';

const OTHER_DEVICE = parseDeviceId(4);

function error(code: ErrorCode): ReturnType<typeof fail> {
  return fail(new FastChatError(code, 'no'));
}

function loginResults(effects: readonly SessionEffect[]): readonly boolean[] {
  return only(effects, 'tell').flatMap(({ request }) =>
    request.type === 'loginResult' ? [request.success] : [],
  );
}

describe('registration', () => {
  function started(mode: 'open' | 'invite' = 'open'): SessionBench {
    const bench = new SessionBench(mode).greeted();
    bench.say(REGISTER_START);
    bench.tell({ type: 'admitted', waitMs: 0 });
    bench.answer('loginRecord', { record: undefined });
    bench.tell({ type: 'registrationAnswered', outcome: succeed(bytesOf(1)) });
    return bench;
  }

  it('ends with the account stored, and not logged in', () => {
    const bench = started();
    expect(bench.phase).to.equal('registering');
    const [ask] = only(bench.say(REGISTER_FINISH), 'ask');
    expect(ask).to.include({ to: ALICE, id: 1 });
    expect(ask?.request.type).to.equal('register');
    const effects = bench.answer('register', { device: DEVICE });
    const reply = { type: 'reply', id: 1, call: 'registerFinish', reply: { device: DEVICE } };
    expect(effects).to.deep.include(reply);
    expect(bench.phase).to.equal('anonymous');
    expect(loginResults(effects), 'the attempt it was charged').to.deep.equal([true]);
  });

  it('is a failed login of the user when it comes to nothing, and waits when there were too many', () => {
    const bench = new SessionBench().greeted();
    bench.say(REGISTER_START);
    const [ask] = only(bench.tell({ type: 'admitted', waitMs: 0 }), 'ask');
    expect(ask).to.deep.include({ to: ALICE, request: { type: 'loginRecord' } });
    const effects = bench.refuse('loginRecord', 'E_RATE_LIMITED');
    expect(refusals(effects)).to.deep.equal(['1 E_RATE_LIMITED']);
  });

  it('says that a name is taken', () => {
    const bench = started();
    bench.say(REGISTER_FINISH);
    const effects = bench.refuse('register', 'E_NAME_TAKEN');
    expect(refusals(effects)).to.deep.equal(['1 E_NAME_TAKEN']);
    expect(loginResults(effects)).to.deep.equal([]);
    expect(bench.phase).to.equal('anonymous');
  });

  it('is refused at once where it is closed', () => {
    const bench = new SessionBench('closed').greeted();
    expect(refusals(bench.say(REGISTER_START))).to.deep.equal(['1 E_REGISTRATION']);
  });

  it('asks for an invitation where one is needed, before anything is stored', () => {
    const bench = started('invite');
    const request = { ...REGISTER_FINISH, invitation: 'let me in' };
    expect(bench.say(request)).to.deep.equal([
      { type: 'checkInvitation', user: ALICE, invitation: 'let me in' },
    ]);
    expect(
      refusals(bench.tell({ type: 'invitationChecked', outcome: error('E_REGISTRATION') })),
    ).to.deep.equal(['1 E_REGISTRATION']);
  });

  it('goes on with a good invitation', () => {
    const bench = started('invite');
    bench.say(REGISTER_FINISH);
    const effects = bench.tell({ type: 'invitationChecked', outcome: succeed(undefined) });
    expect(kinds(effects)).to.deep.equal(['ask']);
  });

  it('is for the name it was started with', () => {
    const other = { ...REGISTER_FINISH, user: BOB };
    expect(refusals(started().say(other))).to.deep.equal(['1 E_BAD_FRAME']);
  });

  it('refuses a request that is no password message', () => {
    const bench = new SessionBench().greeted();
    bench.say(REGISTER_START);
    bench.tell({ type: 'admitted', waitMs: 0 });
    bench.answer('loginRecord', { record: undefined });
    const effects = bench.tell({ type: 'registrationAnswered', outcome: error('E_BAD_FRAME') });
    expect(refusals(effects)).to.deep.equal(['1 E_BAD_FRAME']);
  });
});

describe('password login', () => {
  it('asks for the record, challenges, checks, tells the result, and proves the device', () => {
    const bench = new SessionBench().challenged();
    expect(bench.phase).to.equal('authenticating');
    expect(kinds(bench.say(LOGIN_FINISH))).to.deep.equal(['finishLogin']);
    const effects = bench.tell({ type: 'loginFinished', success: true });
    expect(loginResults(effects)).to.deep.equal([true]);
    expect(only(effects, 'ask')[0]?.request).to.deep.equal({ type: 'deviceKey', device: DEVICE });
  });

  it('registers a new device, which attaches with the token it was registered with', () => {
    const bench = new SessionBench().challenged();
    bench.say({ ...LOGIN_FINISH, proof: undefined, newDevice: NEW_DEVICE });
    const effects = bench.tell({ type: 'loginFinished', success: true });
    const record = bytesOf(22);
    expect(only(effects, 'ask')[0]?.request).to.deep.equal({
      type: 'addDevice',
      ...NEW_DEVICE,
      record,
    });
    bench.answer('addDevice', { device: OTHER_DEVICE });
    const [attach] = only(bench.tell({ type: 'placed', gate: GATE_HERE }), 'ask');
    const tokens = { previous: NEW_DEVICE.token, next: NEW_DEVICE.token };
    expect(attach?.request).to.deep.equal({
      type: 'attach',
      device: OTHER_DEVICE,
      session: SESSION,
      tokens,
    });
  });

  it('finishes as a new device or as an old one, not as both or none', () => {
    for (const wrong of [
      { ...LOGIN_FINISH, newDevice: NEW_DEVICE },
      { ...LOGIN_FINISH, proof: undefined },
    ])
      expect(refusals(new SessionBench().challenged().say(wrong))).to.deep.equal(['1 E_BAD_FRAME']);
  });

  it('S3: wrong password, unknown user and unknown device are one answer', () => {
    const wrongPassword = new SessionBench().challenged();
    wrongPassword.say(LOGIN_FINISH);
    const unknownUser = new SessionBench().greeted();
    unknownUser.say(LOGIN_START);
    unknownUser.tell({ type: 'admitted', waitMs: 0 });
    const [start] = only(unknownUser.answer('loginRecord', { record: undefined }), 'startLogin');
    expect(start?.record, 'the challenge is made all the same').to.equal(undefined);
    unknownUser.tell({
      type: 'loginStarted',
      outcome: succeed({ response: bytesOf(1), secret: bytesOf(2) }),
    });
    unknownUser.say(LOGIN_FINISH);
    const unknownDevice = new SessionBench().greeted();
    unknownDevice.say(DEVICE_LOGIN);
    unknownDevice.tell({ type: 'admitted', waitMs: 0 });
    const [check] = only(
      unknownDevice.answer('deviceKey', { publicKey: undefined }),
      'verifyProof',
    );
    expect(check?.publicKey, 'the proof is checked all the same').to.equal(undefined);
    const noSuchUser = new SessionBench().greeted();
    noSuchUser.say(DEVICE_LOGIN);
    noSuchUser.tell({ type: 'admitted', waitMs: 0 });

    const answers = [
      wrongPassword.tell({ type: 'loginFinished', success: false }),
      unknownUser.tell({ type: 'loginFinished', success: false }),
      unknownDevice.tell({ type: 'proofVerified', valid: false }),
      noSuchUser.refuse('deviceKey', 'E_NO_SUCH_USER'),
    ].map((effects) => only(effects, 'refuse'));
    for (const answer of answers) {
      expect(answer).to.deep.equal(answers[0]);
      expect(answer[0]?.refusal.code).to.equal('E_AUTH');
    }
  });

  it('passes on that the user is locked out, and that the owner is away', () => {
    for (const code of ['E_RATE_LIMITED', 'E_UNREACHABLE', 'E_TIMEOUT'] as const) {
      const bench = new SessionBench().greeted();
      bench.say(LOGIN_START);
      bench.tell({ type: 'admitted', waitMs: 0 });
      expect(refusals(bench.refuse('loginRecord', code))).to.deep.equal([`1 ${code}`]);
      expect(bench.phase).to.equal('anonymous');
    }
  });

  it('keeps the inside of a bug to itself', () => {
    const bench = new SessionBench().greeted();
    bench.say(LOGIN_START);
    bench.tell({ type: 'admitted', waitMs: 0 });
    const outcome = fail(new FastChatError('E_INTERNAL', 'invariant broken: secret things'));
    const effects = bench.tell({ type: 'answered', call: 'loginRecord', id: 1, outcome });
    expect(only(effects, 'refuse')[0]?.refusal.text).to.not.include('secret');
  });

  describe('S4: a challenge that the client saw ends in one result', () => {
    it('as a failed login when the link closes', () => {
      const effects = new SessionBench().challenged().tell({ type: 'linkClosed' });
      expect(loginResults(effects)).to.deep.equal([false]);
    });

    it('as a failed login when another attempt begins', () => {
      for (const next of [LOGIN_START, DEVICE_LOGIN, REGISTER_START])
        expect(loginResults(new SessionBench().challenged().say(next))).to.deep.equal([false]);
    });

    it('and only once', () => {
      const bench = new SessionBench().challenged();
      bench.say(LOGIN_FINISH);
      expect(loginResults(bench.tell({ type: 'loginFinished', success: false }))).to.deep.equal([
        false,
      ]);
      expect(loginResults(bench.tell({ type: 'linkClosed' }))).to.deep.equal([]);
    });
  });
});

describe('device and ticket login', () => {
  it('a valid proof leads to placing, a wrong one to the same answer as a wrong password', () => {
    expect(new SessionBench().placing().phase).to.equal('placing');
    const bench = new SessionBench().greeted();
    bench.say(DEVICE_LOGIN);
    bench.tell({ type: 'admitted', waitMs: 0 });
    bench.answer('deviceKey', { publicKey: bytesOf(1, 32) });
    expect(refusals(bench.tell({ type: 'proofVerified', valid: false }))).to.deep.equal([
      '1 E_AUTH',
    ]);
  });

  it('a device with a cloned store proves itself and registers its replacement', () => {
    const bench = new SessionBench().greeted();
    bench.say({ ...DEVICE_LOGIN, replacement: NEW_DEVICE });
    bench.tell({ type: 'admitted', waitMs: 0 });
    bench.answer('deviceKey', { publicKey: bytesOf(1, 32) });
    const [ask] = only(bench.tell({ type: 'proofVerified', valid: true }), 'ask');
    const record = undefined;
    expect(ask?.request).to.deep.equal({ type: 'addDevice', ...NEW_DEVICE, record });
    expect(kinds(bench.answer('addDevice', { device: OTHER_DEVICE }))).to.deep.equal(['place']);
  });

  it('a ticket is refused with the code of what is wrong with it', () => {
    for (const code of [
      'E_TICKET_FORGED',
      'E_TICKET_EXPIRED',
      'E_TICKET_REPLAYED',
      'E_TICKET_NODE',
    ] as const) {
      const bench = new SessionBench().greeted();
      bench.say(TICKET_LOGIN);
      expect(kinds(bench.tell({ type: 'admitted', waitMs: 0 }))).to.deep.equal(['useTicket']);
      expect(refusals(bench.tell({ type: 'ticketUsed', outcome: error(code) }))).to.deep.equal([
        `1 ${code}`,
      ]);
    }
  });

  it('a ticket is for the device it names', () => {
    const bench = new SessionBench().greeted();
    bench.say(TICKET_LOGIN);
    bench.tell({ type: 'admitted', waitMs: 0 });
    const outcome = succeed({ user: ALICE, device: OTHER_DEVICE });
    expect(refusals(bench.tell({ type: 'ticketUsed', outcome }))).to.deep.equal(['1 E_AUTH']);
  });

  it('a login by ticket still needs the proof, and is never balanced again', () => {
    const bench = new SessionBench().greeted();
    bench.say(TICKET_LOGIN);
    bench.tell({ type: 'admitted', waitMs: 0 });
    bench.tell({ type: 'ticketUsed', outcome: succeed({ user: ALICE, device: DEVICE }) });
    const [check] = only(bench.answer('deviceKey', { publicKey: bytesOf(1, 32) }), 'verifyProof');
    expect(check).to.include({ signature: PROOF.signature });
    const [attach] = only(bench.tell({ type: 'proofVerified', valid: true }), 'ask');
    expect(attach?.request).to.deep.equal({
      type: 'attach',
      device: DEVICE,
      session: SESSION,
      tokens: TOKENS,
    });
  });
});

describe('placing', () => {
  it('on this node, the session is attached and says so', () => {
    const bench = new SessionBench().placing();
    expect(kinds(bench.tell({ type: 'placed', gate: GATE_HERE }))).to.deep.equal(['ask']);
    const effects = bench.answer('attach', ATTACHMENT);
    expect(only(effects, 'reply')[0]?.reply).to.deep.equal({
      device: DEVICE,
      attachment: { ...ATTACHMENT, node: HERE },
      redirect: undefined,
    });
    expect(kinds(effects)).to.deep.equal(['reply', 'opened', 'schedule']);
    expect(bench.phase).to.equal('attached');
  });

  it('on another node, the client gets a ticket and may try again on this link', () => {
    const bench = new SessionBench().placing();
    const [sign] = only(bench.tell({ type: 'placed', gate: GATE_THERE }), 'signTicket');
    expect(sign).to.deep.include({ gate: GATE_THERE });
    const [reply] = only(bench.tell({ type: 'ticketSigned', redirect: REDIRECT }), 'reply');
    expect(reply?.reply).to.deep.equal({
      device: DEVICE,
      attachment: undefined,
      redirect: REDIRECT,
    });
    expect(bench.phase).to.equal('anonymous');
  });

  it('nowhere, the client is told when to come back', () => {
    const bench = new SessionBench().placing();
    const [refusal] = only(bench.tell({ type: 'placed', gate: undefined }), 'refuse');
    expect(refusal?.refusal.code).to.equal('E_UNREACHABLE');
    expect(refusal?.refusal.retryAfterMs).to.be.greaterThan(0);
  });

  it('a cloned store is told, and may register its replacement on this link', () => {
    const bench = new SessionBench().placing();
    bench.tell({ type: 'placed', gate: GATE_HERE });
    expect(refusals(bench.refuse('attach', 'E_STORE_CLONED'))).to.deep.equal(['1 E_STORE_CLONED']);
    expect(kinds(bench.say({ ...DEVICE_LOGIN, replacement: NEW_DEVICE }))).to.deep.equal(['admit']);
  });

  it('S4: an attachment on its way is undone when the link closes', () => {
    const bench = new SessionBench().placing();
    bench.tell({ type: 'placed', gate: GATE_HERE });
    const effects = bench.tell({ type: 'linkClosed' });
    expect(only(effects, 'tell')[0]?.request).to.deep.equal({
      type: 'detach',
      device: DEVICE,
      session: SESSION,
    });
    expect(bench.answer('attach', ATTACHMENT), 'the answer comes too late').to.deep.equal([]);
  });

  it('an entry pushed before the attachment is known makes the client pull', () => {
    const bench = new SessionBench().placing();
    bench.tell({ type: 'placed', gate: GATE_HERE });
    const push = { type: 'entries', log: ALICE, entries: entries(101, 102) } as const;
    expect(bench.tell({ type: 'push', push })).to.deep.equal([]);
    const effects = bench.answer('attach', ATTACHMENT);
    expect(only(effects, 'push').map((effect) => effect.push)).to.deep.equal([
      { type: 'head', log: ALICE, head: 102 },
    ]);
  });
});

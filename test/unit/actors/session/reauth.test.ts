import { expect } from 'chai';
import { fail, succeed } from '../../../../src/protocol/calls.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { REAUTH_VALID_MS } from '../../../../src/protocol/limits.ts';
import { ALICE, SessionBench, bytesOf, kinds, only, refusals } from './session-bench.ts';

const START = { type: 'reauthStart', request: bytesOf(1) } as const;
const FINISH = { type: 'reauthFinish', finish: bytesOf(2), request: bytesOf(3) } as const;
const CHANGE = {
  type: 'changePassword',
  expected: 1,
  record: bytesOf(4),
  vault: bytesOf(6),
  passwordWrap: bytesOf(5),
} as const;
const CHALLENGE = { response: bytesOf(6), secret: bytesOf(7) };

function challenged(): SessionBench {
  const bench = new SessionBench().attach();
  bench.say(START);
  bench.answer('loginRecord', { record: bytesOf(8) });
  bench.tell({ type: 'loginStarted', outcome: succeed(CHALLENGE) });
  return bench;
}

function proven(): SessionBench {
  const bench = challenged();
  bench.say(FINISH);
  bench.tell({ type: 'loginFinished', success: true });
  bench.tell({ type: 'registrationAnswered', outcome: succeed(bytesOf(9)) });
  return bench;
}

describe('password change', () => {
  it('proves the present password, then sets the new one', () => {
    const bench = new SessionBench().attach();
    expect(only(bench.say(START), 'ask')[0]?.request).to.deep.equal({ type: 'loginRecord' });
    const record = bytesOf(8);
    const [start] = only(bench.answer('loginRecord', { record }), 'startLogin');
    expect(start).to.deep.include({ user: ALICE, record, request: START.request });
    const [challenge] = only(
      bench.tell({ type: 'loginStarted', outcome: succeed(CHALLENGE) }),
      'reply',
    );
    expect(challenge).to.deep.include({ call: 'reauthStart', reply: { response: bytesOf(6) } });
    expect(bench.say(FINISH)).to.deep.equal([
      { type: 'finishLogin', secret: CHALLENGE.secret, finish: FINISH.finish },
    ]);
    const checked = bench.tell({ type: 'loginFinished', success: true });
    expect(kinds(checked)).to.deep.equal(['tell', 'answerRegistration']);
    const answered = bench.tell({ type: 'registrationAnswered', outcome: succeed(bytesOf(9)) });
    expect(only(answered, 'reply')[0]?.call).to.equal('reauthFinish');
    expect(bench.say(CHANGE)).to.deep.equal([
      { type: 'forward', id: 1, to: ALICE, request: { ...CHANGE, proven: record } },
    ]);
  });

  it('is refused without a proof, before it is finished, and a second time', () => {
    expect(refusals(new SessionBench().attach().say(CHANGE))).to.deep.equal(['1 E_AUTH']);
    expect(refusals(challenged().say(CHANGE))).to.deep.equal(['1 E_AUTH']);
    expect(refusals(proven().say(CHANGE, CHANGE))).to.deep.equal(['2 E_AUTH']);
  });

  it('is possible for a while only', () => {
    const inTime = proven();
    inTime.now += REAUTH_VALID_MS;
    expect(kinds(inTime.say(CHANGE))).to.deep.equal(['forward']);
    const late = proven();
    late.now += REAUTH_VALID_MS + 1;
    expect(refusals(late.say(CHANGE))).to.deep.equal(['1 E_AUTH']);
  });

  it('counts a wrong password as a failed login', () => {
    const bench = challenged();
    bench.say(FINISH);
    const effects = bench.tell({ type: 'loginFinished', success: false });
    expect(refusals(effects)).to.deep.equal(['1 E_AUTH']);
    expect(only(effects, 'count').map(({ what }) => what)).to.deep.equal(['passwordsRefused']);
    expect(only(effects, 'tell')[0]?.request).to.deep.equal({
      type: 'loginResult',
      success: false,
    });
    expect(refusals(bench.say(CHANGE))).to.deep.equal(['1 E_AUTH']);
  });

  it('counts a challenge that is not finished as a failed login', () => {
    const failed = { type: 'loginResult', success: false };
    const again = only(challenged().say(START), 'tell').map(({ request }) => request);
    expect(again).to.deep.equal([failed]);
    const closed = only(challenged().tell({ type: 'linkClosed' }), 'tell');
    expect(closed.map(({ request }) => request)[0]).to.deep.equal(failed);
  });

  it('goes one step at a time', () => {
    const bench = new SessionBench().attach();
    bench.say(START);
    expect(refusals(bench.say(START, FINISH))).to.deep.equal(['1 E_BAD_FRAME', '2 E_BAD_FRAME']);
  });

  it('starts over after a refusal on the way', () => {
    const bench = new SessionBench().attach();
    bench.say(START);
    expect(refusals(bench.refuse('loginRecord', 'E_RATE_LIMITED'))).to.deep.equal([
      '1 E_RATE_LIMITED',
    ]);
    bench.say(START);
    bench.answer('loginRecord', { record: bytesOf(8) });
    const outcome = fail(new FastChatError('E_BAD_FRAME', 'no'));
    expect(refusals(bench.tell({ type: 'loginStarted', outcome }))).to.deep.equal([
      '1 E_BAD_FRAME',
    ]);
    expect(kinds(bench.say(START))).to.deep.equal(['ask']);
  });
});

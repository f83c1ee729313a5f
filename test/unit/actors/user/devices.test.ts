import { expect } from 'chai';
import { DEVICES_MAX, SESSION_SILENT_MS } from '../../../../src/protocol/limits.ts';
import {
  INCARNATION,
  START_MS,
  Stepper,
  answers,
  filled,
  registration,
  n1,
  newDevice,
  one,
  pushes,
  session,
  two,
} from './fixtures.ts';

const goAway = (reason: string) => ({ type: 'goAway', reason, afterMs: 0, redirect: undefined });
const attachRequest = (number: number, previous: number, next: number) => ({
  type: 'attach' as const,
  device: one,
  session: session(number),
  tokens: { previous: filled(16, previous), next: filled(16, next) },
});

describe('user: attaching sessions', () => {
  it('tells a device where it stands once its token is on disk', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.flush();
    const asked = user.ask(attachRequest(1, 10, 11));
    expect(answers(asked)).to.deep.equal([]);
    expect(user.state.sessions.size).to.equal(0);
    expect(answers(user.flush())).to.deep.equal([
      {
        node: n1,
        device: one,
        incarnation: INCARNATION,
        head: 1,
        cursor: 0,
        pending: 1,
        boxEpoch: 1,
        minBoxEpoch: 1,
        vaultVersion: 1,
        textBytes: 65_536,
        now: START_MS,
      },
    ]);
    expect(user.state.sessions.size).to.equal(1);
  });

  const tokens = [
    { what: 'the stored token as the previous one', previous: 10, next: 11, accepted: true },
    {
      what: 'the stored token as the next one (its answer was lost)',
      previous: 9,
      next: 10,
      accepted: true,
    },
    { what: 'tokens of a restored store', previous: 8, next: 9, accepted: false },
  ];
  for (const { what, previous, next, accepted } of tokens)
    it(`${accepted ? 'accepts' : 'refuses'} ${what}`, () => {
      const user = Stepper.registered();
      const effects = [...user.ask(attachRequest(1, previous, next)), ...user.flush()];
      if (accepted) expect(user.state.sessions.size).to.equal(1);
      else expect(answers(effects)).to.deep.equal(['E_STORE_CLONED']);
    });

  it('knows a token only until the next one is recorded', () => {
    const user = Stepper.registered();
    user.attach(one, 1, 10, 11);
    user.attach(one, 2, 11, 12);
    expect(answers(user.attach(one, 3, 10, 11))).to.deep.equal(['E_STORE_CLONED']);
  });

  it('sends an older session of the device away', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    expect(pushes(user.attach(one, 2))).to.deep.equal([[1, goAway('replaced')]]);
  });

  it('pushes entries flushed before the attachment to nobody, those after it to the session', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.ask(attachRequest(1, 10, 10));
    user.append({ counter: 2 });
    const pushed = pushes(user.flush()).map(([, push]) =>
      push.type === 'entries' ? push.entries.map(({ seq }) => seq) : [],
    );
    expect(pushed).to.deep.equal([[2]]);
  });

  it('does not revive a session that ended before its attachment was flushed', () => {
    const user = Stepper.registered();
    user.ask(attachRequest(1, 10, 10));
    user.ask({ type: 'detach', device: one, session: session(1) });
    user.flush();
    expect(user.state.sessions.size).to.equal(0);
  });

  it('lets only the session that is attached detach', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    user.attach(one, 2);
    user.ask({ type: 'detach', device: one, session: session(1) });
    expect(user.state.sessions.size).to.equal(1);
    user.ask({ type: 'detach', device: one, session: session(2) });
    expect(user.state.sessions.size).to.equal(0);
  });

  it('takes in the newest session of a device when it announces itself to a new life, and no other', () => {
    const user = Stepper.registered();
    user.attach(one, 2);
    user.state.sessions.clear();
    const stale = user.ask({ type: 'head', device: one, session: session(1) });
    expect(pushes(stale)).to.deep.equal([[1, goAway('replaced')]]);
    const newest = user.ask({ type: 'head', device: one, session: session(2) });
    expect(answers(newest)).to.deep.equal([{ head: 0, memberships: 0 }]);
    expect(user.state.sessions.size).to.equal(1);
  });

  it('forgets sessions that gave no sign of life', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    user.nowMs += SESSION_SILENT_MS;
    user.ask({ type: 'head', device: one, session: session(1) });
    user.nowMs += SESSION_SILENT_MS;
    user.fact({ type: 'tick' });
    expect(user.state.sessions.size).to.equal(1);
    user.nowMs += 1;
    user.fact({ type: 'tick' });
    expect(user.state.sessions.size).to.equal(0);
  });
});

describe('user: devices', () => {
  const add = (user: Stepper, key: number, record?: Uint8Array) => {
    const asked = user.ask({ type: 'addDevice', ...newDevice(key, 20), record });
    return answers([...asked, ...user.flush()]);
  };

  it('gives every device a number of its own and never one twice', () => {
    const user = Stepper.registered();
    expect(add(user, 2)).to.deep.equal([{ device: 2 }]);
    user.ask({ type: 'revokeDevice', device: two });
    user.flush();
    expect(add(user, 3)).to.deep.equal([{ device: 3 }]);
  });

  it('takes none by a password that was changed since it was checked', () => {
    const user = Stepper.registered();
    expect(add(user, 2, registration.record)).to.deep.equal([{ device: 2 }]);
    expect(add(user, 3, filled(192, 77))).to.deep.equal(['E_AUTH']);
    expect(add(user, 2, filled(192, 77)), 'a retry').to.deep.equal(['E_AUTH']);
  });

  it('answers a retry with the number that the key has', () => {
    const user = Stepper.registered();
    add(user, 2);
    expect(add(user, 2)).to.deep.equal([{ device: 2 }]);
    expect(user.state.devices.size).to.equal(2);
  });

  it('takes exactly DEVICES_MAX', () => {
    const user = Stepper.registered();
    for (let key = 2; key <= DEVICES_MAX; key += 1)
      expect(add(user, key)).to.deep.equal([{ device: key }]);
    expect(add(user, DEVICES_MAX + 1)).to.deep.equal(['E_TOO_MANY_DEVICES']);
  });

  it('tells the key of a live device, and nothing of others', () => {
    const user = Stepper.registered();
    const key = (device: typeof one) => answers(user.ask({ type: 'deviceKey', device }));
    expect(key(one)).to.deep.equal([{ publicKey: newDevice().publicKey }]);
    expect(key(two)).to.deep.equal([{ publicKey: undefined }]);
  });

  it('revokes a device for good and sends its session away once that is on disk', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const asked = user.ask({ type: 'revokeDevice', device: one });
    expect(pushes(asked)).to.deep.equal([]);
    const released = user.flush();
    expect(pushes(released)).to.deep.equal([[1, goAway('revoked')]]);
    expect(answers(released)).to.deep.equal([{}]);
    expect(answers(user.ask(attachRequest(2, 10, 10)))).to.deep.equal(['E_NO_SUCH_DEVICE']);
    const late = user.ask({ type: 'head', device: one, session: session(1) });
    expect(pushes(late)).to.deep.equal([[1, goAway('revoked')]]);
  });

  it('lists devices with what they say of themselves', () => {
    const user = Stepper.registered();
    expect(answers(user.ask({ type: 'devices' }))).to.deep.equal([
      { devices: [{ device: one, name: 'device 1', lastSeen: START_MS }] },
    ]);
  });
});

import { expect } from 'chai';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { CONTACTS_MAX, PRESENCE_LEASE_MS } from '../../../../src/protocol/limits.ts';
import type { UserId } from '../../../../src/protocol/ids.ts';
import {
  INCARNATION,
  START_MS,
  Stepper,
  alice,
  answers,
  bob,
  carol,
  filled,
  newDevice,
  of,
  one,
  pushes,
  registration,
  replies,
  session,
  withLimits,
} from './fixtures.ts';

describe('user: account', () => {
  it('registers account, vault and first device in one commit', () => {
    const user = new Stepper();
    const [commit] = of(user.ask(registration), 'commit');
    expect(commit?.writes.map(({ type }) => type)).to.deep.equal(['vault', 'account', 'device']);
    expect(answers(user.flush())).to.deep.equal([{ device: one }]);
  });

  it('gives a name once, and answers a retry of the same registration the same', () => {
    const user = Stepper.registered();
    expect(answers(user.ask(registration))).to.deep.equal([{ device: one }]);
    const other = { ...registration, identity: filled(32, 99) };
    expect(answers(user.ask(other))).to.deep.equal(['E_NAME_TAKEN']);
    const otherDevice = { ...registration, device: newDevice(9) };
    expect(answers(user.ask(otherDevice))).to.deep.equal(['E_NAME_TAKEN']);
  });

  it('decides between two registrations under way in favour of the first', () => {
    const user = new Stepper();
    user.ask(registration);
    const second = user.ask({ ...registration, identity: filled(32, 99) });
    expect(answers(second)).to.deep.equal(['E_NAME_TAKEN']);
  });

  it('hands out public keys once they are on disk', () => {
    const user = new Stepper();
    expect(answers(user.ask({ type: 'keys', asker: bob }))).to.deep.equal(['E_NO_SUCH_USER']);
    user.ask(registration);
    expect(answers(user.ask({ type: 'keys', asker: bob }))).to.deep.equal([]);
    const { identity, box } = registration;
    expect(answers(user.flush()).at(-1)).to.deep.equal({
      identity,
      box,
      minBoxEpoch: 1,
      incarnation: INCARNATION,
    });
  });

  it('keeps no view of the frame a registration came in', () => {
    const frame = new Uint8Array(4096).fill(1);
    const user = new Stepper();
    user.ask({ ...registration, identity: frame.subarray(100, 132) });
    expect(user.state.account?.identity.buffer.byteLength).to.be.below(frame.length);
  });

  for (const exists of [true, false])
    it(`stops handing out the login record after too many failures (${exists ? 'known' : 'unknown'} user)`, () => {
      const limits = withLimits({ failedLoginsPerMinute: 3 });
      const user = exists ? Stepper.registered(limits) : new Stepper(alice, limits);
      const attempt = () => answers(user.ask({ type: 'loginRecord' }))[0];
      const record = exists ? registration.record : undefined;
      for (let count = 0; count < 3; count += 1) {
        expect(attempt()).to.deep.equal({ record });
        user.ask({ type: 'loginResult', success: false });
      }
      const [refused] = replies(user.ask({ type: 'loginRecord' }));
      expect(refused?.ok === false && refused.error.code).to.equal('E_RATE_LIMITED');
      const retryAfterMs = (refused?.ok === false && refused.error.retryAfterMs) || 0;
      user.nowMs += retryAfterMs;
      expect(attempt()).to.deep.equal({ record });
    });

  it('counts attempts that are not finished, and forgives those that succeed', () => {
    const user = Stepper.registered(withLimits({ failedLoginsPerMinute: 2 }));
    for (let count = 0; count < 5; count += 1) {
      expect(answers(user.ask({ type: 'loginRecord' }))[0]).to.be.an('object');
      user.ask({ type: 'loginResult', success: true });
    }
    user.ask({ type: 'loginRecord' });
    user.ask({ type: 'loginRecord' });
    expect(answers(user.ask({ type: 'loginRecord' }))).to.deep.equal(['E_RATE_LIMITED']);
  });
});

describe('user: vault', () => {
  const put = (expected: number, extra: object = {}) => ({
    type: 'putVault' as const,
    expected,
    vault: filled(300, 9),
    wraps: undefined,
    box: undefined,
    minBoxEpoch: 0,
    ...extra,
  });
  const box = (epoch: number) => ({ epoch, publicKey: filled(32, 8), signature: filled(64, 8) });

  it('replaces the version that was expected and tells every session', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    user.ask(put(1));
    const released = user.flush();
    expect(answers(released)).to.deep.equal([{ version: 2 }]);
    expect(pushes(released)).to.deep.equal([[1, { type: 'vaultChanged', version: 2 }]]);
  });

  it('refuses the second of two that expect the same version', () => {
    const user = Stepper.registered();
    user.ask(put(1));
    expect(answers(user.ask(put(1)))).to.deep.equal(['E_VAULT_CONFLICT']);
  });

  it('changes the box key with the vault, forwards only', () => {
    const user = Stepper.registered();
    user.ask(put(1, { box: box(2), minBoxEpoch: 1 }));
    user.flush();
    expect(user.state.account?.box.epoch).to.equal(2);
    expect(answers(user.ask(put(2, { box: box(2) })))).to.deep.equal(['E_STALE_EPOCH']);
    expect(answers(user.ask(put(2, { minBoxEpoch: 3 })))).to.deep.equal(['E_STALE_EPOCH']);
    expect(user.state.account?.vaultVersion).to.equal(2);
  });

  it('takes messages sealed to any box key from the minimum to the present one', () => {
    const user = Stepper.registered();
    user.ask(put(1, { box: box(2), minBoxEpoch: 2 }));
    user.flush();
    expect(answers(user.append({ counter: 1, boxEpoch: 1 }))).to.deep.equal(['E_STALE_EPOCH']);
    expect(of(user.append({ counter: 1, boxEpoch: 2 }), 'commit')).to.have.lengthOf(1);
  });

  it('keeps the wraps when none are given', () => {
    const user = Stepper.registered();
    user.ask(put(1));
    user.flush();
    const { passwordWrap, recoveryWrap } = registration.vault;
    user.ask(put(2, { wraps: { passwordWrap: filled(72, 5), recoveryWrap } }));
    const [commit] = of(user.ask(put(3)), 'commit');
    const write = commit?.writes.find(({ type }) => type === 'vault');
    expect(write?.type === 'vault' && write.record.passwordWrap).to.deep.equal(filled(72, 5));
    expect(passwordWrap).to.not.deep.equal(filled(72, 5));
  });

  it('answers with the newest vault although the store still shows an older one', () => {
    const user = Stepper.registered();
    user.ask(put(1));
    expect(answers(user.ask({ type: 'vault' }))).to.deep.equal([]);
    const read = answers(user.flush()).at(-1) as { readonly version: number };
    expect(read.version).to.equal(2);
  });

  it('changes the password in one commit that makes older wraps conflict', () => {
    const user = Stepper.registered();
    const change = {
      type: 'changePassword',
      proven: registration.record,
      record: filled(192, 6),
      vault: filled(300, 6),
      passwordWrap: filled(72, 6),
    } as const;
    expect(answers(user.ask({ ...change, expected: 9 }))).to.deep.equal(['E_VAULT_CONFLICT']);
    const asked = user.ask({ ...change, expected: 1 });
    expect(of(asked, 'commit')[0]?.writes.map(({ type }) => type)).to.deep.equal([
      'account',
      'vault',
    ]);
    user.flush();
    expect(answers(user.ask({ type: 'loginRecord' }))).to.deep.equal([{ record: filled(192, 6) }]);
    expect(answers(user.ask(put(1)))).to.deep.equal(['E_VAULT_CONFLICT']);
    const second = { ...change, record: filled(192, 7), expected: 2 };
    expect(answers(user.ask(second)), 'proof of the first password').to.deep.equal(['E_AUTH']);
  });
});

describe('user: contacts and presence', () => {
  const contact = (user: UserId, blocked = false) => ({
    type: 'putContact' as const,
    user,
    contact: !blocked,
    blocked,
  });

  it('remembers contacts and forgets what is neither contact nor blocked', () => {
    const user = Stepper.registered();
    user.ask(contact(bob));
    user.ask(contact(carol, true));
    user.ask({ type: 'putContact', user: bob, contact: false, blocked: false });
    user.flush();
    expect(answers(user.ask({ type: 'contacts' }))).to.deep.equal([
      { contacts: [{ user: carol, contact: false, blocked: true }] },
    ]);
  });

  it('has room for exactly CONTACTS_MAX', () => {
    const user = Stepper.registered();
    for (let count = 0; count < CONTACTS_MAX; count += 1) user.ask(contact(`@u${count}` as UserId));
    expect(answers(user.ask(contact(bob)))).to.deep.equal(['E_TOO_LARGE']);
    expect(of(user.ask(contact('@u0' as UserId, true)), 'commit')).to.have.lengthOf(1);
  });

  const changes = (effects: Parameters<typeof of>[0]) =>
    of(effects, 'tell').map(({ to, request }) => [
      to,
      request.type === 'presenceChanged' && request.online,
    ]);

  it('tells watchers the present state and every change, until their lease ends', () => {
    const user = Stepper.registered();
    expect(changes(user.ask({ type: 'watch', watcher: bob }))).to.deep.equal([[bob, false]]);
    expect(changes(user.attach(one, 1))).to.deep.equal([[bob, true]]);
    expect(changes(user.attach(one, 2))).to.deep.equal([]);
    const detached = user.ask({ type: 'detach', device: one, session: session(2) });
    expect(changes(detached)).to.deep.equal([[bob, false]]);
    user.nowMs += PRESENCE_LEASE_MS;
    user.fact({ type: 'tick' });
    expect(changes(user.attach(one, 3))).to.deep.equal([]);
  });

  it('shows a blocked asker nothing, whether it asks or watches', () => {
    const user = Stepper.registered();
    user.ask({ type: 'watch', watcher: bob });
    user.ask(contact(bob, true));
    user.flush();
    expect(changes(user.attach(one, 1))).to.deep.equal([]);
    expect(answers(user.ask({ type: 'presence', asker: bob }))).to.deep.equal([
      { user: alice, online: false, lastSeen: 0 },
    ]);
    expect(changes(user.ask({ type: 'watch', watcher: bob }))).to.deep.equal([[bob, false]]);
    expect(answers(user.ask({ type: 'presence', asker: carol }))).to.deep.equal([
      { user: alice, online: true, lastSeen: START_MS },
    ]);
  });

  it('passes presence and typing of others on to its sessions, typing of blocked ones not', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const seen = user.ask({ type: 'presenceChanged', user: bob, online: true, lastSeen: 5 });
    expect(pushes(seen)).to.deep.equal([
      [1, { type: 'presence', user: bob, online: true, lastSeen: 5 }],
    ]);
    const typed = user.ask({ type: 'typing', from: bob });
    expect(pushes(typed)).to.deep.equal([[1, { type: 'typing', user: bob }]]);
    user.ask(contact(bob, true));
    expect(pushes(user.ask({ type: 'typing', from: bob }))).to.deep.equal([]);
  });
});

describe('user: a refused commit', () => {
  it('fails everybody who waits and ends the life', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.append({ counter: 1 });
    user.append({ counter: 2 });
    const error = new FastChatError('E_STORE_FULL', 'full');
    const effects = user.fact({ type: 'commitFailed', error });
    expect(answers(effects)).to.deep.equal(['E_STORE_FULL', 'E_STORE_FULL', 'E_STORE_FULL']);
    expect(of(effects, 'drop')).to.have.lengthOf(1);
  });
});

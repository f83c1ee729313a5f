/** Guessing the password of a user at a real node, by every call whose answer a guess can be checked with. */
import { expect } from 'chai';
import { createPasswordClient } from '../../src/crypto/opening/opaque-client.ts';
import { REGISTRATION_REQUEST_BYTES } from '../../src/crypto/opaque-sizes.ts';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.ts';
import { RawDevice, codeOf, greet } from './raw-device.ts';
import type { RawLink } from '../../bench/generator/raw-link.ts';
import { PASSWORD } from '../../bench/account.ts';
import type { Greeted } from './raw-device.ts';

const GUESSES = DEFAULT_LIMITS.failedLoginsPerMinute;
/** The element that OPAQUE blinds a password into: all of a registration's request, the beginning of a login's. */
const ELEMENT_BYTES = REGISTRATION_REQUEST_BYTES;
const passwords = createPasswordClient(systemClock);

describe('guessing at a real node', function () {
  this.timeout(60_000);
  let cluster: DevCluster;

  before(async () => {
    cluster = await startDevCluster({ nodes: 1 });
  });

  after(() => cluster?.stop());

  async function startRegistration({ link }: Greeted, victim: RawDevice): Promise<Uint8Array> {
    const { request } = await passwords.startLogin('a guess');
    const element = request.subarray(0, ELEMENT_BYTES);
    const { user } = victim.account;
    return (await link.call('registerStart', { user, request: element })).response;
  }

  it('a registration in the name of a user evaluates a password just as a login does', async () => {
    const victim = await RawDevice.register('oracle', cluster.url);
    const { user } = victim.account;
    const { link } = await greet(cluster.url);
    const { request } = await passwords.startLogin('a guess');
    const login = await link.call('loginStart', { user, request });
    const element = request.subarray(0, ELEMENT_BYTES);
    const registration = await link.call('registerStart', { user, request: element });
    link.destroy();
    const ofLogin = Buffer.from(login.response.subarray(0, ELEMENT_BYTES));
    expect(ofLogin.equals(registration.response.subarray(0, ELEMENT_BYTES))).to.equal(true);
  });

  it('registrations in the name of a user are counted as failed logins of that user', async () => {
    const victim = await RawDevice.register('victim', cluster.url);
    const { user } = victim.account;
    const greeted = await greet(cluster.url);
    for (let guess = 1; guess <= GUESSES; guess += 1) await startRegistration(greeted, victim);
    expect(await codeOf(startRegistration(greeted, victim))).to.equal('E_RATE_LIMITED');
    const { request } = await passwords.startLogin('a guess');
    const login = greeted.link.call('loginStart', { user, request });
    expect(await codeOf(login)).to.equal('E_RATE_LIMITED');
    greeted.link.destroy();
  });

  /** Half a login: the answer to the challenge, to be told when the time has come. */
  async function halfLogin({ link, hello }: Greeted, { account }: RawDevice): Promise<Uint8Array> {
    const { request, state } = await passwords.startLogin(PASSWORD);
    const { response } = await link.call('loginStart', { user: account.user, request });
    const done = await passwords.finishLogin(PASSWORD, state, response, hello.stretching);
    if (done === undefined) throw new Error('the password is another one');
    return done.finish;
  }

  /** Half a password change on a session: its password is proven, the new one is ready to be set. */
  async function halfChange(link: RawLink, { hello }: Greeted): Promise<Uint8Array> {
    const { request, state } = await passwords.startLogin(PASSWORD);
    const challenge = await link.call('reauthStart', { request });
    const { stretching } = hello;
    const done = await passwords.finishLogin(PASSWORD, state, challenge.response, stretching);
    if (done === undefined) throw new Error('the password is another one');
    const next = await passwords.startRegistration('another password');
    const { finish } = done;
    const { response } = await link.call('reauthFinish', { finish, request: next.request });
    const password = 'another password';
    return (await passwords.finishRegistration(password, next.state, response, stretching)).record;
  }

  function setPassword(link: RawLink, expected: number, record: Uint8Array): Promise<unknown> {
    const vault = Buffer.alloc(400, 1);
    return link.call('changePassword', {
      expected,
      record,
      vault,
      passwordWrap: vault.subarray(300),
    });
  }

  it('what was begun with the old password is worth nothing once it is changed', async () => {
    const victim = await RawDevice.register('changed', cluster.url);
    const login = await greet(cluster.url);
    const finish = await halfLogin(login, victim);
    const link = await victim.session(cluster.url);
    await setPassword(link, 1, await halfChange(link, login));
    const newDevice = { publicKey: victim.random(32), name: 'thief', token: victim.random(16) };
    const end = login.link.call('loginFinish', { finish, newDevice, proof: undefined });
    expect(await codeOf(end)).to.equal('E_AUTH');
    expect((await link.call('devices', {})).devices).to.have.lengthOf(1);
    for (const opened of [login.link, link]) opened.destroy();
  });

  it('a device that is logged in needs no password, however much is guessed', async () => {
    const victim = await RawDevice.register('settled', cluster.url);
    const greeted = await greet(cluster.url);
    for (let guess = 1; guess <= GUESSES; guess += 1) await startRegistration(greeted, victim);
    expect(await codeOf(startRegistration(greeted, victim))).to.equal('E_RATE_LIMITED');
    expect(await codeOf(victim.session(cluster.url))).to.equal('none');
    greeted.link.destroy();
  });
});

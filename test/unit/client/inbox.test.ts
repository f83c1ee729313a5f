import { expect } from 'chai';
import { HELD_ENVELOPES_MAX } from '../../../src/protocol/limits.ts';
import type { LogEntry } from '../../../src/protocol/envelope.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { boxKeyParts, messageTag } from '../../../src/crypto/identity.ts';
import { signInner } from '../../../src/crypto/opening/signed-inner.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import { encodeRaw } from '../../../src/protocol/codec.ts';
import { parseDeviceId, parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import { World } from './world.ts';
import type { Home } from './world.ts';

describe('client: receiving', () => {
  let world: World;
  let alice: Home;
  let bob: Home;

  beforeEach(async () => {
    world = await World.start();
    [alice, bob] = [await world.join('alice'), await world.join('bob')];
  });

  async function say(...texts: readonly string[]): Promise<void> {
    for (const text of texts) await world.until(alice.client.send(bob.user, text));
    await world.pass(1_000);
  }

  /** Somebody else takes the name @alice: another identity, other keys. */
  async function replaceAlice(): Promise<Home> {
    world.cluster.accounts.delete(alice.user);
    alice.crash();
    return await world.join('alice');
  }

  it('pulls what was not pushed when a keep-alive shows it', async () => {
    world.cluster.isPushing = false;
    await say('one', 'two');
    expect(bob.shown()).to.deep.equal([]);
    await world.pass(25_000);
    expect(bob.shown()).to.deep.equal(['one', 'two']);
  });

  it('repairs a gap between pushes by pulling', async () => {
    world.cluster.isPushing = false;
    await say('one', 'two');
    world.cluster.isPushing = true;
    await say('three');
    expect(bob.shown()).to.deep.equal(['one', 'two', 'three']);
    expect(bob.warnings()).to.deep.equal([]);
  });

  it('ignores what it has read already, however often it is pushed', async () => {
    await say('one', 'two');
    const { log } = world.account(bob);
    world.cluster.push(bob.user, { type: 'entries', log: bob.user, entries: log });
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['one', 'two']);
  });

  it('reads more than one pull holds', async () => {
    bob.crash();
    const texts = Array.from({ length: 600 }, (_, index) => `${index}`);
    const sends = texts.map((text) => alice.client.send(bob.user, text, { timeoutMs: 60_000 }));
    await world.until(Promise.all(sends));
    const client = await bob.restart();
    await world.until(client.caughtUp());
    expect(bob.shown()).to.deep.equal(texts);
  });

  it('acknowledges to the server only what is on its own disk', async () => {
    await say('one');
    const device = 1;
    const { cursors, head } = world.account(bob);
    expect([...cursors]).to.deep.equal([[device, head]]);
  });

  it('lets no entry that is garbage stop the log', async () => {
    await say('one');
    const [first] = world.account(bob).log as [LogEntry];
    world.cluster.inject(bob.user, { ...first.envelope, counter: 2, body: new Uint8Array(100) });
    await say('two');
    expect(bob.shown()).to.deep.equal(['one', 'two']);
    expect(bob.warnings()).to.include('E_DECRYPT');
  });

  it('holds what comes from a sender whose keys are out of reach, and reads it when they are there', async () => {
    world.cluster.script = ({ type }, user) =>
      type === 'keys' && user === bob.user
        ? new FastChatError('E_UNREACHABLE', 'no owner')
        : 'serve';
    await say('one', 'two');
    expect(bob.shown()).to.deep.equal([]);
    world.cluster.script = () => 'serve';
    await world.pass(10_000);
    expect(bob.shown()).to.deep.equal(['one', 'two']);
    expect(bob.warnings()).to.deep.equal([]);
  });

  it('keeps what is held through a crash', async () => {
    world.cluster.script = ({ type }, user) =>
      type === 'keys' && user === bob.user
        ? new FastChatError('E_UNREACHABLE', 'no owner')
        : 'serve';
    await say('one');
    bob.crash();
    world.cluster.script = () => 'serve';
    await bob.restart();
    await world.pass(10_000);
    expect(bob.shown()).to.deep.equal(['one']);
  });

  it('does not show what a changed identity sends until it is verified', async () => {
    await say('from the real one');
    const impostor = await replaceAlice();
    await world.until(impostor.client.send(bob.user, 'new key 1'));
    await world.until(impostor.client.send(bob.user, 'new key 2'));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['from the real one']);
    expect(bob.warnings()).to.deep.equal(['E_KEY_CHANGED']);
    const { fingerprint } = await world.until(impostor.client.fingerprint(impostor.user));
    expect(await world.until(bob.client.verify(alice.user, fingerprint))).to.deep.equal({
      verified: true,
    });
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['from the real one', 'new key 1', 'new key 2']);
  });

  it('stays with the old identity when another fingerprint is given', async () => {
    await say('from the real one');
    const { fingerprint } = await world.until(bob.client.fingerprint(bob.user));
    const impostor = await replaceAlice();
    await world.until(impostor.client.send(bob.user, 'new key'));
    await world.pass(1_000);
    const result = await world.until(bob.client.verify(alice.user, fingerprint));
    expect(result).to.deep.equal({ verified: false });
    expect(bob.shown()).to.deep.equal(['from the real one']);
  });

  it('seals nothing to a changed identity until it is verified, and keeps what waits', async () => {
    await world.until(bob.client.send(alice.user, 'to the real one'));
    const impostor = await replaceAlice();
    bob.crash();
    await bob.restart();
    const options = { timeoutMs: 60_000 };
    expect(await world.code(bob.client.send(alice.user, 'secret', options))).to.equal(
      'E_KEY_CHANGED',
    );
    expect(await world.code(bob.client.send(alice.user, 'more', options))).to.equal(
      'E_KEY_CHANGED',
    );
    expect(bob.client.queued()).to.equal(2);
    expect(impostor.shown()).to.deep.equal([]);
    expect(bob.warnings()).to.deep.equal(['E_KEY_CHANGED']);
    const { fingerprint } = await world.until(impostor.client.fingerprint(impostor.user));
    await world.until(bob.client.verify(alice.user, fingerprint));
    await world.until(bob.client.flushed(60_000));
    await world.pass(1_000);
    expect(impostor.shown()).to.deep.equal(['secret', 'more']);
  });

  it('keeps no more of a sender with a changed key than its bound', async () => {
    await say('from the real one');
    const impostor = await replaceAlice();
    const sends = Array.from({ length: HELD_ENVELOPES_MAX + 5 }, (_, index) =>
      impostor.client.send(bob.user, `${index}`, { timeoutMs: 60_000 }),
    );
    await world.until(Promise.all(sends));
    await world.pass(5_000);
    const dropped = bob
      .of('warning')
      .filter(({ message }) => message.includes('more than is kept'));
    expect(dropped).to.have.length(5);
  });

  it('keeps what it does not understand for a newer client, and says so', async () => {
    const { suite, cluster } = world;
    const dave = parseUserId('dave');
    const [identity, keys] = [suite.signKeyPair(), suite.boxKeyPair()];
    const parts = boxKeyParts(dave, 1, keys.publicKey);
    const signature = suite.sign(TAGS.boxKey, parts, identity.privateKey);
    const box = { epoch: 1, publicKey: keys.publicKey, signature };
    cluster.accounts.set(dave, {
      ...world.account(alice),
      user: dave,
      identity: identity.publicKey,
      box,
    });
    const { incarnation, identity: recipient, box: to } = world.account(bob);
    const id = 'from-the-future';
    const head = [dave, 1, 1, new Uint8Array(32), bob.user, incarnation, id, 0, to.epoch, false];
    const content = encodeRaw([...head, [99, 'hologram']]);
    const purpose = { tag: TAGS.direct, bound: [recipient] };
    const inner = signInner(suite, purpose, content, identity.privateKey);
    cluster.inject(bob.user, {
      to: bob.user,
      incarnation,
      from: dave,
      device: parseDeviceId(1),
      counter: 1,
      tag: messageTag(suite, dave, bob.user, parseMessageId(id)),
      boxEpoch: to.epoch,
      quiet: false,
      body: suite.seal(inner, to.publicKey),
    });
    await say('and on it goes');
    expect(bob.shown()).to.deep.equal(['and on it goes']);
    expect(bob.warnings()).to.deep.equal(['E_VERSION']);
  });

  it('counts unread messages and forgets them when they are read', async () => {
    await say('one', 'two', 'three');
    const [conversation] = await bob.client.conversations();
    expect(conversation).to.include({ conversation: '@alice', unread: 3 });
    const [, second] = await bob.client.history(alice.user);
    if (second !== undefined) await world.until(bob.client.markRead(alice.user, second.id));
    expect((await bob.client.conversations())[0]).to.include({ unread: 1 });
  });

  it('tells the sender, once, what was read, and the reader’s other devices', async () => {
    const second = await world.joinAgain('bob', 'bob-2');
    await say('one', 'two', 'three');
    const messages = await bob.client.history(alice.user);
    for (const { id } of messages) await world.until(bob.client.markRead(alice.user, id));
    await world.pass(5_000);
    expect(alice.of('receipt').filter(({ state }) => state === 'read')).to.have.length(3);
    const states = (await alice.client.history(bob.user)).map(({ state }) => state);
    expect(states).to.deep.equal(['read', 'read', 'read']);
    expect((await second.client.conversations())[0]).to.include({ unread: 0 });
    const quiet = world.account(alice).log.filter(({ envelope }) => envelope.from === '@bob');
    expect(quiet).to.have.length(1);
  });

  it('tells what was read after a crash before it was told', async () => {
    await say('one');
    const [message] = await bob.client.history(alice.user);
    if (message !== undefined) await world.until(bob.client.markRead(alice.user, message.id));
    bob.crash();
    await bob.restart();
    await world.pass(5_000);
    expect((await alice.client.history(bob.user))[0]?.state).to.equal('read');
  });

  it('resolves `wait: read` when the recipient has read it', async () => {
    const sent = alice.client.send(bob.user, 'read me', { wait: 'read', timeoutMs: 60_000 });
    await world.pass(1_000);
    const [message] = await bob.client.history(alice.user);
    if (message !== undefined) await world.until(bob.client.markRead(alice.user, message.id));
    expect(await world.until(sent)).to.include({ state: 'read' });
  });

  it('shows what expired undelivered', async () => {
    bob.crash();
    const sent = alice.client.send(bob.user, 'too late', { wait: 'delivered', timeoutMs: 60_000 });
    await world.pass(1_000);
    const { incarnation, user } = world.account(bob);
    const device = world.account(bob).log[0]?.envelope.device;
    if (device !== undefined)
      world.cluster.push(alice.user, {
        type: 'expired',
        user,
        incarnation,
        device,
        from: 1,
        to: 1,
      });
    expect(await world.code(sent)).to.equal('E_TIMEOUT');
    expect(alice.of('receipt').map(({ state }) => state)).to.deep.equal(['expired']);
    expect((await alice.client.history(bob.user))[0]?.state).to.equal('expired');
  });

  it('prints each message once, by conversation and over all, through restarts', async () => {
    const carol = await world.join('carol');
    await say('a1');
    await world.until(carol.client.send(bob.user, 'c1'));
    await say('a2');
    const print = async (
      conversation: typeof alice.user | undefined,
    ): Promise<readonly string[]> => {
      const found = await bob.client.unprinted(conversation, 2);
      await world.until(found.mark());
      return found.messages.map(({ text }) => text ?? '');
    };
    expect(await print(carol.user)).to.deep.equal(['c1']);
    expect(await print(undefined)).to.deep.equal(['a1', 'a2']);
    expect(await print(undefined)).to.deep.equal([]);
    bob.crash();
    await bob.restart();
    await say('a3');
    expect(await print(alice.user)).to.deep.equal(['a3']);
    expect(await print(undefined)).to.deep.equal([]);
  });

  it('pages through history and finds messages whatever their case', async () => {
    await say('Alpha', 'beta', 'ALPHABET', 'gamma');
    const newest = await bob.client.history(alice.user, { limit: 2 });
    expect(newest.map(({ text }) => text)).to.deep.equal(['ALPHABET', 'gamma']);
    const [first] = newest;
    const before = first === undefined ? {} : { before: first.id };
    const older = await bob.client.history(alice.user, { limit: 2, ...before });
    expect(older.map(({ text }) => text)).to.deep.equal(['Alpha', 'beta']);
    const found = await world.until(bob.client.search('alpha'));
    expect(found.map(({ text }) => text)).to.deep.equal(['Alpha', 'ALPHABET']);
    expect(await world.until(bob.client.search('alpha', { limit: 1 }))).to.have.length(1);
  });
});

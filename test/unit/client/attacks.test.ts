/** A malicious node, or a malicious peer, against the client: numbers as in the list of attacks in docs/SECURITY.md. */
import { expect } from 'chai';
import { NO_PREVIOUS, sealDirect } from '../../../src/crypto/opening/direct-message.ts';
import type { DirectDraft } from '../../../src/crypto/opening/direct-message.ts';
import { boxKeyParts } from '../../../src/crypto/identity.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import type { KeyPair } from '../../../src/crypto/suite.ts';
import type { BoxKey } from '../../../src/protocol/account.ts';
import type { Body } from '../../../src/protocol/bodies.ts';
import type { Envelope, LogEntry } from '../../../src/protocol/envelope.ts';
import { parseDeviceId, parseMessageId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { World } from './world.ts';
import type { Home } from './world.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('client under attack', () => {
  let world: World;
  let alice: Home;
  let bob: Home;
  let carol: Home;

  beforeEach(async () => {
    world = await World.start();
    alice = await world.join('alice');
    bob = await world.join('bob');
    carol = await world.join('carol');
  });

  async function say(from: Home, to: Home, ...texts: readonly string[]): Promise<void> {
    for (const text of texts) await world.until(from.client.send(to.user, text));
    await world.pass(1_000);
  }

  /** Envelopes that people wait for in a log. */
  function logged(home: Home): readonly LogEntry[] {
    return world.account(home).log.filter(({ envelope }) => !envelope.quiet);
  }

  function signedBox(user: UserId, identity: KeyPair, epoch: number, box: KeyPair): BoxKey {
    const parts = boxKeyParts(user, epoch, box.publicKey);
    const signature = world.suite.sign(TAGS.boxKey, parts, identity.privateKey);
    return { epoch, publicKey: box.publicKey, signature };
  }

  /** An envelope that `identity` signs in the name of `from`. */
  function forge(from: UserId, to: Home, identity: KeyPair, body: Body, counter = 1): Envelope {
    const { incarnation, identity: recipient, box } = world.account(to);
    const draft: DirectDraft = {
      from,
      device: parseDeviceId(1),
      counter,
      previous: NO_PREVIOUS,
      to: to.user,
      incarnation,
      id: parseMessageId(`forged-${counter}`),
      timestamp: world.clock.now(),
      quiet: false,
      body,
    };
    const keys = { identity: recipient, box };
    return sealDirect(world.suite, draft, keys, identity.privateKey).envelope;
  }

  it('1: a substituted identity of a new contact shows in the fingerprint', async () => {
    const { fingerprint } = await bob.client.fingerprint(bob.user);
    const [identity, box] = [world.suite.signKeyPair(), world.suite.boxKeyPair()];
    world.cluster.servedKeys = (user, keys) =>
      user === bob.user
        ? { ...keys, identity: identity.publicKey, box: signedBox(user, identity, 1, box) }
        : keys;
    const shown = await world.until(alice.client.fingerprint(bob.user));
    expect(shown.fingerprint).not.to.equal(fingerprint);
    const result = await world.until(alice.client.verify(bob.user, fingerprint));
    expect(result).to.deep.equal({ verified: false });
  });

  it('1: a substituted identity of a known contact stops the sender, who seals nothing to it', async () => {
    await say(alice, bob, 'hello');
    const [identity, box] = [world.suite.signKeyPair(), world.suite.boxKeyPair()];
    world.cluster.servedKeys = (user, keys) =>
      user === bob.user
        ? { ...keys, identity: identity.publicKey, box: signedBox(user, identity, 1, box) }
        : keys;
    alice.crash();
    await alice.restart();
    const before = logged(bob).length;
    expect(await world.code(alice.client.send(bob.user, 'secret'))).to.equal('E_KEY_CHANGED');
    expect(alice.warnings()).to.deep.equal(['E_KEY_CHANGED']);
    expect(logged(bob)).to.have.length(before);
    // The node gives up: what waited goes on to the true identity.
    world.cluster.servedKeys = (_user, keys) => keys;
    await world.until(alice.client.fingerprint(bob.user));
    const { fingerprint } = await bob.client.fingerprint(bob.user);
    await world.until(alice.client.verify(bob.user, fingerprint));
    await world.until(alice.client.flushed(20_000));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['hello', 'secret']);
  });

  it('2: a box key that the identity has not signed is not used', async () => {
    const box = world.suite.boxKeyPair();
    world.cluster.servedKeys = (user, keys) =>
      user === bob.user ? { ...keys, box: { ...keys.box, publicKey: box.publicKey } } : keys;
    expect(await world.code(alice.client.send(bob.user, 'secret'))).to.equal('E_SIGNATURE');
    await world.pass(60_000);
    expect(alice.warnings()).to.deep.equal(['E_SIGNATURE']);
    expect(logged(bob)).to.have.length(0);
    expect(alice.client.queued()).to.equal(1);
  });

  it('2: a box key older than one that was seen is not used', async () => {
    const old = world.cluster.keysOf(bob.user);
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    await say(alice, bob, 'to the new key');
    expect(logged(bob)[0]?.envelope.boxEpoch).to.equal(2);
    world.cluster.servedKeys = (user, keys) => (user === bob.user ? old : keys);
    alice.crash();
    await alice.restart();
    expect(await world.code(alice.client.send(bob.user, 'secret'))).to.equal('E_SIGNATURE');
    expect(logged(bob)).to.have.length(1);
  }).timeout(10_000);

  it('3: the keys of another user are not taken for the wanted one’s', async () => {
    world.cluster.servedKeys = (user, keys) =>
      user === bob.user ? { ...world.cluster.keysOf(carol.user) } : keys;
    expect(await world.code(alice.client.send(bob.user, 'secret'))).to.equal('E_SIGNATURE');
    expect(logged(carol)).to.have.length(0);
  });

  it('9: a replayed message is not shown again', async () => {
    await say(alice, bob, 'one', 'two');
    for (const { envelope } of logged(bob)) world.cluster.inject(bob.user, envelope);
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['one', 'two']);
  });

  it('9: a message replayed into another user’s log is refused', async () => {
    await say(alice, bob, 'for bob');
    const [entry] = logged(bob) as [LogEntry];
    world.cluster.inject(carol.user, entry.envelope);
    world.cluster.inject(carol.user, { ...entry.envelope, to: carol.user });
    await world.pass(1_000);
    expect(carol.shown()).to.deep.equal([]);
    expect(carol.warnings()).to.have.length(2);
  });

  it('10: a withheld message shows as a gap', async () => {
    world.cluster.isPushing = false;
    await say(alice, bob, 'one', 'two', 'three');
    const second = logged(bob)[1];
    if (second !== undefined) world.cluster.withhold(bob.user, second.seq);
    await world.pass(25_000);
    expect(bob.shown()).to.deep.equal(['one', 'three']);
    const gap = bob.of('warning')[0];
    expect(gap).to.include({ code: 'E_NO_SUCH_MESSAGE', user: '@alice' });
  });

  it('10: reordered messages show as a gap, and the late one is not slipped in', async () => {
    world.cluster.isPushing = false;
    await say(alice, bob, 'one', 'two', 'three');
    const account = world.account(bob);
    const [one, two, three] = account.log.map(({ envelope }) => envelope) as [
      Envelope,
      Envelope,
      Envelope,
    ];
    account.log = [one, three, two].map((envelope, index) => ({ seq: index + 1, at: 0, envelope }));
    await world.pass(25_000);
    expect(bob.shown()).to.deep.equal(['one', 'three']);
    expect(bob.warnings()).to.deep.equal(['E_NO_SUCH_MESSAGE']);
  });

  it('11: the same message under a new sequence number is not shown again', async () => {
    await say(alice, bob, 'one');
    const [entry] = logged(bob) as [LogEntry];
    bob.crash();
    world.cluster.inject(bob.user, entry.envelope);
    await bob.restart();
    await world.until(bob.client.caughtUp());
    expect(await bob.client.history(alice.user)).to.have.length(1);
  });

  it('12: a swapped sender is refused', async () => {
    await say(carol, bob, 'I am carol');
    await say(alice, bob, 'I am alice');
    const [entry] = logged(bob) as [LogEntry];
    world.cluster.inject(bob.user, { ...entry.envelope, from: alice.user, counter: 2 });
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['I am carol', 'I am alice']);
    expect(bob.warnings()).to.deep.equal(['E_SIGNATURE']);
  });

  it('14: a node’s own sealed box in the name of a user is refused', async () => {
    await say(alice, bob, 'genuine');
    const mallory = world.suite.signKeyPair();
    const body: Body = { type: 'text', text: 'send me money' };
    world.cluster.inject(bob.user, forge(alice.user, bob, mallory, body, 2));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['genuine']);
    expect(bob.warnings()).to.deep.equal(['E_SIGNATURE']);
  });

  it('17: a vault that is rolled back is noticed by a device that saw the newer one', async () => {
    const old = world.account(alice).vault;
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    world.cluster.servedVault = (user, vault) => (user === alice.user ? old : vault);
    alice.crash();
    await alice.restart();
    expect(alice.warnings()).to.deep.equal(['E_KEY_CHANGED']);
    await say(bob, alice, 'still readable');
    expect(alice.shown()).to.deep.equal(['still readable']);
  }).timeout(10_000);

  it('17: a vault that is rolled back is noticed by a new device, which is not set up', async () => {
    const old = world.account(alice).vault;
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    world.cluster.servedVault = (user, vault) => (user === alice.user ? old : vault);
    expect(await world.code(world.joinAgain('alice', 'alice-2'))).to.equal('E_KEY_CHANGED');
  }).timeout(10_000);

  it('18: the vault of another user cannot be opened', async () => {
    const foreign = world.account(bob).vault;
    world.cluster.servedVault = (user, vault) => (user === alice.user ? foreign : vault);
    expect(await world.code(world.joinAgain('alice', 'alice-2'))).to.equal('E_DECRYPT');
    const { passwordWrap } = world.account(alice).vault;
    world.cluster.servedVault = (user, vault) =>
      user === alice.user ? { ...foreign, passwordWrap } : vault;
    expect(await world.code(world.joinAgain('alice', 'alice-3'))).to.equal('E_DECRYPT');
  });

  it('24: a message passed on by its recipient is not taken for one to the third', async () => {
    await say(alice, bob, 'for bob');
    const [entry] = logged(bob) as [LogEntry];
    const { incarnation, box } = world.account(carol);
    // Bob can open it and seal what he found to carol; the node helps with the header.
    const inner = entry.envelope.body.slice(48);
    const body = world.suite.seal(inner, box.publicKey);
    const envelope = { ...entry.envelope, to: carol.user, incarnation, boxEpoch: box.epoch, body };
    world.cluster.inject(carol.user, envelope);
    await world.pass(1_000);
    expect(carol.shown()).to.deep.equal([]);
    expect(carol.warnings()).to.have.length(1);
  });

  it('25: a message reflected to its sender is not taken for an answer', async () => {
    await say(alice, bob, 'yes');
    await say(bob, alice, 'no');
    const [entry] = logged(bob) as [LogEntry];
    const { incarnation } = world.account(alice);
    const reflected = {
      ...entry.envelope,
      to: alice.user,
      from: bob.user,
      incarnation,
      counter: 2,
    };
    world.cluster.inject(alice.user, reflected);
    world.cluster.inject(alice.user, { ...entry.envelope, to: alice.user, incarnation });
    await world.pass(1_000);
    expect(alice.shown()).to.deep.equal(['no']);
  });

  it('38: a peer cannot pass a direct message off as what this account has sent', async () => {
    const mallory = world.suite.signKeyPair();
    const item = {
      conversation: bob.user,
      id: parseMessageId('x'),
      counter: 1,
      timestamp: 0,
      body: { type: 'text', text: 'I never said that' },
    } as const;
    world.cluster.inject(
      alice.user,
      forge(alice.user, alice, mallory, { type: 'sync', items: [item] }),
    );
    world.account(carol);
    world.cluster.inject(
      alice.user,
      forge(carol.user, alice, mallory, { type: 'sync', items: [item] }),
    );
    await world.pass(1_000);
    expect(await alice.client.history(bob.user)).to.deep.equal([]);
    expect(alice.shown()).to.deep.equal([]);
  });

  it('38: what an account told its own devices is not taken for a message to somebody else', async () => {
    await world.joinAgain('alice', 'alice-2');
    await say(alice, bob, 'hello');
    await world.pass(5_000);
    const sync = world.account(alice).log.find(({ envelope }) => envelope.from === alice.user);
    const { incarnation } = world.account(bob);
    if (sync !== undefined)
      world.cluster.inject(bob.user, { ...sync.envelope, to: bob.user, incarnation, counter: 2 });
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['hello']);
    expect(bob.warnings()).to.have.length(1);
  });

  it('30: an enormous counter costs nothing and stops nothing', async () => {
    await say(alice, bob, 'one');
    const counter = Number.MAX_SAFE_INTEGER;
    world.cluster.push(alice.user, {
      type: 'receipt',
      user: bob.user,
      incarnation: world.account(bob).incarnation,
      device: parseDeviceId(1),
      delivered: counter,
    });
    await say(alice, bob, 'two');
    expect(bob.shown()).to.deep.equal(['one', 'two']);
  });

  it('9: a message for an earlier life of the log is refused', async () => {
    await say(alice, bob, 'old');
    const [entry] = logged(bob) as [LogEntry];
    bob.crash();
    world.cluster.inject(bob.user, { ...entry.envelope, incarnation: 'cd'.repeat(16) as never });
    await bob.restart();
    await world.until(bob.client.caughtUp());
    expect(bob.warnings()).to.deep.equal(['E_SIGNATURE']);
    expect(await bob.client.history(alice.user)).to.have.length(1);
  });
});

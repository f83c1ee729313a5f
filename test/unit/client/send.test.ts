import { expect } from 'chai';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { ClientRequest } from '../../../src/protocol/client-calls.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import { parseGroupId, parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import { PASSWORD, World } from './world.ts';
import type { Home } from './world.ts';

describe('client: sending', () => {
  let world: World;
  let alice: Home;
  let bob: Home;

  beforeEach(async () => {
    world = await World.start();
    [alice, bob] = [await world.join('alice'), await world.join('bob')];
  });

  /** Envelopes of messages that people read, as they reached a gate. */
  function loud(): readonly Envelope[] {
    return world.cluster.calls
      .map(({ request }) => request)
      .filter(
        (request): request is Extract<ClientRequest, { type: 'send' }> => request.type === 'send',
      )
      .map(({ envelope }) => envelope)
      .filter(({ quiet }) => !quiet);
  }

  /** Refuses the nth loud envelope (from 1) that comes by, and those of `also`. */
  function refuseNth(nth: number, error: FastChatError): void {
    let count = 0;
    world.cluster.script = (request) => {
      if (request.type !== 'send' || request.envelope.quiet) return 'serve';
      count += 1;
      return count === nth ? error : 'serve';
    };
  }

  async function sendMany(texts: readonly string[]): Promise<PromiseSettledResult<unknown>[]> {
    const sends = texts.map((text) => alice.client.send(bob.user, text));
    return await world.until(Promise.allSettled(sends));
  }

  it('is stored, delivered once and in order, and shown with its text', async () => {
    const sent = await world.until(alice.client.send(bob.user, 'hello'));
    expect(sent).to.include({ conversation: '@bob', seq: 1, state: 'stored' });
    await world.until(alice.client.send(bob.user, 'again', { wait: 'delivered' }));
    expect(bob.shown()).to.deep.equal(['hello', 'again']);
    expect(alice.of('receipt').map(({ state }) => state)).to.deep.equal(['delivered', 'delivered']);
    expect([...alice.warnings(), ...bob.warnings()]).to.deep.equal([]);
  });

  it('learns of a delivery whose receipt was lost, while somebody waits for it', async () => {
    world.cluster.tellsReceipts = false;
    const sent = await world.until(alice.client.send(bob.user, 'hello', { wait: 'delivered' }));
    expect(sent.state).to.equal('delivered');
  });

  it('keeps the order of a burst larger than the window', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `message ${index}`);
    await sendMany(texts);
    await world.pass(5_000);
    expect(bob.shown()).to.deep.equal(texts);
    expect(world.account(bob).log.filter(({ envelope }) => !envelope.quiet)).to.have.length(200);
    expect(alice.client.queued()).to.equal(0);
  });

  it('reaches somebody who was offline, who is told how many wait', async () => {
    bob.crash();
    await sendMany(['one', 'two']);
    const client = await bob.open();
    const { pending } = await world.until(client.connect());
    await world.until(client.caughtUp());
    expect(pending).to.equal(2);
    expect(bob.shown()).to.deep.equal(['one', 'two']);
  });

  it('takes the same id with the same content as the same message', async () => {
    const first = await world.until(alice.client.send(bob.user, 'once', { id: 'key-1' }));
    const again = await world.until(alice.client.send(bob.user, 'once', { id: 'key-1' }));
    expect(again).to.include({ id: first.id, seq: first.seq, timestamp: first.timestamp });
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['once']);
  });

  it('refuses the same id with another content', async () => {
    await world.until(alice.client.send(bob.user, 'once', { id: 'key-1' }));
    const other = alice.client.send(bob.user, 'twice', { id: 'key-1' });
    expect(await world.code(other)).to.equal('E_USAGE');
  });

  it('takes two sends of one id at once as one message', async () => {
    const sends = [1, 2].map(() => alice.client.send(bob.user, 'once', { id: 'key-1' }));
    const [one, two] = await world.until(Promise.all(sends));
    expect(one).to.deep.equal(two);
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['once']);
  });

  it('fails for a user who does not exist, and may be tried again by its id', async () => {
    const carol = parseUserId('carol');
    const send = alice.client.send(carol, 'hi', { id: 'k' });
    expect(await world.code(send)).to.equal('E_NO_SUCH_USER');
    expect((await alice.client.history(carol))[0]?.state).to.equal('failed');
    expect(alice.client.queued()).to.equal(0);
    const home = await world.join('carol');
    await world.until(alice.client.send(carol, 'hi', { id: 'k' }));
    await world.pass(1_000);
    expect(home.shown()).to.deep.equal(['hi']);
    expect(await alice.client.history(carol)).to.have.length(1);
  });

  it('refuses what can never be sent before anything is stored', async () => {
    const long = 'x'.repeat(64 * 1024 + 1);
    expect(await world.code(alice.client.send(bob.user, long))).to.equal('E_TOO_LARGE');
    expect(await world.code(alice.client.send(bob.user, ''))).to.equal('E_USAGE');
    expect(await world.code(alice.client.send(bob.user, 'x', { id: 'a b' }))).to.equal('E_USAGE');
    const group = alice.client.send(parseGroupId('team'), 'x');
    expect(await world.code(group)).to.equal('E_NO_SUCH_GROUP');
    expect(alice.client.queued()).to.equal(0);
  });

  it('takes a text of exactly the largest size', async () => {
    const text = 'x'.repeat(64 * 1024);
    await world.until(alice.client.send(bob.user, text));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal([text]);
    await world.pass(5_000);
    expect(alice.client.queued()).to.equal(0);
  });

  it('needs a session, unless nobody waits', async () => {
    await world.until(alice.client.logout());
    expect(await world.code(alice.client.send(bob.user, 'hi'))).to.equal('E_NOT_LOGGED_IN');
    await world.until(alice.client.send(bob.user, 'later', { wait: 'none' }));
    expect(alice.client.queued()).to.equal(1);
    await world.until(alice.client.login(PASSWORD));
    await world.until(alice.client.flushed(10_000));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['later']);
  });

  it('times out while the node is deaf, stays in the outbox and arrives once', async () => {
    world.cluster.script = ({ type }) => (type === 'send' ? 'ignore' : 'serve');
    const send = alice.client.send(bob.user, 'slow', { timeoutMs: 3_000 });
    expect(await world.code(send)).to.equal('E_TIMEOUT');
    expect(alice.client.queued()).to.equal(1);
    world.cluster.script = () => 'serve';
    await world.until(alice.client.flushed(60_000));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['slow']);
  });

  it('sends the very same bytes again when the answer is lost, and they are shown once', async () => {
    let mute = true;
    world.cluster.script = (request) => {
      if (request.type !== 'send' || request.envelope.quiet || !mute) return 'serve';
      mute = false;
      return 'cut';
    };
    await world.until(alice.client.send(bob.user, 'once'));
    await world.pass(1_000);
    const [first, second] = loud();
    expect(second).to.deep.equal(first);
    expect(bob.shown()).to.deep.equal(['once']);
  });

  it('gives the counter of a refused message to the next one, and seals that again', async () => {
    await world.until(alice.client.send(bob.user, 'first'));
    refuseNth(2, new FastChatError('E_TOO_LARGE', 'too large for this node'));
    const results = await sendMany(['a', 'b', 'c', 'd']);
    expect(results.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['first', 'a', 'c', 'd']);
    expect(bob.warnings()).to.deep.equal([]);
    const counters = world.account(bob).log.filter(({ envelope }) => !envelope.quiet);
    expect(counters.map(({ envelope }) => envelope.counter)).to.deep.equal([1, 2, 3, 4]);
  });

  it('waits as long as a full mailbox says, and no longer than the caller', async () => {
    const full = new FastChatError('E_MAILBOX_FULL', 'full', { retryAfterMs: 2_000 });
    refuseNth(1, full);
    const startMs = world.clock.mono();
    await world.until(alice.client.send(bob.user, 'patient'));
    expect(world.clock.mono() - startMs).to.be.within(2_000, 3_000);
    world.cluster.script = ({ type }) => (type === 'send' ? full : 'serve');
    const send = alice.client.send(bob.user, 'impatient', { timeoutMs: 5_000 });
    expect(await world.code(send)).to.equal('E_TIMEOUT');
    expect(alice.client.queued()).to.equal(1);
  });

  it('fails at once when a full mailbox says nothing of when', async () => {
    refuseNth(1, new FastChatError('E_MAILBOX_FULL', 'full'));
    expect(await world.code(alice.client.send(bob.user, 'no'))).to.equal('E_MAILBOX_FULL');
    expect(alice.client.queued()).to.equal(0);
  });

  it('slows down under a rate limit instead of sending everything again and again', async () => {
    let tokens = 20;
    world.cluster.script = (request) => {
      if (request.type !== 'send') return 'serve';
      tokens -= 1;
      return tokens >= 0
        ? 'serve'
        : new FastChatError('E_RATE_LIMITED', 'slow down', { retryAfterMs: 100 });
    };
    const refill = (): void => {
      tokens = Math.min(20, Math.max(tokens, 0) + 10);
      world.clock.after(100, refill);
    };
    world.clock.after(100, refill);
    const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
    const sends = texts.map((text) => alice.client.send(bob.user, text, { timeoutMs: 60_000 }));
    await world.until(Promise.all(sends));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(texts);
    const seen = world.cluster.calls.filter(({ request }) => request.type === 'send');
    expect(seen.length).to.be.below(500);
  });

  it('seals anew, under the same counter, to a box key that has become current', async () => {
    await world.until(alice.client.send(bob.user, 'old key'));
    await rotate(bob);
    world.account(bob).minBoxEpoch = 2;
    await sendMany(['one', 'two', 'three']);
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['old key', 'one', 'two', 'three']);
    expect(bob.warnings()).to.deep.equal([]);
    const log = world.account(bob).log.filter(({ envelope }) => !envelope.quiet);
    expect(log.map(({ envelope }) => [envelope.counter, envelope.boxEpoch])).to.deep.equal([
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 2],
    ]);
  });

  /** Lets a day pass for `home`, so that it gives its account a new box key. */
  async function rotate(home: Home): Promise<void> {
    const before = world.account(home).box.epoch;
    while (world.account(home).box.epoch === before) await world.pass(60 * 60 * 1000);
  }

  it('counts from one again in another life of the recipient’s log', async () => {
    await world.until(alice.client.send(bob.user, 'before'));
    const account = world.account(bob);
    account.incarnation = parseIncarnation('ab'.repeat(16));
    account.log = [];
    account.head = 0;
    account.cursors.clear();
    world.cluster.cutAll();
    await world.pass(5_000);
    await world.until(alice.client.send(bob.user, 'after', { timeoutMs: 30_000 }));
    await world.pass(1_000);
    expect(account.log.map(({ envelope }) => envelope.counter)[0]).to.equal(1);
    expect(bob.shown()).to.deep.equal(['before', 'after']);
  });

  it('leaves out counters that the log has for something it does not know', async () => {
    const account = world.account(bob);
    await world.until(alice.client.send(bob.user, 'one'));
    const pair = [...account.pairs.values()][0];
    if (pair !== undefined) Object.assign(pair, { counter: 2, tag: new Uint8Array(16) });
    await sendMany(['two', 'three']);
    await world.pass(1_000);
    expect(bob.shown()).to.have.members(['one', 'two', 'three']);
    expect(bob.shown()).to.have.length(3);
  });

  it('holds nobody up because somebody else cannot be reached', async () => {
    const carol = await world.join('carol');
    world.cluster.script = (request) =>
      request.type === 'send' && request.envelope.to === '@carol' ? 'ignore' : 'serve';
    const stuck = alice.client.send(carol.user, 'stuck', { timeoutMs: 20_000 });
    await world.until(alice.client.send(bob.user, 'through'));
    expect(await world.code(stuck)).to.equal('E_TIMEOUT');
  });

  it('tells the other devices of the account what it sent', async () => {
    const second = await world.joinAgain('alice', 'alice-2');
    await sendMany(['one', 'two', 'three', 'four']);
    await world.pass(5_000);
    const history = await second.client.history(bob.user);
    expect(history.map(({ text, state }) => [text, state])).to.deep.equal([
      ['one', 'delivered'],
      ['two', 'delivered'],
      ['three', 'delivered'],
      ['four', 'delivered'],
    ]);
    expect(second.of('sent')).to.have.length(4);
    const syncs = world.account(alice).log.filter(({ envelope }) => envelope.quiet);
    // The first at once, so that it stands before its answer there; the rest together.
    expect(syncs).to.have.length(2);
  });

  it('shows receipts of what another device sent', async () => {
    const second = await world.joinAgain('alice', 'alice-2');
    bob.crash();
    await sendMany(['one']);
    await world.pass(5_000);
    await bob.restart();
    await world.pass(5_000);
    expect((await second.client.history(bob.user))[0]?.state).to.equal('delivered');
  });

  it('brings a note to oneself to the other devices only', async () => {
    const second = await world.joinAgain('alice', 'alice-2');
    await world.until(alice.client.send(alice.user, 'milk'));
    await world.pass(5_000);
    expect(second.shown()).to.deep.equal(['milk']);
    expect(alice.shown()).to.deep.equal([]);
    expect(await alice.client.history(alice.user)).to.have.length(1);
  });

  it('sends what waits on close, within its grace', async () => {
    await world.until(alice.client.send(bob.user, 'last words', { wait: 'none' }));
    await world.until(alice.client.close(5_000));
    await world.pass(1_000);
    expect(bob.shown()).to.deep.equal(['last words']);
    expect(world.account(alice).log.filter(({ envelope }) => envelope.quiet)).to.have.length(1);
  });
});

/** The user actor with host and store: reading, batching, lives. */
import { expect } from 'chai';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { Incarnation } from '../../../../src/protocol/ids.ts';
import {
  ACTOR_IDLE_MS,
  COMMIT_BYTES_MAX,
  ENVELOPE_BODY_BYTES_MAX,
  PULL_BYTES_MAX,
  PULL_ENTRIES_MAX,
  VAULT_BYTES_MAX,
} from '../../../../src/protocol/limits.ts';
import {
  bob,
  envelopeOf,
  filled,
  one,
  registration,
  session,
  settings,
  withLimits,
} from './fixtures.ts';
import type { EnvelopeOptions } from './fixtures.ts';
import type { AnyOutcome } from './user-world.ts';
import { UserWorld } from './user-world.ts';

async function registered(isEager = true): Promise<UserWorld> {
  const limits = withLimits({ strangerMessages: Infinity });
  const world = new UserWorld({ isEager, settings: { ...settings, ...limits } });
  world.tell(registration);
  await world.flush();
  return world;
}

async function incarnationOf(world: UserWorld): Promise<Incarnation> {
  const keys = await world.ask({ type: 'keys', asker: bob });
  if (keys?.ok !== true) throw new Error('not registered');
  return keys.value.incarnation;
}

class Sender {
  readonly world: UserWorld;
  readonly incarnation: Incarnation;
  readonly outcomes: AnyOutcome[] = [];

  private constructor(world: UserWorld, incarnation: Incarnation) {
    this.world = world;
    this.incarnation = incarnation;
  }

  static async of(world: UserWorld): Promise<Sender> {
    return new Sender(world, await incarnationOf(world));
  }

  send(options: EnvelopeOptions): void {
    const envelope = { ...envelopeOf(options), incarnation: this.incarnation };
    this.world.tell({ type: 'append', envelope }, (outcome) => this.outcomes.push(outcome));
  }
}

describe('user actor: reading the log', () => {
  it('gives back every body as it came, from one byte to the largest', async () => {
    const world = await registered();
    const sender = await Sender.of(world);
    const sizes = [1, 1699, 1700, 1701, 1900, 3600, 3601, ENVELOPE_BODY_BYTES_MAX];
    for (const [index, bodyBytes] of sizes.entries())
      sender.send({ counter: index + 1, bodyBytes });
    await world.settle();
    const pulled = await world.ask({ type: 'pull', device: one, from: 1, limit: 256 });
    if (pulled?.ok !== true) throw new Error('no entries');
    expect(pulled.value.entries.map(({ envelope }) => envelope.body.length)).to.deep.equal(sizes);
    for (const [index, { envelope }] of pulled.value.entries.entries()) {
      const sent = envelopeOf({ counter: index + 1, bodyBytes: sizes[index] ?? 0 });
      expect(Buffer.compare(envelope.body, sent.body)).to.equal(0);
      const { incarnation } = sender;
      expect({ ...envelope, body: 0 }).to.deep.equal({ ...sent, incarnation, body: 0 });
    }
  });

  it('cuts a pull at its entries and its bytes, and says what it covers', async () => {
    const world = await registered();
    const sender = await Sender.of(world);
    for (let counter = 1; counter <= 300; counter += 1) sender.send({ counter, bodyBytes: 10 });
    const bodyBytes = PULL_BYTES_MAX / 3;
    for (let counter = 301; counter <= 305; counter += 1) sender.send({ counter, bodyBytes });
    await world.settle();
    const pull = async (from: number, limit: number) => {
      const pulled = await world.ask({ type: 'pull', device: one, from, limit });
      if (pulled?.ok !== true) throw new Error('no entries');
      const { entries, upTo, head } = pulled.value;
      return [entries.length, upTo, head];
    };
    expect(await pull(1, 1000)).to.deep.equal([PULL_ENTRIES_MAX, PULL_ENTRIES_MAX, 305]);
    expect(await pull(1, 10)).to.deep.equal([10, 10, 305]);
    expect(await pull(301, 100)).to.deep.equal([3, 303, 305]);
    expect(await pull(304, 100)).to.deep.equal([2, 305, 305]);
    expect(await pull(306, 100)).to.deep.equal([0, 305, 305]);
  });

  it('I2: pulls nothing that is not flushed', async () => {
    const world = await registered(false);
    const sender = await Sender.of(world);
    sender.send({ counter: 1 });
    const before = await world.ask({ type: 'pull', device: one, from: 1, limit: 10 });
    expect(before?.ok === true && before.value).to.deep.equal({ entries: [], upTo: 0, head: 0 });
    await world.flush();
    const after = await world.ask({ type: 'pull', device: one, from: 1, limit: 10 });
    expect(after?.ok === true && after.value.head).to.equal(1);
  });
});

describe('user actor: commits', () => {
  it('joins what arrives together, or while a commit is under way, into one', async () => {
    const world = await registered(false);
    const sender = await Sender.of(world);
    const before = world.store.commits.length;
    for (let counter = 1; counter <= 3; counter += 1) sender.send({ counter });
    await world.settle();
    for (let counter = 4; counter <= 20; counter += 1) {
      sender.send({ counter });
      await world.settle();
    }
    await world.flush();
    expect(sender.outcomes.filter(({ ok }) => ok)).to.have.lengthOf(20);
    const writes = world.store.commits.slice(before).map(({ length }) => length);
    // 3 entries and 1 pair, then 17 entries and their last pair.
    expect(writes).to.deep.equal([4, 18]);
  });

  it('keeps every commit far below what the store takes', async () => {
    const world = await registered(false);
    const sender = await Sender.of(world);
    for (let counter = 1; counter <= 40; counter += 1) sender.send({ counter, bodyBytes: 90_000 });
    await world.flush();
    const sizes = world.store.commits.map((writes) =>
      writes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0),
    );
    expect(Math.max(...sizes)).to.be.below(COMMIT_BYTES_MAX / 2);
    expect(sender.outcomes.filter(({ ok }) => ok)).to.have.lengthOf(40);
  });

  it('never builds on a refused commit: senders are refused, the next life takes the retries', async () => {
    const world = await registered(false);
    const sender = await Sender.of(world);
    world.store.refuseNext(new FastChatError('E_STORE_FULL', 'full'));
    for (let counter = 1; counter <= 3; counter += 1) sender.send({ counter });
    await world.flush();
    expect(sender.outcomes.map((outcome) => !outcome.ok && outcome.error.code)).to.deep.equal([
      'E_STORE_FULL',
      'E_STORE_FULL',
      'E_STORE_FULL',
    ]);
    for (let counter = 1; counter <= 3; counter += 1) sender.send({ counter });
    await world.flush();
    expect(sender.outcomes.slice(3).map(({ ok }) => ok)).to.deep.equal([true, true, true]);
  });

  it('replaces a long vault by a shorter one whole, also when both go in one commit', async () => {
    const world = await registered(false);
    const put = (expected: number, bytes: number) =>
      ({
        type: 'putVault',
        expected,
        vault: filled(bytes, expected),
        wraps: undefined,
        box: undefined,
        minBoxEpoch: 0,
      }) as const;
    world.tell(put(1, VAULT_BYTES_MAX));
    await world.flush();
    for (const [expected, bytes] of [
      [2, 100],
      [3, 5000],
      [4, 2000],
    ] as const)
      world.tell(put(expected, bytes));
    await world.flush();
    const vault = await world.ask({ type: 'vault' });
    expect(vault?.ok === true && vault.value.version).to.equal(5);
    expect(vault?.ok === true && vault.value.vault).to.deep.equal(filled(2000, 4));
  });

  it('changes the password although the vault before it is still under way', async () => {
    const world = await registered(false);
    world.tell({
      type: 'putVault',
      expected: 1,
      vault: filled(4000, 3),
      wraps: undefined,
      box: undefined,
      minBoxEpoch: 0,
    });
    world.tell({
      type: 'changePassword',
      proven: registration.record,
      expected: 2,
      record: filled(100, 4),
      vault: filled(300, 5),
      passwordWrap: filled(72, 4),
    });
    await world.flush();
    const vault = await world.ask({ type: 'vault' });
    expect(vault?.ok === true && vault.value).to.deep.include({
      version: 3,
      vault: filled(300, 5),
      passwordWrap: filled(72, 4),
    });
  });
});

describe('user actor: lives', () => {
  const attach = (world: UserWorld, number: number) => {
    const tokens = { previous: filled(16, 10), next: filled(16, 10) };
    return world.ask({ type: 'attach', device: one, session: session(number), tokens });
  };

  it('is passivated when idle, having written its cursors, and comes back as it was', async () => {
    const world = await registered();
    const sender = await Sender.of(world);
    sender.send({ counter: 1 });
    await world.settle();
    await world.ask({ type: 'ack', device: one, upTo: 1 });
    await world.clock.advance(2 * ACTOR_IDLE_MS);
    expect(world.host.counters()).to.include({ live: 0, passivations: 1 });
    expect(world.durable().devices()[0]?.cursor).to.equal(1);
    const stats = await world.ask({ type: 'mailboxStats' });
    expect(stats?.ok === true && stats.value).to.include({ pending: 0, head: 1 });
  });

  it('stays while a session is attached', async () => {
    const world = await registered();
    await attach(world, 1);
    for (let minute = 0; minute < 10; minute += 1) {
      await world.clock.advance(60_000);
      await world.ask({ type: 'head', device: one, session: session(1) });
    }
    await world.clock.advance(60_000);
    expect(world.host.counters().passivations).to.equal(0);
  });

  it('is passivated after the node of its last session died', async () => {
    const world = await registered();
    await attach(world, 1);
    await world.clock.advance(3 * ACTOR_IDLE_MS);
    expect(world.host.counters().passivations).to.equal(1);
  });

  it('waits for what is under way when it is stopped, and answers it', async () => {
    const world = await registered(false);
    const sender = await Sender.of(world);
    sender.send({ counter: 1 });
    await world.settle();
    const moved = new FastChatError('E_MOVED', 'the shard moved');
    const stopping = world.host.stop('@alice', moved);
    await world.settle();
    world.store.flush();
    await world.settle();
    await stopping;
    expect(sender.outcomes.map(({ ok }) => ok)).to.deep.equal([true]);
    const late = await world.ask({ type: 'keys', asker: bob });
    expect(late?.ok).to.equal(true);
  });

  it('counts what it stored, delivered, refused and had already, and how long a message waited', async () => {
    const world = await registered();
    const sender = await Sender.of(world);
    sender.send({ counter: 1 });
    sender.send({ counter: 3 });
    sender.send({ counter: 2, quiet: true });
    sender.send({ counter: 1 });
    await world.settle();
    await world.clock.advance(5000);
    await world.ask({ type: 'ack', device: one, upTo: 2 });
    await world.ask({ type: 'ack', device: one, upTo: 2 });
    expect(Object.fromEntries(world.counted)).to.deep.equal({
      stored: 2,
      refused: 1,
      duplicate: 1,
      delivered: 1,
    });
    expect(world.waitedMs[0]).to.be.within(5000, 5100);
  });
});

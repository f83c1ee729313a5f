/** Retention through the whole actor: what leaves the disk, what stays, and who is told. */
import { expect } from 'chai';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { Incarnation } from '../../../../src/protocol/ids.ts';
import { OWED_RETRY_MIN_MS, RETENTION_SLICE_ENTRIES } from '../../../../src/protocol/limits.ts';
import {
  DAY_MS,
  alice,
  bob,
  carol,
  envelopeOf,
  filled,
  newDevice,
  one,
  registration,
  session,
  settings,
  two,
  withLimits,
} from './fixtures.ts';
import type { EnvelopeOptions } from './fixtures.ts';
import { UserWorld } from './user-world.ts';

class Mailbox {
  readonly world: UserWorld;
  incarnation = '' as Incarnation;

  constructor(ttlDays = 30, historyDays = 30) {
    const limits = withLimits({ strangerMessages: Infinity });
    this.world = new UserWorld({
      isEager: true,
      settings: {
        ...settings,
        ...limits,
        mailboxTtlMs: ttlDays * DAY_MS,
        historyRetentionMs: historyDays * DAY_MS,
      },
    });
  }

  async start(): Promise<this> {
    await this.world.ask(registration);
    await this.world.ask({ type: 'addDevice', ...newDevice(2, 20), record: undefined });
    const keys = await this.world.ask({ type: 'keys', asker: bob });
    if (keys?.ok === true) this.incarnation = keys.value.incarnation;
    return this;
  }

  async receive(options: EnvelopeOptions): Promise<void> {
    const envelope = { ...envelopeOf(options), incarnation: this.incarnation };
    const outcome = await this.world.ask({ type: 'append', envelope });
    expect(outcome?.ok).to.equal(true);
  }

  async ack(device: typeof one, upTo: number): Promise<void> {
    await this.world.ask({ type: 'ack', device, upTo });
  }

  /** Lets days pass without anybody talking to the user, then looks after it as a node does. */
  async pass(days: number): Promise<void> {
    await this.world.clock.advance(days * DAY_MS);
    this.world.tick();
    await this.world.clock.advance(10_000);
  }

  /** Attaches and detaches, so that a device counts as seen. */
  async see(device: typeof one, token: number): Promise<void> {
    const tokens = { previous: filled(16, token), next: filled(16, token) };
    await this.world.ask({ type: 'attach', device, session: session(1), tokens });
    await this.world.ask({ type: 'detach', device, session: session(1) });
  }

  seqs(): number[] {
    const range = { from: 1, to: Number.MAX_SAFE_INTEGER / 2 ** 10, limit: 500 };
    return this.world
      .durable()
      .heads(range)
      .map(({ seq }) => seq);
  }

  notices() {
    return this.world.told.flatMap(([to, request]) =>
      request.type === 'expired' ? [[to, request.from, request.to] as const] : [],
    );
  }
}

describe('user: retention of history', () => {
  it('I8: removes what every live device acknowledged, after its time', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    for (let counter = 1; counter <= 3; counter += 1) await mailbox.receive({ counter });
    await mailbox.ack(one, 3);
    await mailbox.ack(two, 2);
    await mailbox.pass(9);
    expect(mailbox.seqs()).to.deep.equal([1, 2, 3]);
    await mailbox.pass(2);
    expect(mailbox.seqs()).to.deep.equal([3]);
    expect(mailbox.notices()).to.deep.equal([]);
  });

  it('I8: is held back by a device that is behind, until that has not been seen for long', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    await mailbox.receive({ counter: 1 });
    await mailbox.ack(one, 1);
    await mailbox.pass(29);
    expect(mailbox.seqs()).to.deep.equal([1]);
    await mailbox.see(one, 10);
    await mailbox.pass(2);
    expect(mailbox.seqs()).to.deep.equal([]);
  });

  it('deletes nothing by cursor when no device is live', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    await mailbox.receive({ counter: 1 });
    await mailbox.ack(one, 1);
    await mailbox.ack(two, 1);
    await mailbox.pass(31);
    expect(mailbox.seqs()).to.deep.equal([1]);
  });

  it('gives new entries new places after everything was removed and the actor was loaded again', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    for (let counter = 1; counter <= 2; counter += 1) await mailbox.receive({ counter });
    await mailbox.ack(one, 2);
    await mailbox.ack(two, 2);
    await mailbox.pass(11);
    expect(mailbox.seqs()).to.deep.equal([]);
    await mailbox.world.crash();
    await mailbox.receive({ counter: 3 });
    expect(mailbox.seqs()).to.deep.equal([3]);
    const stats = await mailbox.world.ask({ type: 'mailboxStats' });
    expect(stats?.ok === true && stats.value.pending).to.equal(1);
  });

  it('removes long bodies whole, and many entries in slices', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    const count = RETENTION_SLICE_ENTRIES + 20;
    for (let counter = 1; counter <= count; counter += 1)
      await mailbox.receive({ counter, bodyBytes: counter <= 3 ? 90_000 : 10 });
    await mailbox.ack(one, count);
    await mailbox.ack(two, count);
    await mailbox.pass(11);
    expect(mailbox.seqs()).to.deep.equal([]);
    const left = mailbox.world.store
      .durable()
      .range(Buffer.from('@alice\0body'), Buffer.from('@alice\0bodz'));
    expect(left).to.deep.equal([]);
  });

  it('starts a new device at the oldest entry that is kept', async () => {
    const mailbox = await new Mailbox(300, 10).start();
    await mailbox.receive({ counter: 1 });
    await mailbox.ack(one, 1);
    await mailbox.ack(two, 1);
    await mailbox.pass(11);
    await mailbox.receive({ counter: 2 });
    await mailbox.world.ask({ type: 'addDevice', ...newDevice(3, 30), record: undefined });
    const cursor = mailbox.world.durable().devices().at(-1)?.cursor;
    expect(cursor).to.equal(1);
  });
});

describe('user: expiry of undelivered mail', () => {
  it('removes it after its time, tells each sender the range, and is answered once', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    for (let counter = 1; counter <= 2; counter += 1) await mailbox.receive({ counter });
    await mailbox.receive({ counter: 1, from: carol });
    await mailbox.receive({ counter: 3 });
    await mailbox.pass(6);
    expect(mailbox.seqs()).to.deep.equal([]);
    expect(mailbox.notices()).to.deep.equal([
      [bob, 1, 3],
      [carol, 1, 1],
    ]);
    expect(mailbox.world.durable().owed()).to.deep.equal([]);
    expect(mailbox.world.counted.get('expired')).to.equal(4);
  });

  it('leaves what any device got, and answers a pull over the hole with the range it covers', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    for (let counter = 1; counter <= 3; counter += 1) await mailbox.receive({ counter });
    await mailbox.ack(one, 1);
    await mailbox.pass(6);
    await mailbox.receive({ counter: 4 });
    expect(mailbox.seqs()).to.deep.equal([1, 4]);
    const pulled = await mailbox.world.ask({ type: 'pull', device: two, from: 1, limit: 10 });
    expect(pulled?.ok === true && pulled.value.upTo).to.equal(4);
    const receipts = await mailbox.world.ask({ type: 'receipts', sender: bob });
    expect(receipts?.ok === true && receipts.value.marks).to.deep.equal([
      { device: one, delivered: 1, expired: [{ from: 2, to: 3 }] },
    ]);
  });

  it('makes room: what expired no longer counts as waiting', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    await mailbox.receive({ counter: 1 });
    await mailbox.pass(6);
    const stats = await mailbox.world.ask({ type: 'mailboxStats' });
    expect(stats?.ok === true && stats.value).to.include({
      messages: 0,
      bytes: 0,
      pending: 0,
      head: 1,
    });
  });

  it('expires quiet entries without telling anybody', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    await mailbox.receive({ counter: 1, quiet: true });
    await mailbox.pass(6);
    expect(mailbox.seqs()).to.deep.equal([]);
    expect(mailbox.notices()).to.deep.equal([]);
  });

  it('joins ranges that follow each other', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    await mailbox.receive({ counter: 1 });
    await mailbox.pass(6);
    await mailbox.receive({ counter: 2 });
    await mailbox.pass(6);
    const pair = mailbox.world.durable().pair(bob, one);
    expect(pair?.expired).to.deep.equal([{ from: 1, to: 2 }]);
  });

  it('keeps asking a sender that cannot be reached, also in its next life, and one notice at a time', async () => {
    const mailbox = await new Mailbox(5, 300).start();
    const unreachable = new FastChatError('E_UNREACHABLE', 'away');
    mailbox.world.owedAnswer = { ok: false, error: unreachable };
    await mailbox.receive({ counter: 1 });
    await mailbox.pass(6);
    await mailbox.receive({ counter: 2 });
    await mailbox.pass(6);
    const asked = mailbox.notices();
    expect(asked.length).to.be.above(2);
    expect(new Set(asked.map(([, from]) => from))).to.deep.equal(new Set([1]));
    await mailbox.world.crash();
    mailbox.world.told.length = 0;
    mailbox.world.owedAnswer = { ok: true, value: {} };
    mailbox.world.tick();
    await mailbox.world.clock.advance(OWED_RETRY_MIN_MS);
    expect(mailbox.notices()).to.deep.equal([
      [bob, 1, 1],
      [bob, 2, 2],
    ]);
    expect(mailbox.world.durable().owed()).to.deep.equal([]);
  });
});

describe('user: notices of expiry from others', () => {
  const notice = (seq: number, incarnation: string) => ({
    type: 'expired' as const,
    by: bob,
    seq,
    incarnation: incarnation.repeat(32) as Incarnation,
    device: one,
    from: seq,
    to: seq,
  });

  it('are pushed once each, however often they come, per life of the other mailbox', async () => {
    const world = new UserWorld({ isEager: true });
    await world.ask(registration);
    const tokens = { previous: filled(16, 10), next: filled(16, 10) };
    await world.ask({ type: 'attach', device: one, session: session(1), tokens });
    for (const [seq, life] of [
      [1, 'a'],
      [2, 'a'],
      [1, 'a'],
      [2, 'a'],
      [1, 'b'],
      [1, 'b'],
    ] as const) {
      const outcome = await world.ask(notice(seq, life));
      expect(outcome?.ok).to.equal(true);
    }
    const pushed = world.pushed.flatMap(([, push]) =>
      push.type === 'expired' ? [`${push.incarnation.slice(0, 1)}${push.from}`] : [],
    );
    expect(pushed).to.deep.equal(['a1', 'a2', 'b1']);
  });

  it('are confirmed only when that is on disk', async () => {
    const world = new UserWorld();
    world.tell(registration);
    await world.flush();
    const answers: boolean[] = [];
    for (let count = 0; count < 2; count += 1)
      world.tell(notice(1, 'a'), ({ ok }) => answers.push(ok));
    await world.settle();
    expect(answers).to.deep.equal([]);
    await world.flush();
    expect(answers).to.deep.equal([true, true]);
  });

  it('are confirmed for an address that nobody has', async () => {
    const world = new UserWorld({ isEager: true });
    expect((await world.ask(notice(1, 'a')))?.ok).to.equal(true);
    expect(world.durable().seen(alice)).to.equal(undefined);
  });
});

/** Any sequence of what can happen to a mailbox keeps its promises. */
import { expect } from 'chai';
import fc from 'fast-check';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { DeviceId, Incarnation, UserId } from '../../../../src/protocol/ids.ts';
import type { Envelope, LogEntry } from '../../../../src/protocol/envelope.ts';
import { ACTOR_CRASH_WINDOW_MS } from '../../../../src/protocol/limits.ts';
import {
  bob,
  carol,
  envelopeOf,
  filled,
  newDevice,
  one,
  registration,
  session,
  two,
} from './fixtures.ts';
import { UserWorld } from './user-world.ts';

type Op =
  | {
      readonly op: 'append';
      readonly sender: 0 | 1;
      readonly quiet: boolean;
      readonly big: boolean;
    }
  | { readonly op: 'retry' | 'forge' | 'receipts'; readonly sender: 0 | 1 }
  | { readonly op: 'attach' | 'detach' | 'pull'; readonly device: 0 | 1 }
  | { readonly op: 'ack'; readonly device: 0 | 1; readonly share: number }
  | { readonly op: 'flush' | 'refuse' | 'crash' | 'restart' | 'poison' }
  | { readonly op: 'wait'; readonly ms: number };

const { constant, constantFrom, record } = fc;
const sender = constantFrom<0 | 1>(0, 1);
const device = constantFrom<0 | 1>(0, 1);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 10,
    arbitrary: record({
      op: constant('append' as const),
      sender,
      quiet: fc.boolean(),
      big: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: record({ op: constant('retry' as const), sender }) },
  { weight: 2, arbitrary: record({ op: constantFrom('forge' as const, 'receipts'), sender }) },
  {
    weight: 4,
    arbitrary: record({ op: constantFrom('attach' as const, 'detach', 'pull'), device }),
  },
  { weight: 4, arbitrary: record({ op: constant('ack' as const), device, share }) },
  { weight: 5, arbitrary: record({ op: constant('flush' as const) }) },
  {
    weight: 2,
    arbitrary: record({ op: constantFrom('refuse' as const, 'crash', 'restart', 'poison') }),
  },
  {
    weight: 2,
    arbitrary: record({ op: constant('wait' as const), ms: constantFrom(500, 3000, 200_000) }),
  },
);

/** What a life that ends answers. */
const MAY_END = ['E_STORE_FULL', 'E_MOVED', 'E_INTERNAL'];

const devices: readonly [DeviceId, DeviceId] = [one, two];

/** A sender that keeps its counters contiguous and sends again, in order, whatever it knows no fate of. */
class Sender {
  readonly user: UserId;
  /** By counter - 1. */
  readonly envelopes: Envelope[] = [];
  /** Counter to the place it was acknowledged at. */
  readonly stored = new Map<number, number>();

  constructor(user: UserId) {
    this.user = user;
  }

  get unknown(): Envelope[] {
    return this.envelopes.filter(({ counter }) => !this.stored.has(counter));
  }
}

/** What must be true, kept beside the actor by somebody who sees only answers and the disk. */
class Model {
  readonly world = new UserWorld();
  readonly senders = [new Sender(bob), new Sender(carol)] as const;
  incarnation = '' as Incarnation;
  /** The furthest acknowledgement that was answered. */
  reached = 0;
  /** Lazy cursors may be lost with a life. */
  livesLost = 0;
  sessions = 0;

  async start(): Promise<void> {
    this.world.tell(registration);
    await this.world.flush();
    this.world.tell({ type: 'addDevice', ...newDevice(2, 10), record: undefined });
    await this.world.flush();
    const keys = await this.world.ask({ type: 'keys', asker: bob });
    if (keys?.ok !== true) throw new Error('no keys');
    this.incarnation = keys.value.incarnation;
    this.world.onPush = (push) => {
      if (push.type === 'entries') this.checkFlushed(push.entries);
    };
    this.world.store.onDurable = () => this.checkCursorsGrow();
  }

  get head(): number {
    return this.world.durable().newestHead()?.seq ?? 0;
  }

  #cursors = new Map<number, number>();

  /** Cursors on the disk only grow (I8). */
  checkCursorsGrow(): void {
    for (const { device, cursor } of this.world.durable().devices()) {
      expect(cursor).to.be.at.least(this.#cursors.get(device) ?? 0);
      this.#cursors.set(device, cursor);
    }
  }

  /** I2: whatever anybody sees is on the disk. */
  checkFlushed(entries: readonly LogEntry[]): void {
    const { head } = this;
    for (const { seq } of entries) expect(seq, 'seen before it was flushed').to.be.at.most(head);
  }

  send(from: Sender, envelope: Envelope): void {
    const { counter } = envelope;
    const place = from.stored.get(counter);
    this.world.tell({ type: 'append', envelope }, (outcome) => {
      if (!outcome.ok) {
        // I7: once "stored", a retry is acknowledged, whatever is going on; only a life that ends may leave it open.
        if (place !== undefined) expect(outcome.error.code).to.be.oneOf(MAY_END);
        return;
      }
      const { seq } = outcome.value as { readonly seq: number };
      expect(seq, 'acknowledged before it was flushed').to.be.within(1, this.head);
      if (!from.stored.has(counter)) from.stored.set(counter, seq);
    });
  }

  /** What the log holds, from the disk. */
  entries(): readonly LogEntry[] {
    const to = this.head;
    return this.world.durable().entries({ from: 1, to, limit: 500 }, this.incarnation).entries;
  }

  async run(op: Op): Promise<void> {
    switch (op.op) {
      case 'append':
        return this.append(op);
      case 'retry':
        return this.retry(this.senders[op.sender]);
      case 'forge':
        return this.forge(this.senders[op.sender]);
      case 'receipts':
        return this.receipts(this.senders[op.sender]);
      case 'attach':
      case 'detach':
        return this.attachOrDetach(op.op, devices[op.device]);
      case 'ack':
        return this.ack(devices[op.device], op.share);
      case 'pull':
        return this.pull(devices[op.device]);
      case 'flush':
        return this.world.flush();
      case 'refuse':
        this.livesLost += 1;
        return this.world.store.refuseNext(new FastChatError('E_STORE_FULL', 'full'));
      case 'wait':
        return this.world.clock.advance(op.ms);
      case 'crash':
        this.livesLost += 1;
        return this.world.crash();
      case 'restart':
        this.livesLost += 1;
        return this.world.restart();
      case 'poison':
        this.livesLost += 1;
        return this.world.poison();
    }
  }

  /** New messages are sent without waiting for those before. */
  append({ sender: index, quiet, big }: Extract<Op, { op: 'append' }>): void {
    const from = this.senders[index];
    const counter = from.envelopes.length + 1;
    const body = filled(big ? 4000 : 50, counter);
    const { incarnation } = this;
    const envelope = { ...envelopeOf({ from: from.user, counter, quiet }), incarnation, body };
    from.envelopes.push(envelope);
    this.send(from, envelope);
  }

  /** Everything of unknown fate, in order, and the last message that is known. */
  retry(from: Sender): void {
    const known = from.envelopes.findLast(({ counter }) => from.stored.has(counter));
    if (known !== undefined) this.send(from, known);
    for (const envelope of from.unknown) this.send(from, envelope);
  }

  forge(from: Sender): void {
    const last = from.envelopes.at(-1);
    if (last === undefined || !from.stored.has(last.counter)) return;
    const envelope = { ...last, tag: filled(16, 255) };
    this.world.tell({ type: 'append', envelope }, (outcome) => {
      expect(outcome.ok, 'another message under a used counter was acknowledged').to.equal(false);
    });
  }

  attachOrDetach(type: 'attach' | 'detach', id: DeviceId): void {
    if (type === 'attach') this.sessions += 1;
    const about = { device: id, session: session(this.sessions) };
    const tokens = { previous: filled(16, 10), next: filled(16, 10) };
    this.world.tell(type === 'attach' ? { type, ...about, tokens } : { type, ...about });
  }

  /** A device may claim more than there is; only what is flushed counts. The answer may come late, from the next life. */
  async ack(id: DeviceId, part: number): Promise<void> {
    const upTo = Math.floor(this.head * part * 2);
    this.world.tell({ type: 'ack', device: id, upTo }, ({ ok }) => {
      if (ok) this.reached = Math.max(this.reached, Math.min(upTo, this.head));
    });
    await this.world.settle();
  }

  /** Watermarks never name what was not delivered. */
  async receipts({ user, envelopes }: Sender): Promise<void> {
    const outcome = await this.world.ask({ type: 'receipts', sender: user });
    if (outcome?.ok !== true) return;
    for (const { delivered } of outcome.value.marks)
      expect(delivered).to.be.within(0, envelopes.length);
  }

  async pull(id: DeviceId): Promise<void> {
    const outcome = await this.world.ask({ type: 'pull', device: id, from: 1, limit: 256 });
    if (outcome?.ok !== true) return;
    this.checkFlushed(outcome.value.entries);
    const seqs = outcome.value.entries.map(({ seq }) => seq);
    expect(seqs).to.deep.equal(seqs.map((_, index) => index + 1));
    expect(outcome.value.upTo).to.equal(seqs.length);
  }

  /** The trouble is over: every sender gets every message stored, each once. */
  async checkEnd(): Promise<void> {
    this.world.store.forgetRefusals();
    await this.world.flush();
    await this.world.clock.advance(ACTOR_CRASH_WINDOW_MS);
    for (const from of this.senders) this.retry(from);
    await this.world.flush();
    await this.world.clock.advance(5000);
    await this.world.flush();
    this.checkCursorsGrow();
    const entries = this.entries();
    expect(entries.map(({ seq }) => seq)).to.deep.equal(entries.map((_, index) => index + 1));
    for (const from of this.senders) checkSender(from, entries);
    await this.checkPending(entries);
  }

  async checkPending(entries: readonly LogEntry[]): Promise<void> {
    const stats = await this.world.ask({ type: 'mailboxStats' });
    if (stats?.ok !== true) throw new Error('no stats');
    const loud = entries.slice(this.reached).filter(({ envelope }) => !envelope.quiet);
    expect(stats.value.head).to.equal(entries.length);
    if (this.livesLost === 0) expect(stats.value.pending).to.equal(loud.length);
    else expect(stats.value.pending).to.be.at.least(loud.length);
  }
}

/** The log holds exactly what was sent, once, in order, at the places that were acknowledged. */
function checkSender(from: Sender, entries: readonly LogEntry[]): void {
  const own = entries.filter(({ envelope }) => envelope.from === from.user);
  expect(own.map(({ envelope }) => envelope.counter)).to.deep.equal(
    from.envelopes.map(({ counter }) => counter),
  );
  for (const [index, { envelope }] of own.entries())
    expect(Buffer.compare(envelope.body, from.envelopes[index]?.body ?? new Uint8Array())).to.equal(
      0,
    );
  expect(from.unknown, 'never acknowledged').to.deep.equal([]);
  for (const [counter, seq] of from.stored)
    expect(entries[seq - 1]?.envelope.counter, 'acknowledged at another place').to.be.at.least(
      counter,
    );
}

describe('user: any sequence of events', () => {
  it('stores once, in order, shows nothing unflushed, and counts what is pending', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyOp, { minLength: 5, maxLength: 60 }), async (ops) => {
        const model = new Model();
        await model.start();
        for (const op of ops) await model.run(op);
        await model.checkEnd();
      }),
      { numRuns: 600 },
    );
  }).timeout(20_000);
});

/** An attached device: sends to one recipient within a window, takes and acknowledges what comes, pulls when told to. */
import { performance } from 'node:perf_hooks';
import { REFUSAL_TAG, REPLY_TAG, clientCalls } from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import { PULL_ENTRIES_MAX } from '../../src/protocol/limits.ts';
import type { BenchAccount } from '../account.ts';
import type { Attached } from './login.ts';
import type { RawLink } from './raw-link.ts';
import { SendTemplate } from './send-template.ts';
import { Skimmer } from './skimmer.ts';
import type { Tally } from './tally.ts';

const ENTRIES_PUSH = 2;
const HEAD_PUSH = 3;
/** Send times are kept for so many messages of a flow. */
const TIMES_KEPT = 4096;
/** Counters are ids; other calls take theirs from here. */
const PULL_ID = 0xe000_0000;

/** Messages from one session to one recipient. */
export class Flow {
  readonly from: string;
  readonly to: string;
  readonly template: SendTemplate;
  readonly #sentAt = new Float64Array(TIMES_KEPT);
  sent = 0;
  /** Answered as stored, without gaps. */
  stored = 0;

  constructor(from: BenchAccount, to: BenchAccount, bodyBytes: number) {
    this.from = from.user;
    this.to = to.user;
    this.template = new SendTemplate(
      from,
      { address: to.user, incarnation: to.incarnation },
      bodyBytes,
    );
  }

  next(now: number): Uint8Array {
    this.sent += 1;
    this.#sentAt[this.sent % TIMES_KEPT] = now;
    return this.template.message(this.sent);
  }

  sentAt(counter: number): number {
    return this.#sentAt[counter % TIMES_KEPT] ?? 0;
  }
}

export class Session {
  readonly account: BenchAccount;
  readonly link: RawLink;
  /** What this session sends. */
  outbound: Flow | undefined;
  /** What is sent to it; for the times of delivery. */
  inbound: Flow | undefined;
  /** Messages on their way at once; 0: only `sendOne` sends. */
  window = 0;
  /** Stops sending after this many. */
  sendMax = Infinity;
  /** Counters received, in the order they came; only kept when a scenario checks them. */
  counters: number[] | undefined;
  head: number;
  received: number;
  onCaughtUp: (() => void) | undefined;
  readonly #tally: Tally;
  #acknowledged: number;
  #isPulling = false;

  constructor(account: BenchAccount, { link, attachment }: Attached, tally: Tally) {
    this.account = account;
    this.link = link;
    this.head = attachment.head;
    this.received = attachment.cursor;
    this.#acknowledged = attachment.cursor;
    this.#tally = tally;
    link.onFrame = (frame) => this.#read(new Skimmer(frame));
    link.onChunk = () => this.#respond();
    link.onClose = () => this.onCaughtUp?.();
  }

  /** Fills the window. */
  fill(): void {
    const { outbound } = this;
    if (outbound === undefined) return;
    const now = performance.now();
    while (outbound.sent < this.sendMax && outbound.sent - outbound.stored < this.window)
      this.link.add(outbound.next(now));
    this.link.flush();
  }

  /** False when so much is on its way that one more would be lost count of. */
  sendOne(now: number): boolean {
    const { outbound } = this;
    if (outbound === undefined || outbound.sent - outbound.stored >= TIMES_KEPT) return false;
    this.link.add(outbound.next(now));
    return true;
  }

  /** Pulls from where this session is to the head of its inbox; resolves when it has everything. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.onCaughtUp = () => {
        if (this.received < this.head && this.link.isOpen) return;
        this.onCaughtUp = undefined;
        resolve();
      };
      this.#pull();
      this.link.flush();
      this.onCaughtUp();
    });
  }

  /** Answers what one chunk of input has brought: one acknowledgement, refilled window, one write. */
  #respond(): void {
    if (this.received > this.#acknowledged) {
      this.#acknowledged = this.received;
      this.link.add(encodeRaw(clientCalls.packRequest(0, { type: 'ack', upTo: this.received })));
    }
    if (this.window > 0) this.fill();
    this.link.flush();
    this.onCaughtUp?.();
  }

  #read(frame: Skimmer): void {
    const now = performance.now();
    for (let left = frame.array(); left > 0; left -= 1) {
      const fields = frame.array();
      const tag = frame.uint();
      if (tag === REPLY_TAG) this.#readReply(frame, fields, now);
      else if (tag === REFUSAL_TAG) this.#readRefusal(frame, fields);
      else if (tag === ENTRIES_PUSH) this.#readPush(frame, now);
      else if (tag === HEAD_PUSH) this.#readHead(frame);
      else frame.skip(fields - 1);
    }
  }

  #readReply(frame: Skimmer, fields: number, now: number): void {
    const id = frame.uint();
    if (id === PULL_ID) return this.#readPage(frame, now);
    frame.skip(fields - 2);
    const flow = this.outbound;
    if (flow === undefined || id > flow.sent) return;
    flow.stored += 1;
    this.#tally.stored.record(now - flow.sentAt(id));
    this.#tally.storedCount += 1;
  }

  #readRefusal(frame: Skimmer, fields: number): void {
    const id = frame.uint();
    this.#tally.refuse(frame.text());
    frame.skip(fields - 3);
    // The window goes on; a refused message is not sent again, so its flow ends here with E_COUNTER.
    if (this.outbound !== undefined && id <= this.outbound.sent) this.outbound.stored += 1;
  }

  #readPush(frame: Skimmer, now: number): void {
    frame.skip(1);
    this.#readEntries(frame, now);
  }

  #readHead(frame: Skimmer): void {
    frame.skip(1);
    this.head = Math.max(this.head, frame.uint());
    this.#tally.heads += 1;
    this.#pull();
  }

  #readPage(frame: Skimmer, now: number): void {
    this.#isPulling = false;
    this.#readEntries(frame, now);
    this.received = Math.max(this.received, frame.uint());
    this.head = Math.max(this.head, frame.uint());
    this.#pull();
  }

  #readEntries(frame: Skimmer, now: number): void {
    for (let left = frame.array(); left > 0; left -= 1) {
      frame.array();
      const seq = frame.uint();
      frame.skip(1);
      const fields = frame.array();
      frame.skip(4);
      const counter = frame.uint();
      frame.skip(fields - 5);
      if (seq <= this.received) continue;
      // A gap is repaired by a pull, which hands over everything after what is here.
      if (seq > this.received + 1 && !this.#isPulling) {
        this.head = Math.max(this.head, seq);
        this.#pull();
      }
      if (seq > this.received + 1) continue;
      this.received = seq;
      this.#took(counter, now);
    }
  }

  #took(counter: number, now: number): void {
    this.#tally.deliveredCount += 1;
    if (this.inbound !== undefined) this.#tally.pushed.record(now - this.inbound.sentAt(counter));
    this.counters?.push(counter);
  }

  #pull(): void {
    if (this.#isPulling || this.received >= this.head) return;
    this.#isPulling = true;
    const request = {
      type: 'pull',
      log: this.account.user,
      from: this.received + 1,
      limit: PULL_ENTRIES_MAX,
    } as const;
    this.link.add(encodeRaw(clientCalls.packRequest(PULL_ID, request)));
  }
}

/**
 * An attached device in one group: takes what is pushed, checks that nothing is missing and that everybody gets one order,
 * acknowledges, pulls when told to; sends within a window.
 */
import { performance } from 'node:perf_hooks';
import { REFUSAL_TAG, REPLY_TAG, clientCalls } from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import { PULL_ENTRIES_MAX } from '../../src/protocol/limits.ts';
import type { GroupStanding } from '../../src/protocol/group-facts.ts';
import type { GroupId, Incarnation } from '../../src/protocol/ids.ts';
import type { BenchAccount } from '../account.ts';
import type { GroupOrder } from './group-order.ts';
import type { RawLink } from './raw-link.ts';
import { SendTemplate, readStamp } from './send-template.ts';
import { Skimmer } from './skimmer.ts';
import type { Tally } from './tally.ts';

const GROUP_ENTRIES_PUSH = 16;
const GROUP_HEAD_PUSH = 17;
const MESSAGE_ENTRY = 1;
/** Counters are ids; other calls take theirs from here. */
const PULL_ID = 0xe000_0000;

/** A clock that all processes of this machine share. */
const CLOCK_OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
const sharedNowMs = (): number => performance.now() + CLOCK_OFFSET_MS;

/** One group as all members of one process see it. */
export interface SharedGroup {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
  readonly order: GroupOrder;
}

export interface MemberPorts {
  readonly account: BenchAccount;
  readonly link: RawLink;
  readonly tally: Tally;
  /** Its number among all members. */
  readonly index: number;
  /** It is where everybody waits for it to be, or its link has closed. */
  readonly onProgress: () => void;
}

interface Outbound {
  readonly template: SendTemplate;
  sent: number;
  answered: number;
  max: number;
  window: number;
}

export class GroupMember {
  readonly account: BenchAccount;
  readonly link: RawLink;
  /** The newest entry here; everything before it is here as well. */
  received = 0;
  head = 0;
  /** Why the link is closed, once it is. */
  closed: string | undefined;
  readonly #ports: MemberPorts;
  #shared: SharedGroup | undefined;
  #outbound: Outbound | undefined;
  #acknowledged = 0;
  #isPulling = false;

  constructor(ports: MemberPorts) {
    this.#ports = ports;
    this.account = ports.account;
    this.link = ports.link;
    ports.link.onClose = (reason) => {
      this.closed = reason;
      ports.onProgress();
    };
  }

  /** Until it follows a group, the link is one for calls. */
  release(): void {
    this.link.onFrame = this.link.onChunk = undefined;
  }

  /** @throws when it is no member */
  async subscribe(group: GroupId): Promise<GroupStanding> {
    const { link, account } = this;
    if (this.closed !== undefined) throw new Error(`${account.user}: ${this.closed}`);
    this.release();
    const { groups } = await link.call('subscribe', { groups: [group] });
    const standing = groups[0]?.standing;
    if (standing === undefined) throw new Error(`${account.user} is no member of ${group}`);
    return standing;
  }

  /** Reads the link from now on; what is up to `received` counts as had. */
  follow(shared: SharedGroup, received: number): void {
    this.#shared = shared;
    this.#outbound = undefined;
    this.received = this.head = this.#acknowledged = received;
    this.link.onFrame = (frame) => this.#read(new Skimmer(frame));
    this.link.onChunk = () => this.#respond();
  }

  /** Everything that it is to send from now on is answered. */
  get isAnswered(): boolean {
    const { answered, max } = this.#outbound ?? { answered: 0, max: 0 };
    return answered >= max;
  }

  /** Sends so many more messages, that many on their way at once. */
  send(messages: number, window: number, bodyBytes: number): void {
    const { group, incarnation } = this.#group;
    const to = { address: group, incarnation };
    const known = this.#outbound;
    const template = known?.template ?? new SendTemplate(this.account, to, bodyBytes);
    const sent = known?.sent ?? 0;
    this.#outbound = { template, sent, answered: sent, max: sent + messages, window };
    this.#fill();
    this.link.flush();
  }

  /** Pulls everything up to `head`. */
  pullTo(head: number): void {
    this.head = Math.max(this.head, head);
    this.#pull();
    this.link.flush();
  }

  get #group(): SharedGroup {
    if (this.#shared === undefined) throw new Error(`${this.account.user} follows no group`);
    return this.#shared;
  }

  #fill(): void {
    const outbound = this.#outbound;
    if (outbound === undefined) return;
    const sentMs = sharedNowMs();
    while (outbound.sent < outbound.max && outbound.sent - outbound.answered < outbound.window) {
      outbound.sent += 1;
      const stamp = { sender: this.#ports.index, counter: outbound.sent, sentMs };
      this.link.add(outbound.template.stamped(stamp));
    }
  }

  /** One acknowledgement, a refilled window and one write for all that one chunk of input has brought. */
  #respond(): void {
    if (this.received > this.#acknowledged) {
      this.#acknowledged = this.received;
      const { group, incarnation } = this.#group;
      const ack = {
        type: 'groupAck',
        group,
        incarnation,
        delivered: this.received,
        read: 0,
      } as const;
      this.link.add(encodeRaw(clientCalls.packRequest(0, ack)));
    }
    this.#fill();
    this.link.flush();
    this.#ports.onProgress();
  }

  #read(frame: Skimmer): void {
    const nowMs = sharedNowMs();
    for (let left = frame.array(); left > 0; left -= 1) {
      const fields = frame.array();
      const tag = frame.uint();
      if (tag === REPLY_TAG) this.#readReply(frame, fields, nowMs);
      else if (tag === REFUSAL_TAG) this.#readRefusal(frame, fields);
      else if (tag === GROUP_ENTRIES_PUSH) this.#readPush(frame, nowMs);
      else if (tag === GROUP_HEAD_PUSH) this.#readHead(frame);
      else frame.skip(fields - 1);
    }
  }

  #readReply(frame: Skimmer, fields: number, nowMs: number): void {
    if (frame.uint() === PULL_ID) return this.#readPage(frame, nowMs);
    frame.skip(fields - 2);
    const outbound = this.#outbound;
    if (outbound === undefined) return;
    outbound.answered += 1;
    this.#ports.tally.storedCount += 1;
  }

  #readRefusal(frame: Skimmer, fields: number): void {
    const id = frame.uint();
    this.#ports.tally.refuse(frame.text());
    frame.skip(fields - 3);
    if (id !== PULL_ID && this.#outbound !== undefined) this.#outbound.answered += 1;
  }

  #readPush(frame: Skimmer, nowMs: number): void {
    // Group and incarnation.
    frame.skip(2);
    this.#readEntries(frame, nowMs);
  }

  #readHead(frame: Skimmer): void {
    frame.skip(2);
    this.head = Math.max(this.head, frame.uint());
    this.#ports.tally.heads += 1;
    this.#pull();
  }

  #readPage(frame: Skimmer, nowMs: number): void {
    this.#isPulling = false;
    this.#readEntries(frame, nowMs);
    this.received = Math.max(this.received, frame.uint());
    this.head = Math.max(this.head, frame.uint());
    this.#pull();
  }

  #readEntries(frame: Skimmer, nowMs: number): void {
    for (let left = frame.array(); left > 0; left -= 1) {
      const fields = frame.array();
      const type = frame.uint();
      const seq = frame.uint();
      if (type !== MESSAGE_ENTRY) {
        frame.skip(fields - 2);
        if (seq === this.received + 1) this.received = seq;
        continue;
      }
      frame.skip(1);
      const inside = frame.array();
      frame.skip(5);
      const tag = frame.binary();
      frame.skip(inside - 6);
      this.#take(seq, tag, nowMs);
    }
  }

  #take(seq: number, tag: Buffer, nowMs: number): void {
    if (seq <= this.received) return;
    if (seq > this.received + 1) {
      // A gap is repaired by a pull, which hands over everything after what is here.
      this.head = Math.max(this.head, seq);
      return this.#pull();
    }
    this.received = seq;
    const { tally, index } = this.#ports;
    const stamp = readStamp(tag);
    if (!this.#group.order.has(seq, stamp)) tally.refuse('DISORDER');
    if (stamp.sender === index) return;
    tally.deliveredCount += 1;
    tally.pushed.record(nowMs - stamp.sentMs);
  }

  #pull(): void {
    if (this.#isPulling || this.received >= this.head) return;
    this.#isPulling = true;
    const { group, incarnation } = this.#group;
    const page = { from: this.received + 1, limit: PULL_ENTRIES_MAX };
    const request = { type: 'groupPull', group, incarnation, ...page } as const;
    this.link.add(encodeRaw(clientCalls.packRequest(PULL_ID, request)));
  }
}

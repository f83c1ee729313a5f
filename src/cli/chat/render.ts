/** The chat screen as strings: everything untrusted has gone through `safe` when it leaves here. */
import type { ClientEvent, Message } from '../../client/api.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import { safe, safeLine } from '../../protocol/safe-text.ts';
import { clockTime, contentOf, personLines } from '../message-format.ts';

type AnyMessage = Message | Extract<ClientEvent, { type: 'message' }>;

/** How far own messages got, as the screen shows it. */
export type AckState = 'queued' | 'stored' | 'delivered' | 'read' | 'expired' | 'failed';

const ACK_MARKS: Readonly<Record<AckState, string>> = {
  queued: '…',
  stored: '✓',
  delivered: '✓✓',
  read: '✓✓',
  expired: '!',
  failed: '!',
};

/** `  ✓ stored`, `  ✓✓ 3 delivered`. */
export function ackLine(state: AckState, count: number): string {
  return `  ${ACK_MARKS[state]} ${count > 1 ? `${count} ` : ''}${state}`;
}

/** Always names who gets the next line. */
export function promptFor(target: Address | undefined): string {
  return `[you→${target ?? 'nobody'}] `;
}

const DAY_FORMAT = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
});

function dayOf(timestamp: number): string {
  return new Date(timestamp).toDateString();
}

/** `── Sat 31 Jan ──`. */
export function dayLine(timestamp: number): string {
  return `── ${DAY_FORMAT.format(timestamp).replace(',', '')} ──`;
}

/** Messages one after the other, with a line wherever a day begins. */
export class MessageRenderer {
  readonly #self: UserId;
  #day: string | undefined;

  constructor(self: UserId) {
    this.#self = self;
  }

  /** The lines of one message; outside of the open conversation they name theirs. */
  lines(message: AnyMessage, open: Address | undefined): readonly string[] {
    const lines = [...personLines(message, this.#self)];
    const isElsewhere = message.conversation !== open;
    const shown = isElsewhere ? lines.map((line) => `[${message.conversation}] ${line}`) : lines;
    const day = dayOf(message.timestamp);
    if (day === this.#day) return shown;
    this.#day = day;
    return [dayLine(message.timestamp), ...shown];
  }

  /** What a search found: one line each, with the day. */
  found(message: AnyMessage): string {
    const day = new Date(message.timestamp).toISOString().slice(0, 10);
    const who = message.from === this.#self ? 'you' : message.from.slice(1);
    const head = `${day} ${clockTime(message.timestamp)} ${message.conversation} ${who}`;
    return `${head} │ ${safeLine(contentOf(message))}`;
  }
}

/** `reconnecting 3 s`, or that the connection is gone. */
export function offlineNotice(retryInMs: number | undefined): string {
  if (retryInMs === undefined) return 'disconnected';
  return `reconnecting ${Math.max(1, Math.ceil(retryInMs / 1000))} s`;
}

/** `connected to n2 (12 ms)`. */
export function onlineNotice(node: string | undefined, roundTripMs: number | undefined): string {
  const latency = roundTripMs === undefined ? '' : ` (${Math.round(roundTripMs)} ms)`;
  return safeLine(`connected to ${node ?? 'a node'}${latency}`);
}

/** A warning is shown in full and cannot be taken for a message. */
export function warningLines(event: Extract<ClientEvent, { type: 'warning' }>): readonly string[] {
  return safe(`${event.message} (${event.code})`)
    .split('\n')
    .map((line) => `!! ${line}`);
}

/** The chat screen as strings: everything untrusted has gone through `safe` when it leaves here. */
import type { ClientEvent, Message } from '../../client/api.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import { CHAT_QUOTE_COLUMNS } from '../../protocol/limits.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import { clockTime, contentOf, personLines } from '../message-format.ts';
import type { Style } from '../style.ts';
import { shortened } from '../text-layout.ts';

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

/** The beginning of a message, in quotes: enough to know which one is meant. */
export function quoted(text: string): string {
  return `"${shortened(safeLine(text), CHAT_QUOTE_COLUMNS)}"`;
}

/** How far a message, or several at once, got. */
export interface Acknowledged {
  readonly state: AckState;
  /** `stored`, or for a group `delivered 3/4`. */
  readonly label: string;
  readonly count: number;
  /** The text of the last one. */
  readonly last: string;
}

/** `  ✓ stored: "hello"`, `  ✓✓ read: 3 messages, the last "bye"`, `  ✓✓ delivered 3/4: "hello"`. */
export function ackLine({ state, label, count, last }: Acknowledged): string {
  const which = count > 1 ? `${count} messages, the last ${quoted(last)}` : quoted(last);
  return `  ${ACK_MARKS[state]} ${label}: ${which}`;
}

/** A message waits, and need not be sent again. */
export function waitsNotice(to: Address, text: string): string {
  return `${quoted(text)} to ${to} waits: no node has taken it yet; it is kept in the outbox`;
}

export function failedNotice(to: Address, text: string, why: string | undefined): string {
  return `not sent to ${to}: ${quoted(text)}${why === undefined ? '' : `: ${why}`}`;
}

/** Between what was read and what was not. */
export const NEW_LINE = '── new ──';

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

/** What the renderer knows of the screen. */
export interface Surface {
  /** Columns of it now; it may be resized. */
  readonly columns: number;
  readonly style: Style;
}

/** Messages one after the other, with a line wherever a day begins. */
export class MessageRenderer {
  readonly #self: UserId;
  readonly #surface: Surface;
  #day: string | undefined;

  constructor(self: UserId, surface: Surface) {
    this.#self = self;
    this.#surface = surface;
  }

  /** The lines of one message; outside of the open conversation they name theirs. */
  lines(message: AnyMessage, open: Address | undefined): readonly string[] {
    const { columns, style } = this.#surface;
    const prefix = message.conversation === open ? '' : `[${message.conversation}] `;
    const shown = personLines(message, this.#self, { prefix, columns, style });
    const day = dayOf(message.timestamp);
    if (day === this.#day) return shown;
    this.#day = day;
    return [style.dim(dayLine(message.timestamp)), ...shown];
  }

  /** What a search found: one line each, with the day. */
  found(message: AnyMessage): string {
    const day = new Date(message.timestamp).toISOString().slice(0, 10);
    const who = message.from === this.#self ? 'you' : message.from.slice(1);
    const head = `${day} ${clockTime(message.timestamp)} ${message.conversation} ${who}`;
    return `${head} │ ${safeLine(contentOf(message))}`;
  }
}

/** `connected to n2 (12 ms)`. */
export function onlineNotice(node: string | undefined, roundTripMs: number | undefined): string {
  const latency = roundTripMs === undefined ? '' : ` (${Math.round(roundTripMs)} ms)`;
  return safeLine(`connected to ${node ?? 'a node'}${latency}`);
}

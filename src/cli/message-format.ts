/** Messages as lines: for programs, for pipes, for people. */
import type { ClientEvent, Message } from '../client/api.ts';
import type { UserId } from '../protocol/ids.ts';
import { safe } from '../protocol/safe-text.ts';
import { styleFor } from './style.ts';
import type { Style } from './style.ts';
import { textWidth, wrapWords } from './text-layout.ts';

type MessageEvent = Extract<ClientEvent, { type: 'message' }>;

/** The fields of a message that programs see; the same in events, `history`, `tail` and `read`. */
export function messageFields(message: Message | MessageEvent): object {
  const { id, conversation, from, seq, timestamp, text, file } = message;
  const content = file === undefined ? { text: text ?? '' } : { text, file };
  return { id, conversation, from, seq, timestamp, ...content };
}

/** `{"type":"message",…}` as `fastchat rpc` announces it. */
export function messageEvent(account: UserId, message: Message | MessageEvent): object {
  return { account, type: 'message', ...messageFields(message) };
}

/** What to show of a message's content, not yet made safe. */
export function contentOf(message: Message | MessageEvent): string {
  if (message.file === undefined) return message.text ?? '';
  const caption = message.text === undefined ? '' : ` ${message.text}`;
  return `[file ${message.file.name}, ${message.file.bytes} bytes]${caption}`;
}

/** The columns for pipes: time, conversation, sender, text. */
export function messageRow(message: Message | MessageEvent): readonly string[] {
  const time = new Date(message.timestamp).toISOString();
  return [time, message.conversation, message.from, contentOf(message)];
}

/** `09:11`, in the zone of the person who reads. */
export function clockTime(timestamp: number): string {
  const date = new Date(timestamp);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** How lines for people are set. */
export interface PersonLayout {
  /** Stands before the time. */
  readonly prefix: string;
  readonly columns: number;
  readonly style: Style;
}

const PLAIN_LAYOUT: PersonLayout = { prefix: '', columns: Infinity, style: styleFor(false) };
/** A narrower column of text is harder to read than one that the terminal breaks. */
const TEXT_COLUMNS_MIN = 16;

/**
 * `09:11 bob │ text` for people. Every further line of the text repeats the gutter, so that nothing inside a message
 * can look like another message.
 */
export function personLines(
  message: Message | MessageEvent,
  self: UserId,
  layout = PLAIN_LAYOUT,
): readonly string[] {
  const isOwn = message.from === self;
  const name = isOwn ? 'you' : message.from.slice(1);
  const head = `${layout.prefix}${clockTime(message.timestamp)} `;
  const indent = textWidth(head) + textWidth(name) + 1;
  const room = layout.columns - indent - 2;
  const lines = safe(contentOf(message)).split('\n');
  const [first = '', ...rest] =
    room < TEXT_COLUMNS_MIN ? lines : lines.flatMap((line) => wrapWords(line, room));
  const shown = isOwn ? name : layout.style.name(name, message.from);
  const gutter = `${' '.repeat(indent)}│ `;
  return [`${head}${shown} │ ${first}`, ...rest.map((line) => gutter + line)];
}

/** A moment for tables; 0 is one that nobody knows. */
export function moment(timestamp: number): string {
  return timestamp === 0 ? 'never' : new Date(timestamp).toISOString();
}

/** Messages as lines: for programs, for pipes, for people. */
import type { ClientEvent, Message } from '../client/api.ts';
import type { UserId } from '../protocol/ids.ts';
import { safe } from '../protocol/safe-text.ts';

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

/**
 * `09:11 bob │ text` for people. Every further line of the text repeats the gutter, so that nothing inside a message
 * can look like another message.
 */
export function personLines(message: Message | MessageEvent, self: UserId): readonly string[] {
  const name = message.from === self ? 'you' : message.from.slice(1);
  const [first = '', ...rest] = safe(contentOf(message)).split('\n');
  const head = `${clockTime(message.timestamp)} ${name} │ `;
  const gutter = `${' '.repeat(head.length - 2)}│ `;
  return [head + first, ...rest.map((line) => gutter + line)];
}

/** A moment for tables; 0 is one that nobody knows. */
export function moment(timestamp: number): string {
  return timestamp === 0 ? 'never' : new Date(timestamp).toISOString();
}

/** What opening a conversation shows: its newest messages that are not on the screen yet, the unread ones set apart. */
import type { Client, ClientEvent, Message } from '../../client/api.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import {
  CHAT_BACKLOG_MESSAGES,
  CHAT_SHOWN_REMEMBERED_MAX,
  CHAT_UNREAD_MESSAGES_MAX,
} from '../../protocol/limits.ts';
import { NEW_LINE } from './render.ts';
import type { MessageRenderer } from './render.ts';

type Named = Pick<Message, 'conversation' | 'from' | 'id'>;

/** Which messages have been on the screen; the oldest are forgotten. */
export class ShownMessages {
  readonly #keys = new Set<string>();

  add({ conversation, from, id }: Named): void {
    this.#keys.add(`${conversation} ${from} ${id}`);
    for (const oldest of this.#keys) {
      if (this.#keys.size <= CHAT_SHOWN_REMEMBERED_MAX) return;
      this.#keys.delete(oldest);
    }
  }

  has({ conversation, from, id }: Named): boolean {
    return this.#keys.has(`${conversation} ${from} ${id}`);
  }
}

/** The newest messages of a conversation, all unread ones among them up to a bound; oldest first. */
export async function newestOf(client: Client, address: Address): Promise<readonly Message[]> {
  const conversations = await client.conversations();
  const unread = conversations.find((one) => one.conversation === address)?.unread ?? 0;
  const limit = Math.max(CHAT_BACKLOG_MESSAGES, Math.min(unread, CHAT_UNREAD_MESSAGES_MAX));
  return client.history(address, { limit });
}

/** The lines of `messages`, with a separator before the first unread one. Notes them as shown. */
export function openingLines(
  messages: readonly Message[],
  open: Address,
  screen: {
    readonly self: UserId;
    readonly shown: ShownMessages;
    readonly renderer: MessageRenderer;
  },
): readonly string[] {
  const { self, shown, renderer } = screen;
  const lines: string[] = [];
  let isNew = false;
  for (const message of messages.filter((one) => !shown.has(one))) {
    const isUnread = message.from !== self && message.state === 'delivered';
    if (isUnread && !isNew) lines.push(NEW_LINE);
    isNew ||= isUnread;
    shown.add(message);
    lines.push(...renderer.lines(message, open));
  }
  return lines;
}

/** Whether somebody was ever reached there: what only failed went to a name that is nobody's. */
export async function isReal(client: Client, conversation: Address): Promise<boolean> {
  const messages = await client.history(conversation, { limit: CHAT_BACKLOG_MESSAGES });
  return messages.length === 0 || messages.some(({ state }) => state !== 'failed');
}

/** A message that just arrived, as the history will have it. */
export function arrived(event: Extract<ClientEvent, { type: 'message' }>): Message {
  const { type: _, ...fields } = event;
  return { ...fields, state: 'delivered' };
}

/** Messages as users of the library see them. */
import type { ClientEvent, FileContent, Message, MessageState } from './api.ts';
import type { ContentBody } from '../protocol/bodies.ts';
import { assertNever } from '../protocol/errors.ts';
import type { MessageRecord } from './store/records.ts';

type Shown = { readonly text?: string; readonly file?: FileContent };

function shown(content: ContentBody): Shown {
  switch (content.type) {
    case 'text':
      return { text: content.text };
    case 'file': {
      const { name, size, mime } = content;
      return { file: { name, bytes: size, mime } };
    }
    case 'read':
      return {};
    default:
      return assertNever(content);
  }
}

export function messageView(record: MessageRecord, state: MessageState): Message {
  const { id, conversation, from, seq, timestamp } = record;
  return { id, conversation, from, seq, timestamp, ...shown(record.content), state };
}

export function messageEvent(record: MessageRecord): ClientEvent {
  const { id, conversation, from, seq, timestamp } = record;
  return { type: 'message', id, conversation, from, seq, timestamp, ...shown(record.content) };
}

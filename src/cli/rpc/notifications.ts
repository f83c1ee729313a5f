/** Events of the client as JSON-RPC notifications: exactly the fields that programs are promised. */
import type { ClientEvent } from '../../client/api.ts';
import type { GroupEvent } from '../../client/group-api.ts';
import { assertNever } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { messageFields } from '../message-format.ts';

export interface Notification {
  readonly jsonrpc: '2.0';
  readonly method: 'event';
  readonly params: object;
}

/** What does not apply to a change is left out of the line. */
function groupFields(event: GroupEvent): object {
  const { group, change, user, by, epoch, role, members, title, topic } = event;
  return { group, change, user, by, epoch, role, members, title, topic };
}

function fieldsOf(event: ClientEvent): object | undefined {
  switch (event.type) {
    case 'message':
      return messageFields(event);
    case 'receipt':
      return { id: event.id, conversation: event.conversation, by: event.by, state: event.state };
    case 'group':
      return groupFields(event);
    case 'presence':
      return { user: event.user, online: event.online };
    case 'typing':
      return { conversation: event.conversation, user: event.user };
    case 'warning':
      return { code: event.code, message: event.message, user: event.user };
    case 'state':
      return { connected: event.connected, node: event.node ?? null };
    case 'sent':
      // The answer to `send` and receipts tell a program the same.
      return undefined;
    default:
      return assertNever(event);
  }
}

/** undefined: this event is not for programs. */
export function notificationOf(account: UserId, event: ClientEvent): Notification | undefined {
  const fields = fieldsOf(event);
  if (fields === undefined) return undefined;
  return { jsonrpc: '2.0', method: 'event', params: { account, type: event.type, ...fields } };
}

/** Told when the reader was too slow: the messages themselves are in the history. */
export function droppedNotification(count: number): Notification {
  const message = `${count} events were dropped because they were not read in time: see history`;
  const params = { type: 'warning', code: 'E_RATE_LIMITED', message, dropped: count };
  return { jsonrpc: '2.0', method: 'event', params };
}

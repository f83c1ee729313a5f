/** What happens on the connection, handed to the parts that it concerns. */
import type { Push } from '../protocol/client-calls.ts';
import { assertNever } from '../protocol/errors.ts';
import type { FastChatError } from '../protocol/errors.ts';
import type { ConnectionListener } from './connection/connection.ts';
import type { Session } from './connection/establish.ts';
import type { Parts } from './parts.ts';

function online(parts: Parts, session: Session): void {
  const { events, sender, inbox, ownDevices, receipts, contacts, vaults } = parts;
  const { node } = session.attachment;
  events.emit({ type: 'state', connected: true, node });
  inbox.attached(session);
  sender.attached();
  ownDevices.flush();
  events.background(receipts.refresh());
  events.background(contacts.attached());
  events.background(vaults.rotateIfDue(session.link));
}

function ended(parts: Parts, error: FastChatError): void {
  parts.events.emit({ type: 'state', connected: false, node: undefined });
  parts.events.warn(error.code, error.message);
  parts.waiters.failAll(error);
  parts.inbox.ended(error);
}

function pushed(parts: Parts, push: Push): void {
  const { events, self, inbox, receipts } = parts;
  switch (push.type) {
    case 'entries':
      return push.log === self ? inbox.pushed(push.entries) : undefined;
    case 'head':
      return push.log === self ? inbox.noticed(push.head) : undefined;
    case 'receipt':
      return events.background(receipts.delivered(push));
    case 'expired':
      return events.background(receipts.expired(push));
    case 'presence':
      return parts.contacts.changed(push);
    case 'typing':
      return events.emit({ type: 'typing', conversation: push.user, user: push.user });
    case 'vaultChanged':
      return vaultChanged(parts, push.version);
    case 'gates':
      return events.background(parts.gates.learn(push.gates));
    case 'goAway':
      // The connection has dealt with it.
      return undefined;
    default:
      return assertNever(push);
  }
}

function vaultChanged(parts: Parts, version: number): void {
  const session = parts.connection.session;
  if (session !== undefined) parts.events.background(parts.vaults.refresh(session.link, version));
}

/** `parts` is asked for only when something happens, after all of them exist. */
export function sessionEvents(parts: () => Parts): ConnectionListener {
  return {
    onOnline: (session) => online(parts(), session),
    onLost: (retryInMs) =>
      parts().events.emit({ type: 'state', connected: false, node: undefined, retryInMs }),
    onEnded: (error) => ended(parts(), error),
    onPush: (push) => pushed(parts(), push),
    onHead: (head) => parts().inbox.noticed(head),
    onWritable: () => parts().sender.resume(),
  };
}

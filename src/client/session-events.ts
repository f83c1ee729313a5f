/** What happens on the connection, handed to the parts that it concerns. */
import type { Push } from '../protocol/client-calls.ts';
import type { FastChatError } from '../protocol/errors.ts';
import type { ConnectionListener } from './connection/connection.ts';
import type { Session } from './connection/establish.ts';
import type { Parts } from './parts.ts';

function online(parts: Parts, session: Session): void {
  const { events, sender, inbox, ownDevices, receipts, contacts, groups } = parts;
  const { node } = session.attachment;
  events.emit({ type: 'state', connected: true, node });
  inbox.attached(session);
  groups.attached(session);
  sender.attached();
  ownDevices.flush();
  events.background(receipts.refresh());
  events.background(contacts.attached());
  events.background(tendKeys(parts, session));
}

/** Keys of groups first: what they are sealed to may leave the vault by the rotation. */
async function tendKeys(parts: Parts, { link }: Session): Promise<void> {
  await parts.groups.ready();
  await parts.groupQuestions.ask();
  await parts.keyRenewal.run();
  await parts.resealing.renew();
  await parts.vaults.rotateIfDue(link);
}

/** No session will come: whoever waits for something to be read hears why. */
export function endReading({ inbox, groups }: Parts, error: FastChatError): void {
  inbox.ended(error);
  groups.ended(error);
}

function ended(parts: Parts, error: FastChatError): void {
  parts.events.emit({ type: 'state', connected: false, node: undefined });
  parts.events.warn(error.code, error.message);
  parts.waiters.failAll(error);
  endReading(parts, error);
}

type PushNamed<T extends Push['type']> = Extract<Push, { type: T }>;
type PushHandlers = {
  readonly [T in Push['type']]: (parts: Parts, push: PushNamed<T>) => void;
};
const ignored = (): undefined => undefined;

const pushHandlers: PushHandlers = {
  entries: ({ self, inbox }, push) => (push.log === self ? inbox.pushed(push.entries) : undefined),
  head: ({ self, inbox }, push) => (push.log === self ? inbox.noticed(push.head) : undefined),
  receipt: ({ events, receipts }, push) => events.background(receipts.delivered(push)),
  expired: ({ events, receipts }, push) => events.background(receipts.expired(push)),
  presence: ({ contacts }, push) => contacts.changed(push),
  typing: ({ events }, { user }) => events.emit({ type: 'typing', conversation: user, user }),
  vaultChanged: (parts, { version }) => vaultChanged(parts, version),
  gates: ({ events, gates }, push) => events.background(gates.learn(push.gates)),
  // The connection has dealt with it.
  goAway: ignored,
  groupEntries: ({ groups }, push) => groups.pushed(push),
  groupHead: ({ groups }, push) => groups.noticed(push),
  groupMarks: ({ events, groups, groupReceipts }, { group, incarnation, marks }) => {
    const local = groups.feed(group)?.local;
    if (local?.incarnation === incarnation) events.background(groupReceipts.told(local, marks));
  },
  membership: ({ groups }, push) => groups.membership(push),
};

function pushed(parts: Parts, push: Push): void {
  (pushHandlers[push.type] as (parts: Parts, push: Push) => void)(parts, push);
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
    onHead: (head, memberships) => {
      const { inbox, groups } = parts();
      inbox.noticed(head);
      groups.compare(memberships);
    },
    onWritable: () => parts().sender.resume(),
  };
}

/** The state of a user as the store holds it: the beginning of a life. */
import type { UserId } from '../../protocol/ids.ts';
import type { MailboxReader } from './mailbox-reader.ts';
import { markOf } from './log.ts';
import { emptyState } from './state.ts';
import type { UserSettings, UserState } from './state.ts';

/** Reads everything but the log, the vault and the sending devices, which are read when needed. */
export function loadUser(user: UserId, reader: MailboxReader, settings: UserSettings): UserState {
  const state = emptyState(user, settings);
  state.account = reader.account();
  if (state.account === undefined) return state;
  for (const record of reader.devices())
    state.devices.set(record.device, { record, isDirty: false });
  for (const contact of reader.contacts()) state.contacts.set(contact.user, contact);
  for (const membership of reader.groups()) state.groups.set(membership.group, membership);
  for (const notice of reader.owed()) {
    state.owed.open.set(notice.seq, notice);
    state.owed.next = notice.seq + 1;
  }
  loadLog(state, reader);
  return state;
}

/** The mailbox record is lazy: the log itself knows the newest entry. */
function loadLog(state: UserState, reader: MailboxReader): void {
  const { log, owed } = state;
  const mailbox = reader.mailbox();
  if (mailbox !== undefined) {
    log.head = mailbox.head;
    log.headAt = mailbox.headAt;
    log.settled = mailbox.settled;
    log.floor = mailbox.floor;
    owed.next = Math.max(owed.next, mailbox.nextOwed);
  }
  const newest = reader.newestHead();
  if (newest !== undefined && newest.seq > log.head.seq) {
    log.head = markOf(newest);
    log.headAt = newest.at;
  }
  log.committed = log.head;
  log.reached = log.settled.seq;
  for (const { record } of state.devices.values())
    log.reached = Math.max(log.reached, record.cursor);
}

/** Contacts and blocks. */
import type { ContactInfo } from '../../protocol/account.ts';
import { CONTACTS_MAX } from '../../protocol/limits.ts';
import { answerAfter, beginAccountCommit, refuse, refuseUnknown, replyOf } from './commits.ts';
import type { Asked } from './messages.ts';
import type { UserWrite } from './records.ts';
import type { UserTurn } from './state.ts';

export function contacts(turn: UserTurn, message: Asked<'contacts'>): void {
  const { state } = turn;
  const value = { contacts: [...state.contacts.values()] };
  answerAfter(turn, state.accountCommit, { to: message.replyTo, value });
}

/** Sets what `user` is to this one; neither contact nor blocked: forgotten. */
export function putContact(turn: UserTurn, message: Asked<'putContact'>): void {
  const { state } = turn;
  const { user, contact, blocked, replyTo } = message;
  if (state.account === undefined) {
    refuseUnknown(turn, replyTo);
    return;
  }
  const isKept = contact || blocked;
  if (isKept && !state.contacts.has(user) && state.contacts.size >= CONTACTS_MAX) {
    refuse(turn, replyTo, {
      code: 'E_TOO_LARGE',
      text: `there is room for ${CONTACTS_MAX} contacts`,
    });
    return;
  }
  const record: ContactInfo = { user, contact, blocked };
  if (isKept) state.contacts.set(user, record);
  else state.contacts.delete(user);
  // Whoever is blocked must not see this user come and go.
  if (blocked) state.watchers.delete(user);
  const write: UserWrite = isKept ? { type: 'contact', record } : { type: 'removeContact', user };
  beginAccountCommit(turn, [write], [replyOf(message, {})]);
}

/** The behaviour of a user: one message in, the state changed in place, effects out. Pure; see the files by concern. */
import type { Step } from '../runtime/logic.ts';
import {
  changePassword,
  keys,
  loginRecord,
  loginResult,
  mailboxStats,
  putVault,
  register,
  vault,
} from './account.ts';
import { append } from './append.ts';
import { contacts, putContact } from './contacts.ts';
import { ack, flushNow, pull, receipt, receipts, settle } from './delivery.ts';
import { addDevice, deviceKey, devices, revokeDevice } from './devices.ts';
import { groups, membership } from './groups.ts';
import type { UserEffect, UserMsg } from './messages.ts';
import { expired, owedAnswered, retryOwed } from './owed.ts';
import { presence, presenceChanged, typing, watch } from './presence.ts';
import { commitFailed, committed } from './release.ts';
import { retain, tick } from './retention.ts';
import { attach, detach, head } from './sessions.ts';
import type { UserState, UserTurn } from './state.ts';

type Handlers<Messages extends { readonly type: string }> = {
  readonly [T in Messages['type']]: (
    turn: UserTurn,
    message: Extract<Messages, { type: T }>,
  ) => void;
};

/** A table, not a switch: the compiler still proves that no message is forgotten. */
const handlers: Handlers<UserMsg> = {
  register,
  loginRecord,
  loginResult,
  addDevice,
  deviceKey,
  attach,
  detach,
  append,
  pull,
  ack,
  keys,
  receipts,
  receipt,
  expired,
  head,
  vault,
  putVault,
  changePassword,
  devices,
  revokeDevice,
  contacts,
  putContact,
  presence,
  watch,
  presenceChanged,
  typing,
  groups,
  membership,
  mailboxStats,
  committed,
  commitFailed,
  tick,
  flush: flushNow,
  settle,
  retain,
  retryOwed,
  owedAnswered,
};

export const stepUser: Step<UserState, UserMsg, UserEffect> = (state, message, nowMs) => {
  const effects: UserEffect[] = [];
  const handle = handlers[message.type] as (turn: UserTurn, message: UserMsg) => void;
  handle({ state, nowMs, effects }, message);
  return { state, effects };
};

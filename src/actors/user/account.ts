/** The account: registration, public keys, login record, vault. */
import type { SealedVault } from '../../protocol/account.ts';
import { boxKey, sealedVault } from '../../protocol/account.ts';
import { encode } from '../../protocol/codec.ts';
import { perMinute, takeToken, waitForToken } from '../../ops/token-bucket.ts';
import { ownCopy } from '../runtime/own-copy.ts';
import {
  answer,
  answerAfter,
  beginAccountCommit,
  isPresentRecord,
  refuse,
  refusePassword,
  refuseUnknown,
  replyOf,
} from './commits.ts';
import { deviceByKey, registerDevice } from './devices.ts';
import type { Asked } from './messages.ts';
import type { AccountRecord, UserWrite } from './records.ts';
import type { Release, UserState, UserTurn } from './state.ts';
import { pendingCount } from './state.ts';

/** Makes the account and its first device in one commit. A retry of the same registration is answered the same. */
export function register(turn: UserTurn, message: Asked<'register'>): void {
  const { state } = turn;
  if (state.account !== undefined) {
    answerTaken(turn, state.account, message);
    return;
  }
  const vault = ownCopy(sealedVault, message.vault);
  const account: AccountRecord = {
    incarnation: message.found.incarnation,
    identity: new Uint8Array(message.identity),
    box: ownCopy(boxKey, message.box),
    minBoxEpoch: message.box.epoch,
    loginRecord: new Uint8Array(message.record),
    vaultVersion: vault.version,
    vaultBytes: 0,
    nextDevice: 1,
  };
  const vaultWrites = changeVault(turn, account, vault);
  const { device, writes } = registerDevice(turn, vaultWrites.account, message.device);
  const commit = beginAccountCommit(
    turn,
    [vaultWrites.write, ...writes],
    [replyOf(message, { device })],
  );
  state.newVault = { vault, commit };
}

function answerTaken(turn: UserTurn, account: AccountRecord, message: Asked<'register'>): void {
  const { state } = turn;
  const device = deviceByKey(state, message.device.publicKey)?.record.device;
  const isSame = Buffer.compare(account.identity, message.identity) === 0;
  if (isSame && device !== undefined)
    answerAfter(turn, state.accountCommit, { to: message.replyTo, value: { device } });
  else refuse(turn, message.replyTo, { code: 'E_NAME_TAKEN', text: `${state.user} is taken` });
}

/** The vault as a write, and the account that knows its version and length. */
function changeVault(
  turn: UserTurn,
  account: AccountRecord,
  vault: SealedVault,
): { readonly account: AccountRecord; readonly write: UserWrite } {
  const vaultBytes = encode(sealedVault, vault).length;
  const next = { ...account, vaultVersion: vault.version, vaultBytes };
  turn.state.account = next;
  return { account: next, write: { type: 'vault', record: vault, oldBytes: account.vaultBytes } };
}

/** What the password check needs; every attempt counts as failed until it is told to have succeeded. */
export function loginRecord(turn: UserTurn, message: Asked<'loginRecord'>): void {
  const { state, nowMs } = turn;
  const rate = perMinute(state.settings.limits.failedLoginsPerMinute);
  const retryAfterMs = waitForToken(state.logins, rate, nowMs);
  if (retryAfterMs > 0) {
    const text = 'too many failed logins';
    refuse(turn, message.replyTo, { code: 'E_RATE_LIMITED', text, retryAfterMs });
    return;
  }
  state.logins = takeToken(state.logins, rate, nowMs);
  const value = { record: state.account?.loginRecord };
  answerAfter(turn, state.accountCommit, { to: message.replyTo, value });
}

export function loginResult(turn: UserTurn, message: Asked<'loginResult'>): void {
  const { state, nowMs } = turn;
  const rate = perMinute(state.settings.limits.failedLoginsPerMinute);
  if (message.success) state.logins = takeToken(state.logins, rate, nowMs, -1);
  answer(turn, message.replyTo, {});
}

export function keys(turn: UserTurn, message: Asked<'keys'>): void {
  const { account, accountCommit } = turn.state;
  if (account === undefined) {
    refuseUnknown(turn, message.replyTo);
    return;
  }
  const { identity, box, minBoxEpoch, incarnation } = account;
  const value = { identity, box, minBoxEpoch, incarnation };
  answerAfter(turn, accountCommit, { to: message.replyTo, value });
}

export function vault(turn: UserTurn, message: Asked<'vault'>): void {
  const { state } = turn;
  const value = currentVault(state, message.found.vault);
  if (value === undefined) refuseUnknown(turn, message.replyTo);
  else answerAfter(turn, state.accountCommit, { to: message.replyTo, value });
}

/** Compare and swap; a new box key goes with the vault that holds its private half. */
export function putVault(turn: UserTurn, message: Asked<'putVault'>): void {
  const { state } = turn;
  const { account } = state;
  const current = currentVault(state, message.found.vault);
  if (account === undefined || current === undefined) {
    refuseUnknown(turn, message.replyTo);
    return;
  }
  if (message.expected !== account.vaultVersion) {
    refuseConflict(turn, message.replyTo, account);
    return;
  }
  const next = withBoxKey(account, message);
  if (next === undefined) {
    const text = 'the box key is not newer than the present one';
    refuse(turn, message.replyTo, { code: 'E_STALE_EPOCH', text });
    return;
  }
  const { passwordWrap, recoveryWrap } = message.wraps ?? current;
  const version = account.vaultVersion + 1;
  const changed = { version, vault: message.vault, passwordWrap, recoveryWrap };
  commitVault(turn, next, {
    vault: ownCopy(sealedVault, changed),
    reply: replyOf(message, { version }),
  });
}

/** Epochs of box keys only grow, and so does the oldest one that senders may use; undefined: the request would go back. */
function withBoxKey(
  account: AccountRecord,
  { box, minBoxEpoch }: Asked<'putVault'>,
): AccountRecord | undefined {
  if (box !== undefined && box.epoch <= account.box.epoch) return undefined;
  const next = box === undefined ? account.box : ownCopy(boxKey, box);
  const min = Math.max(account.minBoxEpoch, minBoxEpoch);
  return min > next.epoch ? undefined : { ...account, box: next, minBoxEpoch: min };
}

function refuseConflict(turn: UserTurn, to: number, { vaultVersion }: AccountRecord): void {
  refuse(turn, to, { code: 'E_VAULT_CONFLICT', text: `the vault has version ${vaultVersion}` });
}

/** A new login record and the wrap that goes with it. The version grows, so that a concurrent `putVault` of older wraps conflicts. */
export function changePassword(turn: UserTurn, message: Asked<'changePassword'>): void {
  const { state } = turn;
  const { account } = state;
  const current = currentVault(state, message.found.vault);
  if (account === undefined || current === undefined) {
    refuseUnknown(turn, message.replyTo);
    return;
  }
  if (message.expected !== account.vaultVersion) {
    refuseConflict(turn, message.replyTo, account);
    return;
  }
  if (!isPresentRecord(account, message.proven)) {
    refusePassword(turn, message.replyTo);
    return;
  }
  const changed: SealedVault = {
    ...current,
    version: account.vaultVersion + 1,
    vault: new Uint8Array(message.vault),
    passwordWrap: new Uint8Array(message.passwordWrap),
  };
  const next = { ...account, loginRecord: new Uint8Array(message.record) };
  commitVault(turn, next, { vault: changed, reply: replyOf(message, {}) });
}

function commitVault(
  turn: UserTurn,
  account: AccountRecord,
  change: { readonly vault: SealedVault; readonly reply: Release },
): void {
  const { state } = turn;
  const { account: next, write } = changeVault(turn, account, change.vault);
  const { version } = change.vault;
  const releases: Release[] = [change.reply];
  for (const { session } of state.sessions.values()) {
    const push = { type: 'vaultChanged', version } as const;
    releases.push({ type: 'effect', effect: { type: 'push', session, push } });
  }
  const commit = beginAccountCommit(turn, [{ type: 'account', record: next }, write], releases);
  state.newVault = { vault: change.vault, commit };
}

/** The vault as of the newest change, flushed or not; what was read from the store may be older. */
function currentVault(state: UserState, stored: SealedVault | undefined): SealedVault | undefined {
  return state.newVault?.vault ?? stored;
}

/** For the operator: counts only. */
export function mailboxStats(turn: UserTurn, message: Asked<'mailboxStats'>): void {
  const { account, devices, log, sessions } = turn.state;
  answer(turn, message.replyTo, {
    exists: account !== undefined,
    messages: log.committed.seq - log.settled.seq,
    bytes: log.committed.bytes - log.settled.bytes,
    pending: pendingCount(log),
    head: log.committed.seq,
    devices: devices.size,
    sessions: sessions.size,
  });
}

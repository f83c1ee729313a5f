/** Taking a message into the log: exactly once (I7), and answered only when it is on disk (I2). */
import type { LogEntry } from '../../protocol/envelope.ts';
import {
  ACTOR_BUSY_RETRY_MS,
  DEVICES_MAX,
  ACTOR_COMMITS_WAITING_MAX,
  ACTOR_COMMIT_BYTES_WAITING_MAX,
} from '../../protocol/limits.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { answerAfter, beginCommit, refuse, replyOf } from './commits.ts';
import type { Asked, EntryHead } from './messages.ts';
import { admitPairs, pairOf, trimPairs } from './pairs.ts';
import type { AccountRecord, UserWrite } from './records.ts';
import { isBoxEpochAccepted } from './state.ts';
import type { Pair, UserState, UserTurn } from './state.ts';

type Append = Asked<'append'>;

/** A definite refusal consumes no counter: the sender may use it for the next message. */
interface Refused {
  readonly code: ErrorCode;
  readonly text: string;
  readonly retryAfterMs?: number;
}

/** The order of the checks is part of the protocol: a retry of what was stored is acknowledged whatever changed since. */
export function append(turn: UserTurn, message: Append): void {
  const { state } = turn;
  const { envelope } = message;
  const { account } = state;
  const unknown = account === undefined ? NO_SUCH_USER : refusedLife(account, message);
  if (account === undefined || unknown !== undefined) {
    reject(turn, message, unknown ?? NO_SUCH_USER);
    return;
  }
  admitPairs(state, message.found.pairs);
  const pair = pairOf(state, envelope.from, envelope.device);
  const dedupeWindowMs = state.settings.bugs?.dedupeWindowMs;
  if (dedupeWindowMs !== undefined && turn.nowMs - pair.record.at > dedupeWindowMs)
    pair.record = { ...pair.record, counter: envelope.counter - 1 };
  if (envelope.counter <= pair.record.counter) {
    answerDuplicate(turn, message, pair);
    return;
  }
  const refused = refusedNew(state, account, pair, message);
  if (refused !== undefined) reject(turn, message, refused);
  else if (state.contacts.get(envelope.from)?.blocked === true) discard(turn, message, pair);
  else store(turn, message, pair);
  trimPairs(state);
}

const NO_SUCH_USER: Refused = { code: 'E_NO_SUCH_USER', text: 'there is no such user' };

function refusedLife(account: AccountRecord, { envelope }: Append): Refused | undefined {
  if (envelope.incarnation === account.incarnation) return undefined;
  return { code: 'E_STALE_EPOCH', text: 'written for an earlier life of this mailbox' };
}

/** I7: what was taken before is acknowledged again, after the commit that took it, and never appended again. */
function answerDuplicate(turn: UserTurn, message: Append, pair: Pair): void {
  const { counter, tag, seq, at } = pair.record;
  const { envelope, replyTo } = message;
  if (envelope.counter === counter && !sameBytes(tag, envelope.tag)) {
    reject(turn, message, { code: 'E_COUNTER', text: 'this counter was used for another message' });
    return;
  }
  turn.effects.push({ type: 'count', what: 'duplicate', by: 1 });
  // A sender that did not know of `last` had its store put back to an older state: it must not take this for an answer.
  answerAfter(turn, pair.commit, { to: replyTo, value: { seq, at, last: counter } });
}

function refusedNew(
  state: UserState,
  account: AccountRecord,
  pair: Pair,
  { envelope }: Append,
): Refused | undefined {
  if (!isBoxEpochAccepted(account, envelope.boxEpoch))
    return { code: 'E_STALE_EPOCH', text: 'sealed to a box key that is not in use' };
  if (envelope.counter !== pair.record.counter + 1)
    return { code: 'E_COUNTER', text: `the next counter is ${pair.record.counter + 1}` };
  return refusedFull(state, pair, envelope.body.length);
}

function refusedFull(state: UserState, pair: Pair, bodyBytes: number): Refused | undefined {
  const { log, commits, settings, contacts } = state;
  const { limits } = settings;
  if (
    commits.waiting.size >= ACTOR_COMMITS_WAITING_MAX ||
    commits.bytes + bodyBytes > ACTOR_COMMIT_BYTES_WAITING_MAX
  )
    return {
      code: 'E_RATE_LIMITED',
      text: 'the mailbox is busy',
      retryAfterMs: ACTOR_BUSY_RETRY_MS,
    };
  if (
    log.head.seq - log.settled.seq >= limits.mailboxMessages ||
    log.head.bytes - log.settled.bytes + bodyBytes > limits.mailboxBytes
  )
    return { code: 'E_MAILBOX_FULL', text: 'the mailbox is full' };
  const { sender } = pair.record;
  const isStranger = sender !== state.user && contacts.get(sender)?.contact !== true;
  if (isStranger && waitingFrom(state, pair) >= limits.strangerMessages)
    return { code: 'E_MAILBOX_FULL', text: 'too much is waiting from somebody who is no contact' };
  return undefined;
}

/** What waits from all devices of a sender; counted only when one of them alone comes near what matters. */
function waitingFrom({ pairs, settings }: UserState, { record }: Pair): number {
  if (record.waiting * DEVICES_MAX < settings.limits.strangerMessages) return record.waiting;
  let waiting = 0;
  for (const { record: other } of pairs.values())
    if (other.sender === record.sender) waiting += other.waiting;
  return waiting;
}

function reject(turn: UserTurn, message: Append, refused: Refused): void {
  turn.effects.push({ type: 'count', what: 'refused', by: 1 });
  refuse(turn, message.replyTo, refused);
}

/** A blocked sender is told "stored": it must not learn that it is blocked. Its counter moves, nothing is kept. */
function discard(turn: UserTurn, message: Append, pair: Pair): void {
  const { head } = turn.state.log;
  takeCounter(pair, message, { seq: head.seq, at: turn.nowMs, waiting: pair.record.waiting });
  const writes: UserWrite[] = [{ type: 'pair', record: pair.record }];
  const { seq, at } = pair.record;
  pair.commit = beginCommit(turn, writes, [
    replyOf(message, { seq, at, last: message.envelope.counter }),
  ]);
}

function store(turn: UserTurn, message: Append, pair: Pair): void {
  const { state } = turn;
  const { envelope } = message;
  const head = headAfter(state, message, turn.nowMs);
  const { seq, at, loud, bytes } = head;
  takeCounter(pair, message, { seq, at, waiting: pair.record.waiting + 1 });
  state.log.head = { seq, loud, bytes };
  state.log.headAt = at;
  state.commits.bytes += envelope.body.length;
  const entry: LogEntry = { seq, at, envelope };
  pair.commit = beginCommit(
    turn,
    [
      { type: 'log', entry, loud, bytes },
      { type: 'pair', record: pair.record },
    ],
    [{ type: 'entry', to: message.replyTo, entry, head }],
  );
}

/** The place after the newest one; its time never goes back, so that entries expire in the order of the log. */
function headAfter(state: UserState, { envelope }: Append, nowMs: number): EntryHead {
  const { head, headAt } = state.log;
  const { from, device, counter, quiet, body } = envelope;
  return {
    seq: head.seq + 1,
    at: Math.max(nowMs, headAt),
    from,
    device,
    counter,
    quiet,
    loud: head.loud + (quiet ? 0 : 1),
    bytes: head.bytes + body.length,
  };
}

function takeCounter(
  pair: Pair,
  { envelope }: Append,
  taken: { readonly seq: number; readonly at: number; readonly waiting: number },
): void {
  // The tag is copied: a view would keep the whole frame it came in.
  const tag = new Uint8Array(envelope.tag);
  pair.record = { ...pair.record, ...taken, counter: envelope.counter, tag };
  pair.isDirty = false;
}

/** Taking a message into the group's log: exactly once (I7), under the key that holds, answered when it is on disk (I2). */
import type { FastChatError } from '../../protocol/errors.ts';
import type { GroupEntry } from '../../protocol/group-log.ts';
import { refuseMessage } from '../../protocol/group-roster.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import {
  answerAfter,
  beginCommit,
  noSuchGroup,
  ofLife,
  refusal,
  refuse,
  refuseAfterAll,
  refuseBusy,
} from './commits.ts';
import { nextPlace, takePlace } from './entries.ts';
import type { Asked } from './messages.ts';
import { admitPairs, pairOf, trimPairs } from './pairs.ts';
import type { LifeWrite } from './records.ts';
import type { GroupState, GroupTurn, GroupView, Pair } from './state.ts';

type Append = Asked<'groupAppend'>;

/** The order of the checks is part of the protocol: a retry of what was stored is acknowledged whatever changed since. */
export function append(turn: GroupTurn, message: Append): void {
  const { state } = turn;
  const { envelope, found } = message;
  const { now } = state;
  if (now?.roster.incarnation !== envelope.incarnation)
    return reject(turn, message, noSuchGroup(state));
  admitPairs(state, found.pairs);
  const pair = pairOf(state, envelope.from, envelope.device);
  if (envelope.counter <= pair.record.counter) return answerDuplicate(turn, message, pair);
  const refused = refuseNew(state, now, pair, message);
  if (refused === undefined) store(turn, message, now, pair);
  else reject(turn, message, refused);
  trimPairs(state);
}

/** I7: what was taken before is acknowledged again, after the commit that took it, and never appended again. */
function answerDuplicate(turn: GroupTurn, message: Append, pair: Pair): void {
  const { counter, tag, seq, at } = pair.record;
  const { envelope, replyTo } = message;
  if (envelope.counter === counter && !sameBytes(tag, envelope.tag)) {
    const used = refusal('E_COUNTER', 'this counter was used for another message');
    return reject(turn, message, used);
  }
  turn.effects.push({ type: 'count', what: 'duplicate', by: 1 });
  answerAfter(turn, pair.commit, { to: replyTo, value: { seq, at, last: counter } });
}

function refuseNew(
  state: GroupState,
  { roster }: GroupView,
  pair: Pair,
  { envelope, found }: Append,
): FastChatError | undefined {
  if (!roster.members.has(envelope.from) && found.stays.length === 0) return noSuchGroup(state);
  const refused = refuseMessage(roster, envelope);
  const isOverlooked = refused?.code === 'E_STALE_EPOCH' && state.settings.bugs?.takesOldKeys;
  if (refused !== undefined && isOverlooked !== true) return refused;
  const next = pair.record.counter + 1;
  if (envelope.counter !== next) return refusal('E_COUNTER', `the next counter is ${next}`);
  return refuseFull(state, envelope.body.length);
}

function refuseFull(state: GroupState, bytes: number): FastChatError | undefined {
  const { log, settings } = state;
  const { mailboxMessages, mailboxBytes } = settings.limits;
  const isFull =
    log.head.seq - log.floor.seq >= mailboxMessages ||
    log.head.bytes - log.floor.bytes + bytes > mailboxBytes;
  if (isFull) return refusal('E_MAILBOX_FULL', 'the log of the group is full');
  return refuseBusy(state, bytes);
}

function reject(turn: GroupTurn, { replyTo }: Append, error: FastChatError): void {
  turn.effects.push({ type: 'count', what: 'refused', by: 1 });
  // What made the key another one may not be flushed yet.
  if (error.code === 'E_STALE_EPOCH') refuseAfterAll(turn, replyTo, error);
  else refuse(turn, replyTo, error);
}

function store(turn: GroupTurn, message: Append, { life }: GroupView, pair: Pair): void {
  const { state } = turn;
  const { envelope, replyTo } = message;
  const size = { loud: !envelope.quiet, bytes: envelope.body.length };
  const { mark, at } = nextPlace(state, size, turn.nowMs);
  const { seq } = mark;
  takePlace(state, mark, at);
  // The tag is copied: a view would keep the whole frame it came in.
  const tag = new Uint8Array(envelope.tag);
  pair.record = { ...pair.record, counter: envelope.counter, tag, seq, at };
  const entry: GroupEntry = { type: 'message', seq, at, envelope };
  const writes: LifeWrite[] = [
    { type: 'log', entry, position: 0, loud: mark.loud, bytes: mark.bytes },
    { type: 'pair', record: pair.record },
  ];
  const value = { seq, at, last: envelope.counter };
  const release = { type: 'entry', to: replyTo, value, entry, mark } as const;
  pair.commit = beginCommit(turn, ofLife(life, writes), [
    { ...release, view: undefined, ended: [] },
  ]);
}

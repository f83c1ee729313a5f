/**
 * How far members got. Nodes report for all their sessions in one; small groups tell every member, gathered for a moment,
 * larger ones count for whoever asks. Kept lazily: a mark that is lost comes again with the next entry.
 */
import type { GroupCount, GroupMark } from '../../protocol/group-facts.ts';
import type { UserId } from '../../protocol/ids.ts';
import {
  CURSOR_LAG_MS,
  GROUP_MARKS_DELAY_MS,
  GROUP_RECEIPT_MEMBERS_MAX,
} from '../../protocol/limits.ts';
import { answer, noSuchGroup, refuse } from './commits.ts';
import type { Asked } from './messages.ts';
import { lifeNamed } from './reading.ts';
import type { GroupState, GroupTurn, GroupView } from './state.ts';

/** Marks only grow (I8), and never past what is flushed (I2). */
export function takeMarks(turn: GroupTurn, message: Asked<'groupMarks'>): void {
  const { state } = turn;
  const view = lifeNamed(state, message.incarnation);
  if (view !== undefined)
    for (const mark of message.marks) if (view.since.has(mark.user)) raise(state, mark);
  if (state.marks.dirty.size > 0) flushSoon(turn);
  if (state.marks.changed.size > 0) tellSoon(turn);
  answer(turn, message.replyTo, {});
}

function raise({ marks, log }: GroupState, { user, delivered, read }: GroupMark): void {
  const before = marks.all.get(user) ?? { user, delivered: 0, read: 0 };
  const got = Math.min(log.committed.seq, Math.max(before.delivered, delivered, read));
  const seen = Math.min(got, Math.max(before.read, read));
  if (got === before.delivered && seen === before.read) return;
  marks.all.set(user, { user, delivered: got, read: seen });
  marks.dirty.add(user);
  marks.changed.add(user);
}

export function flushSoon({ state, effects }: GroupTurn): void {
  if (state.isFlushScheduled) return;
  state.isFlushScheduled = true;
  effects.push({ type: 'schedule', inMs: CURSOR_LAG_MS, message: { type: 'flush' } });
}

function tellSoon({ state, effects }: GroupTurn): void {
  if (!isSmall(state)) return state.marks.changed.clear();
  if (state.marks.isTellScheduled) return;
  state.marks.isTellScheduled = true;
  effects.push({ type: 'schedule', inMs: GROUP_MARKS_DELAY_MS, message: { type: 'tellMarks' } });
}

/** The moment is over. */
export function tellMarks({ state, effects }: GroupTurn): void {
  const { marks, flushed, nodes, group } = state;
  marks.isTellScheduled = false;
  const changed = [...marks.changed].flatMap((user) => marks.all.get(user) ?? []);
  marks.changed.clear();
  if (flushed === undefined || changed.length === 0 || nodes.size === 0) return;
  const { incarnation } = flushed.roster;
  const news = { type: 'marks', group, incarnation, marks: changed } as const;
  effects.push({ type: 'fanOut', nodes: [...nodes.keys()], news });
}

export function receipts(turn: GroupTurn, message: Asked<'groupReceipts'>): void {
  const { state } = turn;
  const { asker, incarnation, seqs, replyTo } = message;
  const view = lifeNamed(state, incarnation);
  if (view === undefined || !view.since.has(asker))
    return refuse(turn, replyTo, noSuchGroup(state));
  const others = [...state.marks.all.values()].filter(({ user }) => user !== asker);
  const isPerMember = isSmall(state);
  const marks = isPerMember ? others : [];
  const counts = isPerMember ? [] : seqs.map((seq) => countAt(view, others, seq));
  answer(turn, replyTo, { incarnation, marks, counts });
}

/** Of those whom the entry was for: who came later is past it without having got it. */
function countAt({ since }: GroupView, all: readonly GroupMark[], seq: number): GroupCount {
  const marks = all.filter(({ user }) => (since.get(user) ?? Infinity) <= seq);
  const delivered = marks.filter((mark) => mark.delivered >= seq).length;
  return { seq, delivered, read: marks.filter((mark) => mark.read >= seq).length };
}

function isSmall({ flushed }: GroupState): boolean {
  return (flushed?.roster.members.size ?? 0) <= GROUP_RECEIPT_MEMBERS_MAX;
}

/** Where some device of a member got; everything before the entry that let it in counts as got. */
export function gotBy({ marks, flushed, log }: GroupState, user: UserId): number {
  const delivered = marks.all.get(user)?.delivered ?? 0;
  return Math.min(log.committed.seq, Math.max(delivered, flushed?.since.get(user) ?? 0));
}

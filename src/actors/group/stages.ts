/**
 * Seals that come with an operation: a fresh key needs one for every member there will be, which for a large group is
 * more than fits one frame. What comes ahead waits in memory for a while and takes no effect before the operation does.
 */
import { fail, succeed } from '../../protocol/calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { memberSeals } from '../../protocol/group-log.ts';
import type { GroupOperation, MemberSeal } from '../../protocol/group-log.ts';
import { keySourceOf } from '../../protocol/group-roster.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { UserId } from '../../protocol/ids.ts';
import {
  GROUP_MEMBERS_MAX,
  GROUP_STAGES_MAX,
  GROUP_STAGE_LIFETIME_MS,
} from '../../protocol/limits.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { ownCopy } from '../runtime/own-copy.ts';
import { answer, refusal, refuse } from './commits.ts';
import type { Asked } from './messages.ts';
import type { GroupTurn, Stage } from './state.ts';

/** One stage per author: another operation's seals take the place of those before. */
export function stage(turn: GroupTurn, message: Asked<'groupStage'>): void {
  const { state, nowMs } = turn;
  const { author, operation, from, seals, replyTo } = message;
  forgetStages(turn);
  const known = state.stages.get(author);
  const before = isFor(known, operation) ? known.seals.slice(0, from) : [];
  if (before.length !== from || from + seals.length > GROUP_MEMBERS_MAX)
    return refuse(turn, replyTo, refusal('E_STALE_EPOCH', 'the seals before these are missing'));
  if (known === undefined && state.stages.size >= GROUP_STAGES_MAX)
    return refuse(turn, replyTo, refusal('E_RATE_LIMITED', 'others are changing the group now'));
  state.stages.set(author, {
    operation: Uint8Array.from(operation),
    seals: [...before, ...ownCopy(memberSeals, seals)],
    untilMs: nowMs + GROUP_STAGE_LIFETIME_MS,
  });
  answer(turn, replyTo, {});
}

/** Forgets what waited in vain. */
export function forgetStages({ state, nowMs }: GroupTurn): void {
  for (const [author, { untilMs }] of state.stages)
    if (untilMs <= nowMs) state.stages.delete(author);
}

/** The seals an operation came with, if they are exactly those it needs. */
export function sealsFor(
  { state }: GroupTurn,
  operation: GroupOperation,
  roster: Roster,
  given: readonly MemberSeal[],
): Outcome<readonly MemberSeal[]> {
  const staged = state.stages.get(operation.author);
  const seals = isFor(staged, operation.hash) ? [...staged.seals, ...given] : given;
  const needed = neededFor(operation, roster);
  const users = new Set(seals.map(({ user }) => user));
  if (users.size < needed.size)
    return fail(refusal('E_STALE_EPOCH', `seals are missing: ${needed.size - users.size}`));
  const isExact = seals.length === needed.size && [...users].every((user) => needed.has(user));
  if (!isExact) return fail(refusal('E_BAD_FRAME', 'sealed to others than the members'));
  return succeed(seals);
}

function neededFor({ change }: GroupOperation, { members }: Roster): ReadonlySet<UserId> {
  if (change.type === 'add') return new Set([change.user]);
  return new Set(keySourceOf(change) === 'fresh' ? members.keys() : []);
}

function isFor(known: Stage | undefined, operation: Uint8Array): known is Stage {
  return known !== undefined && sameBytes(known.operation, operation);
}

/** The groups of a user, as their actors tell; they are the truth, this is what devices ask at login. */
import type { Membership } from '../../protocol/group-facts.ts';
import { GROUPS_PER_USER_MAX } from '../../protocol/limits.ts';
import { answerAfter, beginAccountCommit, refuse, refuseUnknown, replyOf } from './commits.ts';
import type { Asked } from './messages.ts';
import type { UserWrite } from './records.ts';
import type { Release, UserState, UserTurn } from './state.ts';

export function groups(turn: UserTurn, { replyTo }: Asked<'groups'>): void {
  const { state } = turn;
  const value = { groups: [...state.groups.values()] };
  answerAfter(turn, state.accountCommit, { to: replyTo, value });
}

/** Idempotent by (group, incarnation, position). What has ended is remembered as well, so that devices learn of it. */
export function membership(turn: UserTurn, message: Asked<'membership'>): void {
  const { state } = turn;
  const { group, incarnation, position, role, replyTo } = message;
  if (state.account === undefined) return refuseUnknown(turn, replyTo);
  const known = state.groups.get(group);
  if (known?.incarnation === incarnation && position <= known.position)
    return answerAfter(turn, state.accountCommit, { to: replyTo, value: {} });
  // One that ended before it was heard of is remembered, too: what was said in between is for this user.
  const forgotten = known === undefined ? makeRoom(state) : [];
  if (forgotten === undefined)
    return refuse(turn, replyTo, { code: 'E_TOO_LARGE', text: 'in too many groups already' });
  const record: Membership = { group, incarnation, position, role };
  state.groups.set(group, record);
  const writes: UserWrite[] = [...forgotten, { type: 'group', record }];
  beginAccountCommit(turn, writes, [...pushesOf(state, record), replyOf(message, {})]);
}

/** Forgets the memberships that ended first; undefined when all that there is room for still hold. */
function makeRoom({ groups: known }: UserState): UserWrite[] | undefined {
  if (known.size < GROUPS_PER_USER_MAX) return [];
  for (const [group, { role }] of known) {
    if (role !== undefined) continue;
    known.delete(group);
    return [{ type: 'removeGroup', group }];
  }
  return undefined;
}

function pushesOf({ sessions }: UserState, record: Membership): Release[] {
  return [...sessions.values()].map(({ session }): Release => {
    const push = { type: 'membership', ...record } as const;
    return { type: 'effect', effect: { type: 'push', session, push } };
  });
}

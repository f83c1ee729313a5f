/** How sessions get the news of groups; the node has one for all of them. */
import type { Outcome } from '../../protocol/calls.ts';
import type { GroupReply } from '../../protocol/group-calls.ts';
import type { GroupMark } from '../../protocol/group-facts.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';

export interface GroupSessions {
  /** Pushes the group's news to a session from now on, if its user is a member. `done` is called exactly once. */
  subscribe(
    session: { readonly number: number; readonly user: UserId },
    group: GroupId,
    done: (outcome: Outcome<GroupReply<'groupSubscribe'>>) => void,
  ): void;
  /** One device of a member has the log up to somewhere. */
  acknowledge(group: GroupId, incarnation: Incarnation, mark: GroupMark): void;
  /** The session has ended. */
  leave(session: number): void;
}

/** The hub of groups reduced to what a gate can see of it. */
import type { GroupSessions } from '../../../src/actors/session/group-port.ts';
import type { Outcome } from '../../../src/protocol/calls.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { GroupReply } from '../../../src/protocol/group-calls.ts';
import type { GroupMark, GroupStanding } from '../../../src/protocol/group-facts.ts';
import type { GroupId, Incarnation } from '../../../src/protocol/ids.ts';

export class FakeGroups implements GroupSessions {
  readonly standings = new Map<GroupId, GroupStanding>();
  readonly subscribed: Array<readonly [session: number, group: GroupId]> = [];
  readonly marks: Array<readonly [group: GroupId, mark: GroupMark]> = [];
  readonly left: number[] = [];

  subscribe(
    { number }: { readonly number: number },
    group: GroupId,
    done: (outcome: Outcome<GroupReply<'groupSubscribe'>>) => void,
  ): void {
    const value = this.standings.get(group);
    const error = new FastChatError('E_NO_SUCH_GROUP', 'no such group');
    if (value !== undefined) this.subscribed.push([number, group]);
    done(value === undefined ? { ok: false, error } : { ok: true, value });
  }

  acknowledge(group: GroupId, _incarnation: Incarnation, mark: GroupMark): void {
    this.marks.push([group, mark]);
  }

  leave(session: number): void {
    this.left.push(session);
  }
}

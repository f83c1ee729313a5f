/** The part of the client library that is about groups: `client.group`, `client.groups()` and the event `group`. */
import type { GroupRole } from '../protocol/group-log.ts';
import type { GroupId, UserId } from '../protocol/ids.ts';

/** What was done to a group, in the words of JSON-RPC. A new key alone is no event: it changes nothing that people see. */
export type GroupEventChange =
  | 'created'
  | 'added'
  | 'removed'
  | 'left'
  | 'promoted'
  | 'demoted'
  | 'transferred'
  | 'renamed'
  | 'deleted';

/** Told in the order of the group's log, to everybody who was a member then, the author included. */
export interface GroupEvent {
  readonly type: 'group';
  readonly group: GroupId;
  readonly change: GroupEventChange;
  /** Whom it was done to; the author where it was done to nobody. */
  readonly user: UserId;
  readonly by: UserId;
  readonly epoch: number;
  /** Those let in by `created`; a device of theirs tells `added` for its own user as well. */
  readonly members?: readonly UserId[];
  /** The role that `user` has from then on, after `added`, `promoted`, `demoted`. */
  readonly role?: GroupRole;
  /** After `created` and `renamed`. */
  readonly title?: string;
  readonly topic?: string;
}

/** A group of this account, from the store of this device. */
export interface GroupSummary {
  readonly group: GroupId;
  /** '' when nobody gave it one. */
  readonly title: string;
  readonly topic: string;
  readonly role: GroupRole;
}

export interface GroupMemberView {
  readonly user: UserId;
  readonly role: GroupRole;
  readonly online: boolean;
}

export interface GroupView {
  readonly group: GroupId;
  readonly title: string;
  readonly topic: string;
  /** Of the key that messages are sent under. */
  readonly epoch: number;
  /** By name. */
  readonly members: readonly GroupMemberView[];
}

/**
 * What one does to a group. Every method resolves when the operation is stored and this device has verified it; a race
 * with another author is run again inside. Each rejects with E_NO_SUCH_GROUP for who is no member, E_NOT_ADMIN,
 * E_UNREACHABLE, E_TIMEOUT, or E_RATE_LIMITED after too many lost races.
 */
export interface GroupActions {
  /** All or nothing. @throws E_GROUP_EXISTS, E_NO_SUCH_USER (naming the member), E_GROUP_FULL */
  create(
    group: GroupId,
    options?: {
      readonly members?: readonly UserId[];
      readonly title?: string;
      readonly topic?: string;
    },
  ): Promise<{ readonly group: GroupId; readonly epoch: number }>;
  /** `role` default: member. @throws E_NO_SUCH_USER, E_ALREADY_MEMBER, E_GROUP_FULL */
  add(group: GroupId, user: UserId, role?: GroupRole): Promise<{ readonly epoch: number }>;
  /** @throws E_NOT_MEMBER, E_USAGE for oneself */
  remove(group: GroupId, user: UserId): Promise<{ readonly epoch: number }>;
  /** @throws E_LAST_ADMIN */
  leave(group: GroupId): Promise<void>;
  /** `role` default: admin. @throws E_NOT_MEMBER, E_USAGE when that is no rise */
  promote(group: GroupId, user: UserId, role?: GroupRole): Promise<void>;
  /** `role` default: member. @throws E_NOT_MEMBER, E_USAGE when that is no fall, E_LAST_ADMIN */
  demote(group: GroupId, user: UserId, role?: GroupRole): Promise<void>;
  /** Makes `user` an admin and oneself a member. @throws E_NOT_MEMBER */
  transfer(group: GroupId, user: UserId): Promise<void>;
  /** @throws E_TOO_LARGE */
  rename(group: GroupId, title: string): Promise<void>;
  /** @throws E_TOO_LARGE */
  setTopic(group: GroupId, topic: string): Promise<void>;
  /** Ends the group for everybody. */
  delete(group: GroupId): Promise<void>;
  /** Members and roles as this device has verified them; who is online as the node says. */
  info(group: GroupId): Promise<GroupView>;
}

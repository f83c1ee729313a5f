/**
 * What this account does to groups: makes the operation that follows the newest one, with the keys it needs, and makes it
 * anew when somebody else was faster. What it may not do is refused here, by the chain that this device has verified.
 */
import { makeCreation, makeOperation } from '../../crypto/opening/group-operation.ts';
import type { MadeOperation } from '../../crypto/opening/group-operation.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { hex } from '../../crypto/bytes.ts';
import type { Clock } from '../../ops/clock.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { GroupChange, GroupProfile, GroupRole, MemberSeal } from '../../protocol/group-log.ts';
import { judgeChange } from '../../protocol/group-rights.ts';
import { keySourceOf } from '../../protocol/group-roster.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import { parseIncarnation } from '../../protocol/ids.ts';
import type { GroupId, UserId } from '../../protocol/ids.ts';
import { GROUP_OPERATIONS_WAITING_MAX, GROUP_RACES_MAX } from '../../protocol/limits.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { GroupActions, GroupView } from '../group-api.ts';
import { Turns } from '../turns.ts';
import type { GroupFeed } from './feed.ts';
import type { GroupCalls } from './group-calls.ts';
import type { Groups } from './groups.ts';
import type { MemberKeys } from './member-keys.ts';

export interface GroupOperationsPorts {
  readonly self: UserId;
  readonly clock: Clock;
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
  readonly groups: Groups;
  readonly calls: GroupCalls;
  readonly memberKeys: MemberKeys;
}

/** What is wanted of a group as it is. */
type Wish = (roster: Roster, profile: GroupProfile) => Wanted;
interface Wanted {
  readonly change: GroupChange;
  readonly profile: GroupProfile;
}

const INCARNATION_BYTES = 16;
const NO_PROFILE: GroupProfile = { title: '', topic: '' };

export class GroupOperations implements GroupActions {
  readonly #ports: GroupOperationsPorts;
  /** What this device does to a group does not race with itself. */
  readonly #turns = new Turns<GroupId>(GROUP_OPERATIONS_WAITING_MAX);

  constructor(ports: GroupOperationsPorts) {
    this.#ports = ports;
  }

  async create(
    group: GroupId,
    options: Parameters<GroupActions['create']>[1] = {},
  ): ReturnType<GroupActions['create']> {
    const { self, suite, book, calls, memberKeys, groups } = this.#ports;
    const { members: named = [], title = '', topic = '' } = options;
    const users = [...new Set(named)].filter((user) => user !== self);
    const boxes = await memberKeys.of([self, ...users]);
    const incarnation = parseIncarnation(hex(suite.random(INCARNATION_BYTES)));
    const members = users.map((user) => ({ user, role: 'member' as const }));
    const draft = this.#draft({ change: { type: 'create', members }, profile: { title, topic } });
    const { privateKey } = book.vault.identity;
    const made = makeCreation(suite, { group, incarnation }, draft, privateKey);
    const seals = memberKeys.seal(made.key, boxes);
    const { seq, epoch } = await racing(group, () => calls.operate(group, made, seals));
    const feed = await groups.created(group, incarnation, made.key);
    await feed.reached(seq);
    return { group, epoch };
  }

  async add(
    group: GroupId,
    user: UserId,
    role: GroupRole = 'member',
  ): Promise<{ readonly epoch: number }> {
    return await this.#operate(group, keepingProfile({ type: 'add', user, role }));
  }

  async remove(group: GroupId, user: UserId): Promise<{ readonly epoch: number }> {
    return await this.#operate(group, keepingProfile({ type: 'remove', user }));
  }

  async leave(group: GroupId): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'leave' }));
  }

  async promote(group: GroupId, user: UserId, role: GroupRole = 'admin'): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'promote', user, role }));
  }

  async demote(group: GroupId, user: UserId, role: GroupRole = 'member'): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'demote', user, role }));
  }

  async transfer(group: GroupId, user: UserId): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'transfer', user }));
  }

  async rename(group: GroupId, title: string): Promise<void> {
    const change = { type: 'rename' } as const;
    await this.#operate(group, (_, profile) => ({ change, profile: { ...profile, title } }));
  }

  async setTopic(group: GroupId, topic: string): Promise<void> {
    const change = { type: 'rename' } as const;
    await this.#operate(group, (_, profile) => ({ change, profile: { ...profile, topic } }));
  }

  async delete(group: GroupId): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'delete' }));
  }

  async info(group: GroupId): Promise<GroupView> {
    const { groups, calls } = this.#ports;
    const feed = await groups.mine(group);
    const told = await calls.info(group);
    const { local } = feed;
    if (told.position > (local.facts.roster?.position ?? 0)) await feed.refresh();
    const { roster, profile = NO_PROFILE } = local.facts;
    if (roster === undefined || local.isFormer) throw noSuchGroup(group);
    const online = new Map(told.members.map((member) => [member.user, member.online]));
    const members = Array.from(roster.members, ([user, role]) => {
      return { user, role, online: online.get(user) ?? false };
    }).sort((a, b) => (a.user < b.user ? -1 : 1));
    return { group, ...profile, epoch: roster.epoch, members };
  }

  /** Makes a fresh key when somebody who left knows the present one. */
  async rekeyIfDue(group: GroupId): Promise<void> {
    const { local } = await this.#ports.groups.mine(group);
    if (local.facts.roster?.rekeyDue !== true) return;
    try {
      await this.#operate(group, keepingProfile({ type: 'rekey' }), (roster) => roster.rekeyDue);
    } catch (cause) {
      const error = asFastChatError(cause);
      // Others are at it: the message waits for their key.
      if (error.code !== 'E_RATE_LIMITED') throw error;
    }
  }

  /** Makes a fresh key: somebody who should not knows the present one. */
  async renewKey(group: GroupId): Promise<void> {
    await this.#operate(group, keepingProfile({ type: 'rekey' }));
  }

  /** `isWanted`: whether the group, as others have changed it, still needs it. */
  async #operate(
    group: GroupId,
    wish: Wish,
    isWanted: (roster: Roster) => boolean = () => true,
  ): Promise<{ readonly epoch: number }> {
    return await this.#turns.take(group, () => this.#race(group, wish, isWanted));
  }

  async #race(
    group: GroupId,
    wish: Wish,
    isWanted: (roster: Roster) => boolean,
  ): Promise<{ readonly epoch: number }> {
    return await racing(group, async (race) => {
      const feed = await this.#ports.groups.mine(group);
      // Before a person hears that they may not: they may since a moment ago.
      if (race > 0 || !this.#mayDo(feed, wish)) await feed.refresh();
      const { roster } = feed.local.facts;
      if (roster === undefined || feed.local.isFormer) throw noSuchGroup(group);
      if (!isWanted(roster)) return { epoch: roster.epoch };
      return await this.#attempt(feed, roster, wish);
    });
  }

  /** Whether this account may do what it wishes, as far as this device has read. */
  #mayDo({ local: { facts } }: GroupFeed, wish: Wish): boolean {
    const { roster, profile = NO_PROFILE } = facts;
    const role = roster?.members.get(this.#ports.self);
    if (roster === undefined || role === undefined) return false;
    const { change } = wish(roster, profile);
    return judgeChange(roster.members, { author: this.#ports.self, role, change }).ok;
  }

  async #attempt(feed: GroupFeed, roster: Roster, wish: Wish): Promise<{ readonly epoch: number }> {
    const { suite, book, calls, memberKeys } = this.#ports;
    const { local } = feed;
    const { group } = roster;
    const wanted = wish(roster, local.facts.profile ?? NO_PROFILE);
    const members = this.#judge(roster, wanted.change);
    const source = keySourceOf(wanted.change);
    const sealedTo = source === 'fresh' ? members.keys() : addedBy(wanted.change);
    const boxes = await memberKeys.of(sealedTo);
    if (local.keyring.missingFor(roster.epoch) !== undefined)
      await calls.learnKeys(local, roster.epoch);
    const known = local.keyring.keyOf(roster.epoch);
    if (known === undefined)
      throw new FastChatError('E_DECRYPT', `this device was not given the key of ${group}`);
    const draft = this.#draft(wanted);
    const made: MadeOperation = makeOperation(
      suite,
      { roster, key: known.key },
      draft,
      book.vault.identity.privateKey,
    );
    if (source !== 'same') local.keyring.offer(made.key);
    const { seq, epoch } = await this.#submit(group, made, memberKeys.seal(made.key, boxes));
    await feed.reached(seq);
    return { epoch };
  }

  /** Of whom it is done to, this device knows that they are members: E_NOT_MEMBER is about the author, put out meanwhile. */
  async #submit(
    group: GroupId,
    made: MadeOperation,
    seals: readonly MemberSeal[],
  ): ReturnType<GroupCalls['operate']> {
    try {
      return await this.#ports.calls.operate(group, made, seals);
    } catch (cause) {
      if (asFastChatError(cause).code === 'E_NOT_MEMBER') throw noSuchGroup(group);
      throw cause;
    }
  }

  /** @throws what a node would answer as well */
  #judge(roster: Roster, change: GroupChange): ReadonlyMap<UserId, GroupRole> {
    const { self: author } = this.#ports;
    const role = roster.members.get(author);
    if (role === undefined) throw noSuchGroup(roster.group);
    const judged = judgeChange(roster.members, { author, role, change });
    if (!judged.ok) throw judged.error;
    return judged.value;
  }

  #draft(wanted: Wanted): Wanted & { readonly author: UserId; readonly at: number } {
    return { ...wanted, author: this.#ports.self, at: this.#ports.clock.now() };
  }
}

/** Does it anew when somebody else was faster, or the seals that went ahead were lost with their node. @throws E_RATE_LIMITED */
async function racing<T>(group: GroupId, work: (race: number) => Promise<T>): Promise<T> {
  for (let race = 0; race < GROUP_RACES_MAX; race += 1)
    try {
      return await work(race);
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_STALE_EPOCH') throw cause;
    }
  throw new FastChatError('E_RATE_LIMITED', `others are changing ${group}: try again`);
}

function keepingProfile(change: GroupChange): Wish {
  return (_, profile) => ({ change, profile });
}

function addedBy(change: GroupChange): readonly UserId[] {
  return change.type === 'add' ? [change.user] : [];
}

/** What somebody who is no member is told. */
export function noSuchGroup(group: GroupId): FastChatError {
  return new FastChatError('E_NO_SUCH_GROUP', `you are in no group ${group}`);
}

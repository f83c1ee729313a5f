/** What users do to groups in a storm: create them, two at once under one name, change who is in, and write to them. */
import type { GroupActions } from '../../src/client/group-api.ts';
import type { Clock } from '../../src/ops/clock.ts';
import type { Random } from '../../src/ops/random.ts';
import type { GroupRole } from '../../src/protocol/group-log.ts';
import { asFastChatError, invariant } from '../../src/protocol/errors.ts';
import { parseGroupId } from '../../src/protocol/ids.ts';
import type { GroupId, UserId } from '../../src/protocol/ids.ts';
import type { ClusterJudge } from './cluster-judge.ts';
import type { EventLog } from './event-log.ts';
import { GroupJudge } from './group-judge.ts';
import type { SimUser } from './sim-user.ts';

export interface GroupLifePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly cluster: ClusterJudge;
  readonly users: readonly SimUser[];
}

/** A change, and how it is asked for. */
interface Deed {
  readonly type: string;
  /** How often it comes, among the others. */
  readonly weight: number;
  /** Whether it is done to somebody. */
  readonly hasUser: boolean;
  readonly run: (actions: GroupActions, group: GroupId, user: UserId) => Promise<unknown>;
}

const DEEDS: readonly Deed[] = [
  { type: 'add', weight: 30, hasUser: true, run: (on, group, user) => on.add(group, user) },
  {
    type: 'add',
    weight: 8,
    hasUser: true,
    run: (on, group, user) => on.add(group, user, 'observer'),
  },
  { type: 'remove', weight: 26, hasUser: true, run: (on, group, user) => on.remove(group, user) },
  { type: 'leave', weight: 8, hasUser: false, run: (on, group) => on.leave(group) },
  { type: 'promote', weight: 10, hasUser: true, run: (on, group, user) => on.promote(group, user) },
  { type: 'demote', weight: 6, hasUser: true, run: (on, group, user) => on.demote(group, user) },
  {
    type: 'transfer',
    weight: 4,
    hasUser: true,
    run: (on, group, user) => on.transfer(group, user),
  },
  { type: 'rename', weight: 8, hasUser: false, run: (on, group) => on.rename(group, 'another') },
];
const ALL_WEIGHTS = DEEDS.reduce((sum, { weight }) => sum + weight, 0);
/** Two users create it in one moment: one of them does. */
const CONTESTED = parseGroupId('#contested');
/** How often a person tries to make a group: the mesh loses a frame now and then also before the storm. */
const MAKE_ATTEMPTS_MAX = 3;
/** How often the one who made the group acts, rather than anybody. */
const BY_MAKER = 0.7;

export class GroupLife {
  readonly judge: GroupJudge;
  readonly #ports: GroupLifePorts;
  /** Made before the storm. */
  readonly #groups: readonly GroupId[];
  /** Who should be in, as far as the answers tell. */
  readonly #believed = new Map<GroupId, Set<SimUser>>();

  constructor(count: number, ports: GroupLifePorts) {
    this.#ports = ports;
    this.#groups = Array.from({ length: count }, (_, index) => parseGroupId(`#g${index}`));
    const all = count === 0 ? [] : [...this.#groups, CONTESTED];
    this.judge = new GroupJudge(all, ports.log, ports.cluster);
  }

  async create(): Promise<void> {
    const { users } = this.#ports;
    for (const [index, group] of this.#groups.entries()) {
      const maker = users[index % users.length];
      for (let attempt = 0; attempt < MAKE_ATTEMPTS_MAX; attempt += 1)
        if (maker !== undefined && !this.#believed.has(group)) await this.#make(maker, group);
    }
  }

  /** Draws when each change happens within the next `stormMs`. */
  schedule(changes: number, stormMs: number): void {
    const { clock, random } = this.#ports;
    if (this.#groups.length === 0) return;
    for (let count = 0; count < changes; count += 1)
      clock.after(random.fraction() * stormMs, () => this.#change());
    clock.after(random.fraction() * stormMs, () => {
      for (let count = 0; count < 2; count += 1) this.#contest();
    });
  }

  /** Somebody writes to a group; false: nobody can. */
  say(): boolean {
    const group = this.#pick(this.#groups);
    if (group === undefined) return false;
    const members = [...(this.#believed.get(group) ?? [])];
    const from = this.#pick((members.length > 0 ? members : this.#ports.users).filter(isUp));
    from?.say(group);
    return from !== undefined;
  }

  /** What clients say of their groups that the logs do not. */
  async differences(): Promise<readonly string[]> {
    const groups = [...this.#groups, CONTESTED];
    const found: string[] = [];
    for (const user of this.#groups.length === 0 ? [] : this.#ports.users)
      for (const group of groups) {
        const real = listed(this.judge.members(group) ?? new Map());
        const seen = await seenBy(user, group);
        const expected = real.some((member) => member.startsWith(`${user.name} `)) ? real : [];
        if (seen.join() === expected.join()) continue;
        found.push(`${group}: ${user.name} sees ${seen.join()}, not ${expected.join()}`);
      }
    return found;
  }

  async #make(maker: SimUser, group: GroupId): Promise<void> {
    const { users, random } = this.#ports;
    const others = users.filter((user) => user !== maker && random.fraction() < 0.5);
    const members = others.map(({ name }) => name);
    await this.#note('create', group, maker, undefined, () =>
      maker.client.group.create(group, { members }),
    );
    if (this.#believed.has(group)) for (const user of others) this.#believed.get(group)?.add(user);
  }

  #change(): void {
    const { users, random } = this.#ports;
    const group = this.#pick(this.#groups);
    const [deed, user] = [this.#drawDeed(), this.#pick(users)];
    if (group === undefined || user === undefined) return;
    const maker = users[this.#groups.indexOf(group) % users.length];
    const isByMaker = random.fraction() < BY_MAKER && deed.type !== 'leave';
    const actor = isByMaker ? maker : this.#pick(users.filter(isUp));
    if (actor?.isUp !== true || (deed.hasUser && actor === user)) return;
    void this.#note(deed.type, group, actor, deed.hasUser ? user : undefined, () =>
      deed.run(actor.client.group, group, user.name),
    );
  }

  #contest(): void {
    const maker = this.#pick(this.#ports.users.filter(isUp));
    if (maker !== undefined) void this.#make(maker, CONTESTED);
  }

  /** Tells how it ended; a process that dies meanwhile never says. */
  async #note(
    type: string,
    group: GroupId,
    actor: SimUser,
    user: SimUser | undefined,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const { log } = this.#ports;
    const what = `${type} ${group} ${user?.name ?? ''} by ${actor.name}`;
    try {
      await work();
      log.told(`done: ${what}`);
      this.judge.made({ group, type, author: actor.name, user: user?.name });
      this.#believe(type, group, user ?? actor);
    } catch (cause) {
      log.told(`${asFastChatError(cause).code}: ${what}`);
    }
  }

  #believe(type: string, group: GroupId, user: SimUser): void {
    const members = this.#believed.get(group) ?? new Set();
    this.#believed.set(group, members);
    if (type === 'create' || type === 'add') members.add(user);
    if (type === 'remove' || type === 'leave') members.delete(user);
  }

  #drawDeed(): Deed {
    let left = this.#ports.random.fraction() * ALL_WEIGHTS;
    const drawn = DEEDS.find(({ weight }) => (left -= weight) < 0) ?? DEEDS[0];
    invariant(drawn !== undefined, 'there is something to do');
    return drawn;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#ports.random.fraction() * items.length)];
  }
}

function isUp(user: SimUser): boolean {
  return user.isUp;
}

function listed(members: Iterable<readonly [UserId, GroupRole]>): readonly string[] {
  return Array.from(members, ([user, role]) => `${user} ${role}`).toSorted();
}

/** Members and roles as a client shows them; none where it is no member itself. */
async function seenBy(user: SimUser, group: GroupId, attempts = 3): Promise<readonly string[]> {
  const { client } = user;
  try {
    const groups = await client.groups();
    if (groups.every((summary) => summary.group !== group)) return [];
    const { members } = await client.group.info(group);
    return listed(members.map(({ user, role }) => [user, role]));
  } catch (cause) {
    const { code, retry } = asFastChatError(cause);
    // The mesh loses a frame now and then also in a healed world: a question without an answer is asked again.
    return retry === 'later' && attempts > 1 ? await seenBy(user, group, attempts - 1) : [code];
  }
}

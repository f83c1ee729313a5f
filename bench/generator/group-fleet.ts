/** The members of groups in one load generator process. */
import type { UserId } from '../../src/protocol/ids.ts';
import type { BenchAccount } from '../account.ts';
import type { GroupLoad, GroupMade } from './commands.ts';
import { GroupMember } from './group-member.ts';
import { makeGroup } from './group-maker.ts';
import { GroupOrder } from './group-order.ts';
import type { Attached } from './login.ts';
import type { Tally } from './tally.ts';

export class GroupFleet {
  readonly #tally: Tally;
  readonly #members = new Map<string, GroupMember>();
  #order = new GroupOrder();
  /** Whoever waits for all members to be somewhere. */
  #check: (() => void) | undefined;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  has(user: string): boolean {
    return this.#members.has(user);
  }

  add(account: BenchAccount, { link }: Attached, index: number): void {
    const onProgress = (): void => this.#check?.();
    const ports = { account, link, tally: this.#tally, index, onProgress };
    this.#members.set(account.user, new GroupMember(ports));
  }

  make(name: string, members: readonly UserId[]): Promise<GroupMade> {
    const author = this.#member(members[0] ?? '');
    author.release();
    return makeGroup(author.link, author.account, name, members);
  }

  /** These users follow the group from now on, from its head or from its beginning; answers the newest entry. */
  async follow(made: GroupMade, users: readonly UserId[], fromStart: boolean): Promise<number> {
    this.#order = new GroupOrder();
    const shared = { ...made, order: this.#order };
    let head = 0;
    await Promise.all(
      users.map(async (user) => {
        const standing = await this.#member(user).subscribe(made.group);
        this.#member(user).follow(shared, fromStart ? 0 : standing.head);
        ({ head } = standing);
      }),
    );
    return head;
  }

  send({ senders, messages, window, bodyBytes }: GroupLoad): void {
    for (const user of senders) this.#member(user).send(messages, window, bodyBytes);
  }

  pull(users: readonly UserId[], head: number): void {
    for (const user of users) this.#member(user).pullTo(head);
  }

  /** Resolves when these have everything up to `head`, and all that they sent is answered. */
  reached(users: readonly UserId[], head: number): Promise<void> {
    const waiting = new Set(users.map((user) => this.#member(user)));
    return new Promise((resolve, reject) => {
      this.#check = () => {
        for (const member of waiting) {
          if (member.closed !== undefined)
            return reject(new Error(`${member.account.user}: ${member.closed}`));
          if (member.received < head || !member.isAnswered) return undefined;
          waiting.delete(member);
        }
        this.#check = undefined;
        return resolve();
      };
      this.#check();
    });
  }

  digest(): string {
    return this.#order.digest();
  }

  #member(user: string): GroupMember {
    const member = this.#members.get(user);
    if (member === undefined) throw new Error(`${user} is not attached`);
    return member;
  }
}

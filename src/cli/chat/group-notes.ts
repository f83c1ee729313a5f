/** What this chat knows of groups: what they are called, who is in them; and the lines that tell what happens to them. */
import type { Client } from '../../client/api.ts';
import type { GroupEvent, GroupView } from '../../client/group-api.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address, GroupId, UserId } from '../../protocol/ids.ts';
import { groupEventLine, quotedTitle } from '../group-event-line.ts';
import type { GroupProfileView } from '../group-event-line.ts';
import { groupsOf } from '../group-words.ts';
import { counted } from '../text-layout.ts';

/** `#ops "Deploys and alerts", topic "on call"`; undefined: there is nothing to add to the name. */
function profileLine(group: GroupId, { title, topic }: GroupProfileView): string | undefined {
  if (title === '' && topic === '') return undefined;
  const name = title === '' ? group : `${group} ${quotedTitle(title)}`;
  return topic === '' ? name : `${name}, topic ${quotedTitle(topic)}`;
}

/** Whether `account` is in the group no more. */
export function isGone({ change, user }: GroupEvent, account: UserId): boolean {
  return change === 'deleted' || (user === account && (change === 'left' || change === 'removed'));
}

export class GroupNotes {
  readonly #client: Client;
  /** Of the groups of the account: as many as it may have. */
  readonly #profiles = new Map<GroupId, GroupProfileView>();
  /** Of those that were looked at. */
  readonly #members = new Map<GroupId, Set<UserId>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Titles and topics; needs no connection. */
  async recall(): Promise<void> {
    for (const { group, title, topic } of await this.#client.groups())
      this.#profiles.set(group, { title, topic });
  }

  /** Members of `address` but oneself; undefined where nobody has looked. */
  othersIn(address: Address): number | undefined {
    const members = isGroup(address) ? this.#members.get(address) : undefined;
    if (members === undefined) return undefined;
    return members.size - (members.has(this.#client.account) ? 1 : 0);
  }

  /** Who is in it, from the client. @throws E_NO_SUCH_GROUP, … */
  async look(group: GroupId): Promise<GroupView> {
    const view = await groupsOf(this.#client).info(group);
    this.#members.set(group, new Set(view.members.map(({ user }) => user)));
    this.#profiles.set(group, view);
    return view;
  }

  /** What a group that is opened is called and about. */
  async opened(group: GroupId): Promise<string | undefined> {
    await this.recall();
    const profile = this.#profiles.get(group);
    return profile === undefined ? undefined : profileLine(group, profile);
  }

  /** The line that tells of it; undefined: another one does. */
  happened(event: GroupEvent): string | undefined {
    const { group, change, by, user } = event;
    const { account } = this.#client;
    const line = groupEventLine(event, account, this.#profiles.get(group));
    this.#note(event);
    // Who was let in by the creation is told so in an event of their own.
    if (change === 'created' && by !== account) return undefined;
    return change === 'added' && user === account ? `${line}: /join ${group} opens it` : line;
  }

  #note(event: GroupEvent): void {
    if (isGone(event, this.#client.account)) return this.#forget(event.group);
    this.#noteMembers(event);
    const { group, title, topic } = event;
    const before = this.#profiles.get(group) ?? { title: '', topic: '' };
    this.#profiles.set(group, { title: title ?? before.title, topic: topic ?? before.topic });
  }

  #noteMembers({ group, change, user, members = [] }: GroupEvent): void {
    if (change === 'created') this.#members.set(group, new Set([user, ...members]));
    const known = this.#members.get(group);
    if (change === 'added') known?.add(user);
    if (change === 'removed' || change === 'left') known?.delete(user);
  }

  #forget(group: GroupId): void {
    this.#members.delete(group);
    this.#profiles.delete(group);
  }
}

/** `4 members, 3 online`. */
export function membersLine({ members }: GroupView): string {
  const online = members.filter((member) => member.online).length;
  return `${counted(members.length, 'member')}, ${online} online`;
}

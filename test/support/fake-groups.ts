/** The groups of a `FakeClient`: scripted, with just enough memory to answer what was done to them. */
import type { ClientEvent } from '../../src/client/api.ts';
import type {
  GroupActions,
  GroupEvent,
  GroupMemberView,
  GroupSummary,
  GroupView,
} from '../../src/client/group-api.ts';
import type { GroupRole } from '../../src/protocol/group-log.ts';
import { FastChatError } from '../../src/protocol/errors.ts';
import { parseGroupId, parseUserId } from '../../src/protocol/ids.ts';
import type { GroupId, UserId } from '../../src/protocol/ids.ts';

/** A group as a test writes it down: `{ '@alice': 'admin' }`. */
export function groupView(
  name: string,
  members: Readonly<Record<string, GroupRole>>,
  profile: { readonly title?: string; readonly topic?: string } = {},
): GroupView {
  const views = Object.entries(members).map(([user, role]) => ({
    user: parseUserId(user),
    role,
    online: role === 'admin',
  }));
  const { title = '', topic = '' } = profile;
  return { group: parseGroupId(name), title, topic, epoch: 3, members: views };
}

export interface FakeGroupPorts {
  readonly account: UserId;
  /** Notes the call; rejects when the test wants it to. */
  called(method: string, ...args: readonly unknown[]): Promise<void>;
  emit(event: ClientEvent): void;
}

export class FakeGroups implements GroupActions {
  readonly views = new Map<GroupId, GroupView>();
  readonly #ports: FakeGroupPorts;

  constructor(ports: FakeGroupPorts) {
    this.#ports = ports;
  }

  /** The account is in these groups. */
  put(...views: readonly GroupView[]): void {
    for (const view of views) this.views.set(view.group, view);
  }

  summaries(): readonly GroupSummary[] {
    return [...this.views.values()].flatMap(({ group, title, topic, members }) => {
      const own = members.find(({ user }) => user === this.#ports.account);
      return own === undefined ? [] : [{ group, title, topic, role: own.role }];
    });
  }

  async create(
    group: GroupId,
    options: {
      readonly members?: readonly UserId[];
      readonly title?: string;
      readonly topic?: string;
    } = {},
  ): Promise<{ readonly group: GroupId; readonly epoch: number }> {
    const { members = [], title = '', topic = '' } = options;
    await this.#ports.called('group.create', group, members.join('+'), title, topic);
    const all = [
      this.#member(this.#ports.account, 'admin'),
      ...members.map((user) => this.#member(user, 'member')),
    ];
    this.put({ group, title, topic, epoch: 1, members: all });
    this.#tell({ group, change: 'created', user: this.#ports.account, members, title, topic });
    return { group, epoch: 1 };
  }

  async add(group: GroupId, user: UserId, role?: GroupRole): Promise<{ readonly epoch: number }> {
    await this.#ports.called('group.add', group, user, role ?? '');
    const view = this.#view(group);
    const added = this.#member(user, role ?? 'member');
    this.put({ ...view, epoch: view.epoch + 1, members: [...view.members, added] });
    this.#tell({ group, change: 'added', user, role: role ?? 'member' });
    return { epoch: view.epoch + 1 };
  }

  async remove(group: GroupId, user: UserId): Promise<{ readonly epoch: number }> {
    await this.#ports.called('group.remove', group, user);
    const { epoch } = this.#without(group, user);
    this.#tell({ group, change: 'removed', user });
    return { epoch };
  }

  async leave(group: GroupId): Promise<void> {
    await this.#ports.called('group.leave', group);
    this.#without(group, this.#ports.account);
    this.#tell({ group, change: 'left', user: this.#ports.account });
  }

  promote(group: GroupId, user: UserId, role?: GroupRole): Promise<void> {
    return this.#changeRole('promoted', group, this.#member(user, role ?? 'admin'));
  }

  demote(group: GroupId, user: UserId, role?: GroupRole): Promise<void> {
    return this.#changeRole('demoted', group, this.#member(user, role ?? 'member'));
  }

  async transfer(group: GroupId, user: UserId): Promise<void> {
    await this.#ports.called('group.transfer', group, user);
    this.#tell({ group, change: 'transferred', user });
  }

  async rename(group: GroupId, title: string): Promise<void> {
    await this.#ports.called('group.rename', group, title);
    this.#profile({ ...this.#view(group), title });
  }

  async setTopic(group: GroupId, topic: string): Promise<void> {
    await this.#ports.called('group.setTopic', group, topic);
    this.#profile({ ...this.#view(group), topic });
  }

  async delete(group: GroupId): Promise<void> {
    await this.#ports.called('group.delete', group);
    this.views.delete(group);
    this.#tell({ group, change: 'deleted', user: this.#ports.account });
  }

  async info(group: GroupId): Promise<GroupView> {
    await this.#ports.called('group.info', group);
    return this.#view(group);
  }

  #member(user: UserId, role: GroupRole): GroupMemberView {
    return { user, role, online: user === this.#ports.account };
  }

  #view(group: GroupId): GroupView {
    const view = this.views.get(group);
    if (view === undefined) throw new FastChatError('E_NO_SUCH_GROUP', `no group ${group}`);
    return view;
  }

  #without(group: GroupId, gone: UserId): GroupView {
    const view = this.#view(group);
    const members = view.members.filter(({ user }) => user !== gone);
    const next = { ...view, epoch: view.epoch + 1, members };
    this.put(next);
    return next;
  }

  async #changeRole(
    change: 'promoted' | 'demoted',
    group: GroupId,
    { user, role }: GroupMemberView,
  ): Promise<void> {
    await this.#ports.called(`group.${change === 'promoted' ? 'promote' : 'demote'}`, group, user);
    this.#tell({ group, change, user, role });
  }

  #profile(view: GroupView): void {
    this.put(view);
    const { group, title, topic } = view;
    this.#tell({ group, change: 'renamed', user: this.#ports.account, title, topic });
  }

  #tell(event: Omit<GroupEvent, 'type' | 'by' | 'epoch'>): void {
    const epoch = this.views.get(event.group)?.epoch ?? 1;
    this.#ports.emit({ ...event, type: 'group', by: this.#ports.account, epoch });
  }
}

/** The methods of `fastchat rpc` that are about groups. */
import type { GroupActions } from '../../client/group-api.ts';
import type { UserId } from '../../protocol/ids.ts';
import { GROUP_MEMBERS_MAX } from '../../protocol/limits.ts';
import { GROUP_ROLES, groupsOf } from '../group-words.ts';
import type { Accounts } from './accounts.ts';
import { given, method } from './method.ts';
import type { Method } from './method.ts';
import { group, listOf, oneOf, optional, text, user } from './params.ts';

const account = user;
const role = optional(oneOf(GROUP_ROLES));

async function actions(accounts: Accounts, name: UserId): Promise<GroupActions> {
  return groupsOf(await accounts.session(name));
}

/** Most groups have no topic: programs see the field where there is one. */
function topicOf({ topic }: { readonly topic: string }): object {
  return topic === '' ? {} : { topic };
}

function ending(change: 'leave' | 'delete', doc: string): Method {
  return method({
    params: { account, group },
    result: '{}',
    doc,
    run: async (accounts, { account, group }) => {
      await (await actions(accounts, account))[change](group);
      return {};
    },
  });
}

function roleChange(change: 'promote' | 'demote', doc: string): Method {
  return method({
    params: { account, group, user, role },
    result: '{}',
    doc,
    run: async (accounts, { account, group, user, role }) => {
      await (await actions(accounts, account))[change](group, user, role);
      return {};
    },
  });
}

const MEMBERSHIP_METHODS = {
  'group.create': method({
    params: {
      account,
      group,
      members: optional(listOf(user, GROUP_MEMBERS_MAX)),
      title: optional(text),
      topic: optional(text),
    },
    result: '{group, epoch}',
    doc: 'Makes a group with these members, all or nothing; the account becomes its admin.',
    run: async (accounts, { account, group, members, title, topic }) => {
      const act = await actions(accounts, account);
      const made = await act.create(group, given({ members, title, topic }));
      return { group: made.group, epoch: made.epoch };
    },
  }),
  'group.add': method({
    params: { account, group, user, role },
    result: '{epoch}',
    doc: 'Lets a user in, as `role` (default member); an observer reads only. What was written before stays closed to them.',
    run: async (accounts, { account, group, user, role }) => {
      const { epoch } = await (await actions(accounts, account)).add(group, user, role);
      return { epoch };
    },
  }),
  'group.remove': method({
    params: { account, group, user },
    result: '{epoch}',
    doc: 'Puts a member out; what is written from then on is under a new key.',
    run: async (accounts, { account, group, user }) => {
      const { epoch } = await (await actions(accounts, account)).remove(group, user);
      return { epoch };
    },
  }),
  'group.leave': ending(
    'leave',
    'Leaves; the last admin of a group with other members has to promote or transfer first.',
  ),
  'group.delete': ending('delete', 'Ends the group for everybody.'),
} as const;

const ROLE_METHODS = {
  'group.promote': roleChange('promote', 'Gives a member a higher role (default admin).'),
  'group.demote': roleChange('demote', 'Gives a member a lower role (default member).'),
  'group.transfer': method({
    params: { account, group, user },
    result: '{}',
    doc: 'Makes a member an admin and the account, which is one, a member.',
    run: async (accounts, { account, group, user }) => {
      await (await actions(accounts, account)).transfer(group, user);
      return {};
    },
  }),
} as const;

const PROFILE_METHODS = {
  'group.rename': method({
    params: { account, group, title: text },
    result: '{}',
    doc: 'Gives the group a title, which no node can read; the name stays.',
    run: async (accounts, { account, group, title }) => {
      await (await actions(accounts, account)).rename(group, title);
      return {};
    },
  }),
  'group.topic': method({
    params: { account, group, topic: text },
    result: '{}',
    doc: 'Says what the group is about; empty: nothing.',
    run: async (accounts, { account, group, topic }) => {
      await (await actions(accounts, account)).setTopic(group, topic);
      return {};
    },
  }),
  'group.info': method({
    params: { account, group },
    result: '{group, title, epoch, members: [{user, role, online}]}',
    doc: 'Who is in a group, as this device has verified it.',
    run: async (accounts, { account, group }) => {
      const view = await (await actions(accounts, account)).info(group);
      const members = view.members.map(({ user, role, online }) => ({ user, role, online }));
      return { group, title: view.title, ...topicOf(view), epoch: view.epoch, members };
    },
  }),
  groups: method({
    params: { account },
    result: '[{group, title, role}]',
    doc: 'The groups that the account is a member of.',
    run: async (accounts, { account }) => {
      const views = await (await accounts.session(account)).groups();
      return views.map((view) => {
        const { group, title, role } = view;
        return { group, title, ...topicOf(view), role };
      });
    },
  }),
} as const;

export const GROUP_METHODS: Readonly<Record<string, Method>> = {
  ...MEMBERSHIP_METHODS,
  ...ROLE_METHODS,
  ...PROFILE_METHODS,
};

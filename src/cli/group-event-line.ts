/** What happened in a group, in one short line: who did what to whom. */
import type { GroupEvent, GroupEventChange } from '../client/group-api.ts';
import type { UserId } from '../protocol/ids.ts';
import { CHAT_TITLE_COLUMNS } from '../protocol/limits.ts';
import { safeLine } from '../protocol/safe-text.ts';
import { withArticle } from './group-words.ts';
import { counted, shortened } from './text-layout.ts';

/** Names of a creation that are listed; of more, the count says enough. */
const NAMES_LISTED_MAX = 5;

/** What a group was called and about before a change. */
export interface GroupProfileView {
  readonly title: string;
  readonly topic: string;
}

/** A title or a topic in quotes, made safe and no longer than a glance. */
export function quotedTitle(text: string): string {
  return `"${shortened(safeLine(text), CHAT_TITLE_COLUMNS)}"`;
}

/** `@ben`, or `you`. */
function named(user: UserId, self: UserId): string {
  return user === self ? 'you' : user;
}

function membersOf({ members = [] }: GroupEvent, self: UserId): string {
  if (members.length === 0) return '';
  if (members.length > NAMES_LISTED_MAX) return ` with ${counted(members.length, 'other')}`;
  return ` with ${members.map((user) => named(user, self)).join(', ')}`;
}

/** The part of the profile that is another one; all of it where nobody knows what it was. */
function profileChange(event: GroupEvent, before: GroupProfileView | undefined): string {
  const old = before ?? { title: '', topic: '' };
  const { group, title = old.title, topic = old.topic } = event;
  const titleWords =
    title === '' ? `removed the title of ${group}` : `renamed ${group} to ${quotedTitle(title)}`;
  const topicWords =
    topic === ''
      ? `removed the topic of ${group}`
      : `set the topic of ${group} to ${quotedTitle(topic)}`;
  const changes = [
    ...(title === old.title ? [] : [titleWords]),
    ...(topic === old.topic ? [] : [topicWords]),
  ];
  return changes.length === 0 ? `renamed ${group}` : changes.join(' and ');
}

/** A member who may do no less than usual needs no word on it. */
function withRole({ role }: GroupEvent): string {
  return role === undefined || role === 'member' ? '' : ` as ${withArticle(role)}`;
}

/** What `by` did, after the name; `user` is the other one, named. */
type Deed = (event: GroupEvent, user: string) => string;

const DEEDS: Readonly<Record<Exclude<GroupEventChange, 'created' | 'renamed'>, Deed>> = {
  added: (event, user) => `added ${user} to ${event.group}${withRole(event)}`,
  removed: ({ group }, user) => `removed ${user} from ${group}`,
  left: ({ group }) => `left ${group}`,
  promoted: ({ group, role = 'admin' }, user) => `promoted ${user} to ${role} in ${group}`,
  demoted: ({ group, role = 'member' }, user) => `demoted ${user} to ${role} in ${group}`,
  transferred: ({ group }, user) => `transferred ${group} to ${user}`,
  deleted: ({ group }) => `deleted ${group}`,
};

/** `@ada added you to #ops`: safe to print. `before` tells a new title from a new topic. */
export function groupEventLine(event: GroupEvent, self: UserId, before?: GroupProfileView): string {
  const { change, group } = event;
  const by = named(event.by, self);
  if (change === 'created') return `${by} created ${group}${membersOf(event, self)}`;
  if (change === 'renamed') return `${by} ${profileChange(event, before)}`;
  return `${by} ${DEEDS[change](event, named(event.user, self))}`;
}

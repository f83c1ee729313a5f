/** What a group ought to be after what was done to it, and who ought to have read what: the oracle of the property test. */
import type { GroupChange, GroupRole } from '../../../src/protocol/group-log.ts';
import type { UserId } from '../../../src/protocol/ids.ts';

type Members = ReadonlyMap<UserId, GroupRole>;

export type Deed =
  | { readonly type: 'change'; readonly author: UserId; readonly change: GroupChange }
  | { readonly type: 'say'; readonly author: UserId; readonly text: string };

/** Verdicts of deeds that were begun at once, in the order of the deeds, and the members after them. */
export interface Judged {
  readonly verdicts: readonly string[];
  readonly members: Members;
}

/** What becomes of a deed on a group that has these members; empty: there is no group. */
export function judgeOne(members: Members, deed: Deed): Judged {
  const { author } = deed;
  const role = members.get(author);
  const refused = (verdict: string): Judged => ({ verdicts: [verdict], members });
  if (role === undefined) return refused('E_NO_SUCH_GROUP');
  if (deed.type === 'say') return refused(role === 'observer' ? 'E_NOT_ADMIN' : 'done');
  const { change } = deed;
  if (role !== 'admin' && change.type !== 'leave') return refused('E_NOT_ADMIN');
  const after = changed(members, author, change);
  return typeof after === 'string' ? refused(after) : { verdicts: ['done'], members: after };
}

/** From the least to the most. */
const ROLES: readonly GroupRole[] = ['observer', 'member', 'admin'];

/**
 * The members after a change by an admin, or by whoever leaves; or why it must not be. Written from what groups promise,
 * not from what the program does.
 */
function changed(members: Members, author: UserId, change: GroupChange): Members | string {
  const after = new Map(members);
  if (change.type === 'rename') return after;
  if (change.type === 'leave') {
    after.delete(author);
    return ledOrWhy(after);
  }
  if (!('user' in change)) throw new Error(`nobody asks a client to ${change.type}`);
  const { user } = change;
  const before = members.get(user);
  if (change.type === 'add')
    return before === undefined ? after.set(user, change.role) : 'E_ALREADY_MEMBER';
  const isToOthersOnly = change.type === 'remove' || change.type === 'transfer';
  if (isToOthersOnly && user === author) return 'E_USAGE';
  if (before === undefined) return 'E_NOT_MEMBER';
  if (change.type === 'transfer') return after.set(author, 'member').set(user, 'admin');
  if (change.type === 'remove') {
    after.delete(user);
    return after;
  }
  const rise = ROLES.indexOf(change.role) - ROLES.indexOf(before);
  if (change.type === 'promote' ? rise <= 0 : rise >= 0) return 'E_USAGE';
  return ledOrWhy(after.set(user, change.role));
}

function ledOrWhy(members: Members): Members | string {
  const isLed = members.size === 0 || [...members.values()].includes('admin');
  return isLed ? members : 'E_LAST_ADMIN';
}

/** What may become of two deeds at once: one after the other, whichever is first. */
export function judgePair(members: Members, [one, two]: readonly [Deed, Deed]): Judged[] {
  const [firstOne, firstTwo] = [judgeOne(members, one), judgeOne(members, two)];
  const [thenTwo, thenOne] = [judgeOne(firstOne.members, two), judgeOne(firstTwo.members, one)];
  return [
    { verdicts: [...firstOne.verdicts, ...thenTwo.verdicts], members: thenTwo.members },
    { verdicts: [...thenOne.verdicts, ...firstTwo.verdicts], members: thenOne.members },
  ];
}

/** Who has to be shown a message, and who may be; by text. */
export class Readers {
  readonly #must = new Map<string, Set<UserId>>();
  readonly #may = new Map<string, Set<UserId>>();

  said(text: string, author: UserId, before: Members, after: Members): void {
    const others = [...before.keys()].filter((user) => user !== author);
    this.#must.set(text, new Set(others.filter((user) => after.has(user))));
    const all = [...others, ...after.keys()].filter((user) => user !== author);
    this.#may.set(text, new Set(all));
  }

  /** Somebody comes back as a new member without having got what was written before: that may be lost. */
  excuse(user: UserId, unread: (text: string) => boolean): void {
    for (const [text, users] of this.#must) if (unread(text)) users.delete(user);
  }

  /** Every message that somebody has to have been shown. */
  due(user: UserId): string[] {
    return [...this.#must].flatMap(([text, users]) => (users.has(user) ? [text] : []));
  }

  mayRead(user: UserId, text: string): boolean {
    return this.#may.get(text)?.has(user) === true;
  }
}

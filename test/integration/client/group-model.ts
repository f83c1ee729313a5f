/** What a group ought to be after what was done to it, and who ought to have read what: the oracle of the property test. */
import { judgeChange } from '../../../src/protocol/group-rights.ts';
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
  const judged = judgeChange(members, { author, role, change: deed.change });
  if (!judged.ok) return refused(judged.error.code);
  const isOver = deed.change.type === 'delete';
  return { verdicts: ['done'], members: isOver ? new Map() : judged.value };
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

/** What the chain of a group says, as a client has verified it: pure, one operation after the other. */
import { openProfile } from '../../crypto/opening/group-keys.ts';
import { verifyOperation } from '../../crypto/group-operations.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GroupOperation, GroupProfile, PlacedOperation } from '../../protocol/group-log.ts';
import { applyOperation } from '../../protocol/group-roster.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import type { GroupEvent, GroupEventChange } from '../group-api.ts';
import type { GroupKeyring } from './keyring.ts';

/** Never changed in place. */
export interface GroupFacts {
  /** undefined: the chain was not read yet. */
  readonly roster: Roster | undefined;
  /** The entry that let each member in. */
  readonly since: ReadonlyMap<UserId, number>;
  /** undefined: this device has no key that it could be read with. */
  readonly profile: GroupProfile | undefined;
}

export const NO_FACTS: GroupFacts = { roster: undefined, since: new Map(), profile: undefined };

/** An operation that was verified and follows. */
export interface Followed {
  readonly operation: GroupOperation;
  readonly before: GroupFacts;
  readonly facts: GroupFacts;
}

interface Reader {
  readonly suite: OpeningSuite;
  readonly keyring: GroupKeyring;
  readonly self: UserId;
  readonly place: { readonly group: GroupId; readonly incarnation: Incarnation };
}

/**
 * The group after an operation that `identity`, its author's, has signed.
 * @throws E_SIGNATURE, E_BAD_FRAME, E_STALE_EPOCH when it does not follow, and what its author may not do
 */
export function follow(
  { suite, keyring, self, place }: Reader,
  before: GroupFacts,
  { seq, signed }: PlacedOperation,
  identity: Uint8Array,
): Followed {
  const operation = verifyOperation(suite, signed, identity);
  if (operation.group !== place.group || operation.incarnation !== place.incarnation)
    throw new FastChatError('E_SIGNATURE', 'the operation was made for another group');
  const applied = applyOperation(before.roster, operation);
  if (!applied.ok) throw applied.error;
  const roster = ownRoster(applied.value);
  const { change } = operation;
  keyring.note(operation, change.type === 'add' && change.user === self);
  const facts = { roster, since: sinceAfter(before.since, roster, seq), profile: before.profile };
  return { operation, before, facts };
}

/** Title and topic after an operation: only its creation and a renaming may say new ones. */
export function profileAfter(
  suite: OpeningSuite,
  keyring: GroupKeyring,
  { operation, facts }: Followed,
): GroupProfile | undefined {
  const { profile: sealed, change, epoch, group, incarnation } = operation;
  const mayDiffer = change.type === 'create' || change.type === 'rename';
  if (sealed === undefined || (facts.profile !== undefined && !mayDiffer)) return facts.profile;
  const key = keyring.keyOf(epoch);
  if (key === undefined) return facts.profile;
  return openProfile(suite, { group, incarnation, epoch }, sealed, key.key);
}

/** Views of the frame must not outlive it. */
function ownRoster(roster: Roster): Roster {
  const [hash, commitment] = [Uint8Array.from(roster.hash), Uint8Array.from(roster.commitment)];
  return { ...roster, hash, commitment };
}

function sinceAfter(
  before: ReadonlyMap<UserId, number>,
  { members }: Roster,
  seq: number,
): ReadonlyMap<UserId, number> {
  const since = new Map<UserId, number>();
  for (const user of members.keys()) since.set(user, before.get(user) ?? seq);
  return since;
}

const CHANGES: { readonly [T in GroupOperation['change']['type']]: GroupEventChange | undefined } =
  {
    create: 'created',
    add: 'added',
    remove: 'removed',
    leave: 'left',
    promote: 'promoted',
    demote: 'demoted',
    transfer: 'transferred',
    rename: 'renamed',
    delete: 'deleted',
    rekey: undefined,
  };

/** What people are told of an operation. */
export function eventsOf(
  { operation, before }: Followed,
  profile: GroupProfile | undefined,
  self: UserId,
): readonly GroupEvent[] {
  const { group, author: by, epoch, change } = operation;
  const name = CHANGES[change.type];
  if (name === undefined) return [];
  const user = 'user' in change ? change.user : by;
  const role = 'role' in change ? { role: change.role } : {};
  const isNaming = change.type === 'create' || change.type === 'rename';
  const words = isNaming && profile !== undefined ? profile : {};
  const event: GroupEvent = { type: 'group', group, change: name, user, by, epoch, ...role };
  if (change.type !== 'create' || before.roster !== undefined) return [{ ...event, ...words }];
  const created = { ...event, ...words, members: change.members.map((member) => member.user) };
  const own = change.members.find((member) => member.user === self);
  // Whoever waits to be let in hears of it in the same words, whichever way it happened.
  const added = { ...event, change: 'added', user: self, role: own?.role ?? 'member' } as const;
  return own === undefined ? [created] : [created, added];
}

/** What each message needs from the store before its step can run: read here, so that steps stay pure. */
import { operationHash, verifyOperation } from '../../crypto/group-operations.ts';
import type { GroupOperation } from '../../protocol/group-log.ts';
import type { VerifyingSuite } from '../../crypto/suite.ts';
import { fail, succeed } from '../../protocol/calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import type { GroupRequest } from '../../protocol/group-calls.ts';
import type { UserId } from '../../protocol/ids.ts';
import { GROUP_KEYS_PULL_MAX, PULL_ENTRIES_MAX, STORE_RANGE_MAX } from '../../protocol/limits.ts';
import { LOG_START } from '../runtime/log-mark.ts';
import type { GroupReader, LifeReader } from './group-reader.ts';
import { gotBy } from './marks.ts';
import type { Fact, Found, GroupFact, GroupMsg, TakenOperation } from './messages.ts';
import { pairKey } from './pairs.ts';
import { lifeNamed, reachOf } from './reading.ts';
import type { StayRecord } from './records.ts';
import { lifeToPurge } from './retention.ts';
import type { GroupState } from './state.ts';

/** Where what a step needs comes from. */
export interface Sources {
  readonly reader: GroupReader;
  readonly suite: VerifyingSuite;
}

type Named<T extends GroupRequest['type']> = Extract<GroupRequest, { type: T }>;
type PlainRequest = Exclude<GroupRequest, Named<'groupOperate'>>;

/** A request as its step needs it. */
export function gatherAsk(
  state: GroupState,
  request: PlainRequest,
  replyTo: number,
  { reader }: Sources,
): GroupMsg {
  const found = findersByName.get(request.type)?.(state, request, reader);
  // The compiler cannot see that `found` belongs to the request's own type; `finders` says so.
  return { ...request, replyTo, found } as GroupMsg;
}

/** An operation as its step needs it, once it is known who its author is. */
export function gatherOperation(
  state: GroupState,
  { request, replyTo, identity }: Fact<'identified'>,
  { reader, suite }: Sources,
): GroupMsg {
  const operation = identity.ok ? verified(suite, request.signed, identity.value) : identity;
  const taken = operation.ok ? takenAt(state, operation.value, { reader, suite }) : undefined;
  const stays = formerStays(state, request.author, reader);
  return { ...request, replyTo, found: { operation, taken, stays } };
}

/** A fact as its step needs it. */
export function gatherFact(
  state: GroupState,
  fact: Exclude<GroupFact, Fact<'identified'>>,
  { reader }: Sources,
): GroupMsg {
  if (fact.type === 'retain') return { ...fact, found: headsToRetain(state, fact.limit, reader) };
  if (fact.type === 'sweep') return { ...fact, found: leftovers(state, reader) };
  if (fact.type === 'purge') return { ...fact, found: keysToPurge(state, reader) };
  return fact;
}

type Finders = {
  readonly [K in keyof Found & PlainRequest['type']]: (
    state: GroupState,
    request: Named<K>,
    reader: GroupReader,
  ) => Found[K];
};

/** Requests that are not here need nothing. */
const finders: Finders = {
  groupAppend: (state, { envelope }, reader) => {
    const { from, device } = envelope;
    const life = lifeOf(state, reader);
    const isKnown = state.pairs.has(pairKey(from, device));
    const pairs = isKnown ? [] : (life?.pairsOf(from) ?? []);
    return { pairs, stays: formerStays(state, from, reader) };
  },
  groupPull: entriesToPull,
  groupChain: operationsToPull,
  groupKeys: (state, { asker, from }, reader) => ({
    seals: lifeOf(state, reader)?.sealsOf(asker, from, GROUP_KEYS_PULL_MAX + 1) ?? [],
  }),
  groupSubscribe: (state, { user }, reader) => ({
    got: lifeOf(state, reader)?.markAt(gotBy(state, user), state.log.floor) ?? LOG_START,
  }),
};

type Finder = (state: GroupState, request: GroupRequest, reader: GroupReader) => unknown;
const findersByName = new Map(Object.entries(finders) as ReadonlyArray<readonly [string, Finder]>);

function lifeOf({ now }: GroupState, reader: GroupReader): LifeReader | undefined {
  return now === undefined ? undefined : reader.life(now.life);
}

/** Only of somebody who is no member: members are in memory. */
function formerStays(state: GroupState, user: UserId, reader: GroupReader): readonly StayRecord[] {
  if (state.now?.since.has(user) === true) return [];
  return lifeOf(state, reader)?.staysOf(user) ?? [];
}

/** Never beyond what is flushed (I2), nor anything of a time at which the asker was no member. */
function entriesToPull(
  state: GroupState,
  { asker, incarnation, from, limit }: Named<'groupPull'>,
  reader: GroupReader,
): Found['groupPull'] {
  const stays = lifeOf(state, reader)?.staysOf(asker) ?? [];
  const view = lifeNamed(state, incarnation);
  const reach = view && reachOf(state, asker, stays);
  if (view === undefined || reach === undefined) return { stays, entries: [], upTo: 0 };
  const { stretches } = reach;
  const index = stretches.findIndex(({ until }) => until >= from);
  const stretch = stretches[index];
  if (stretch === undefined) return { stays, entries: [], upTo: stretches.at(-1)?.until ?? 0 };
  const range = {
    from: Math.max(from, stretch.since),
    to: stretch.until,
    limit: Math.min(Math.max(1, limit), PULL_ENTRIES_MAX),
  };
  const { entries, upTo } = reader.life(view.life).entries(range, incarnation);
  const next = stretches[index + 1];
  const isWhole = next !== undefined && upTo === stretch.until;
  return { stays, entries, upTo: isWhole ? next.since - 1 : upTo };
}

function operationsToPull(
  state: GroupState,
  { asker, incarnation, from, limit }: Named<'groupChain'>,
  reader: GroupReader,
): Found['groupChain'] {
  const stays = lifeOf(state, reader)?.staysOf(asker) ?? [];
  const view = lifeNamed(state, incarnation);
  const reach = view && reachOf(state, asker, stays);
  if (view === undefined || reach === undefined) return { stays, operations: [] };
  const most = Math.min(Math.max(1, limit), PULL_ENTRIES_MAX);
  const range = { from: Math.max(1, from), to: reach.position, limit: most };
  return { stays, operations: reader.life(view.life).operations(range) };
}

function verified(
  suite: VerifyingSuite,
  signed: Uint8Array,
  identity: Uint8Array,
): Outcome<GroupOperation> {
  try {
    return succeed(verifyOperation(suite, signed, identity));
  } catch (cause) {
    return fail(asFastChatError(cause));
  }
}

/** The operation at this place of this life, from memory while its commit is under way. */
function takenAt(
  state: GroupState,
  { incarnation, position }: GroupOperation,
  { reader, suite }: Sources,
): TakenOperation | undefined {
  const roster = state.now?.roster;
  if (roster?.incarnation !== incarnation || position > roster.position) return undefined;
  const fresh = state.taken.get(position);
  if (fresh !== undefined) return fresh;
  const record = lifeOf(state, reader)?.operation(position);
  if (record === undefined) return undefined;
  const { seq, at, epoch, signed } = record;
  return { seq, at, epoch, hash: operationHash(suite, signed) };
}

/** Only what is flushed may go, so only that is looked at. */
function headsToRetain(state: GroupState, limit: number, reader: GroupReader): Found['retain'] {
  const { floor, committed } = state.log;
  const range = { from: floor.seq + 1, to: committed.seq, limit };
  return { oldest: lifeOf(state, reader)?.heads(range) ?? [] };
}

function leftovers(state: GroupState, reader: GroupReader): Found['sweep'] {
  const life = lifeOf(state, reader);
  return { seals: life?.seals() ?? [], stays: life?.stays() ?? [] };
}

function keysToPurge(state: GroupState, reader: GroupReader): Found['purge'] {
  const life = lifeToPurge(state);
  return { keys: life === undefined ? [] : reader.life(life).keys(STORE_RANGE_MAX) };
}

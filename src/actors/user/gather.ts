/** What each message needs from the store before its step can run: read here, so that steps stay pure. */
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import { PULL_ENTRIES_MAX } from '../../protocol/limits.ts';
import type { UserCallName, UserRequest } from '../../protocol/user-calls.ts';
import { sliceEnd } from './delivery.ts';
import { recentHeads } from './log.ts';
import type { MailboxReader } from './mailbox-reader.ts';
import type { EntryHead, Found, HeadsFound, UserFact, UserMsg } from './messages.ts';
import { pairKey } from './pairs.ts';
import type { PairRecord } from './records.ts';
import type { UserState } from './state.ts';

/** Where what a step needs comes from. */
export interface Sources {
  readonly reader: MailboxReader;
  /** A name for a new log, never given before. */
  newIncarnation(): Incarnation;
}

const NOTHING: HeadsFound = { heads: [], pairs: [] };

/** A request as its step needs it. */
export function gatherAsk(
  state: UserState,
  request: UserRequest,
  replyTo: number,
  sources: Sources,
): UserMsg {
  const found = findersByName.get(request.type)?.(state, request, sources);
  // The compiler cannot see that `found` belongs to the request's own type; `finders` says so.
  // The request comes last: V8 takes ten times as long to add fields to a copy.
  return { replyTo, found, ...request } as UserMsg;
}

/** A fact as its step needs it. */
export function gatherFact(state: UserState, fact: UserFact, { reader }: Sources): UserMsg {
  if (fact.type === 'settle') return { ...fact, found: headsToSettle(state, 0, reader) };
  if (fact.type === 'retain') return { ...fact, found: headsToRetain(state, fact.limit, reader) };
  return fact;
}

type Finders = {
  readonly [K in keyof Found & UserCallName]: (
    state: UserState,
    request: Extract<UserRequest, { type: K }>,
    sources: Sources,
  ) => Found[K];
};

const findVault = (_state: unknown, _request: unknown, { reader }: Sources): Found['vault'] => ({
  vault: reader.vault(),
});

/** Requests that are not here need nothing. */
const finders: Finders = {
  append: (state, { envelope }, { reader }) => {
    const { from, device } = envelope;
    // Nearly always: the path of every message, which spares the search for what is missing.
    if (state.pairs.has(pairKey(from, device))) return NOTHING;
    return { pairs: missingPairs(state, [envelope], reader) };
  },
  ack: (state, { upTo }, { reader }) => headsToSettle(state, upTo, reader),
  pull: (state, request, { reader }) => entriesToPull(state, request, reader),
  receipts: (_state, { sender }, { reader }) => ({ pairs: reader.pairsOf(sender) }),
  expired: (_state, { by }, { reader }) => ({ seen: reader.seen(by) }),
  register: (_state, _request, sources) => ({ incarnation: sources.newIncarnation() }),
  vault: findVault,
  putVault: findVault,
  changePassword: findVault,
};

type Finder = (state: UserState, request: UserRequest, sources: Sources) => unknown;
const findersByName = new Map(Object.entries(finders) as ReadonlyArray<readonly [string, Finder]>);

/** The pairs of these senders, where one of them is not in memory. */
function missingPairs(
  state: UserState,
  senders: ReadonlyArray<{ readonly from: UserId; readonly device: DeviceId }>,
  reader: MailboxReader,
): PairRecord[] {
  const asked = new Set<string>();
  const pairs: PairRecord[] = [];
  for (const { from, device } of senders) {
    const key = pairKey(from, device);
    if (state.pairs.has(key) || asked.has(key)) continue;
    asked.add(key);
    // All devices of the sender: bounds are per sender.
    pairs.push(...reader.pairsOf(from));
  }
  return pairs;
}

function headsToSettle(state: UserState, upTo: number, reader: MailboxReader): HeadsFound {
  const { log } = state;
  const end = sliceEnd(state, upTo);
  if (end <= log.settled.seq) return NOTHING;
  const recent = recentHeads(log, log.settled.seq, end);
  const heads: readonly EntryHead[] =
    recent ?? reader.heads({ from: log.settled.seq + 1, to: end, limit: end - log.settled.seq });
  return { heads, pairs: missingPairs(state, heads, reader) };
}

/** Only what is flushed may go, so only that is looked at. */
function headsToRetain(state: UserState, limit: number, reader: MailboxReader): Found['retain'] {
  const { floor, settled, committed } = state.log;
  const slice = { to: committed.seq, limit };
  const oldest = reader.heads({ ...slice, from: floor + 1, to: settled.seq });
  const undelivered = reader.heads({ ...slice, from: settled.seq + 1 });
  return { oldest, undelivered, pairs: missingPairs(state, undelivered, reader) };
}

/** Never beyond what is flushed (I2). */
function entriesToPull(
  state: UserState,
  request: Extract<UserRequest, { type: 'pull' }>,
  reader: MailboxReader,
): Found['pull'] {
  const to = state.log.committed.seq;
  if (state.account === undefined || !state.devices.has(request.device))
    return { entries: [], upTo: to };
  const limit = Math.min(Math.max(1, request.limit), PULL_ENTRIES_MAX);
  return reader.entries({ from: request.from, to, limit }, state.account.incarnation);
}

/** Makes the parts of a client that are about groups; nothing here decides anything. */
import { FastChatError } from '../../protocol/errors.ts';
import type { GroupId } from '../../protocol/ids.ts';
import type { MessageChains } from '../inbox/message-chains.ts';
import type { TrustedSealing } from '../outbox/sealing.ts';
import type { Base, Online } from '../parts.ts';
import type { Reads } from '../reads.ts';
import { GroupAdmission } from './group-admission.ts';
import { GroupCalls } from './group-calls.ts';
import { KeyRenewal } from './key-renewal.ts';
import { GroupReceipts } from './group-receipts.ts';
import { Groups } from './groups.ts';
import { MemberKeys } from './member-keys.ts';
import { GroupOperations } from './operations.ts';
import { ReceiptQuestions } from './receipt-questions.ts';
import { Resealing } from './resealing.ts';

export interface GroupParts {
  readonly groups: Groups;
  readonly groupOperations: GroupOperations;
  readonly groupReceipts: GroupReceipts;
  readonly groupQuestions: ReceiptQuestions;
  readonly resealing: Resealing;
  readonly keyRenewal: KeyRenewal;
}

interface Hooks {
  readonly chains: MessageChains;
  readonly reads: Reads;
  /** What messages to the group were sealed with holds no longer. */
  readonly onOutdated: (group: GroupId) => void;
}

export function makeGroups(
  base: Base,
  { connection, directory, vaults }: Online,
  { chains, reads, onOutdated }: Hooks,
): GroupParts {
  const { self, store, keys, events, history, waiters, book } = base;
  const { clock, random, suite } = base.ports;
  const receipts = new GroupReceipts({
    self,
    store,
    keys,
    history,
    events,
    waiters,
    onRead: (tx, local, seq) => {
      const { group, incarnation } = local;
      if (local.readUpTo(tx, seq))
        reads.markGroupElsewhere(tx, group, { incarnation, logSeq: seq });
    },
  });
  const calls = new GroupCalls({ clock, random, connection, book, vaults });
  const admission = new GroupAdmission({ self, history, chains, receipts, events });
  const groups = new Groups({
    self,
    clock,
    random,
    suite,
    store,
    keys,
    events,
    book,
    directory,
    connection,
    calls,
    admission,
    session: () => connection.session,
    onChanged: ({ group }) => onOutdated(group),
  });
  const memberKeys = new MemberKeys({ clock, random, suite, book, directory });
  const acting = { self, clock, suite, book, groups, calls, memberKeys };
  const groupOperations = new GroupOperations(acting);
  const renewing = { store, keys, book, vaults, events, groups, operations: groupOperations };
  return {
    groups,
    groupOperations,
    groupReceipts: receipts,
    groupQuestions: new ReceiptQuestions({ groups, receipts, calls }),
    resealing: new Resealing({ clock, suite, store, book, connection, groups }),
    keyRenewal: new KeyRenewal(renewing),
  };
}

/**
 * What messages to a group are sealed with, brought up to date first; makes a fresh key when one is due.
 * @throws E_NO_SUCH_GROUP, E_NOT_ADMIN for an observer, E_DECRYPT without the key, E_RATE_LIMITED while others make one
 */
export async function fetchGroupSealing(
  { groups, groupOperations }: GroupParts,
  group: GroupId,
  isFresh: boolean,
): Promise<TrustedSealing> {
  const feed = await groups.mine(group);
  if (isFresh) await feed.refresh();
  await groups.checkWriter(group);
  await groupOperations.rekeyIfDue(group);
  await groups.learnKey(group);
  const sealing = groups.cachedSealing(group);
  if (sealing !== undefined) return sealing;
  if (feed.local.facts.roster?.rekeyDue === true)
    throw new FastChatError('E_RATE_LIMITED', `a new key for ${group} is being made`);
  throw new FastChatError('E_DECRYPT', `this device was not given the key of ${group}`);
}

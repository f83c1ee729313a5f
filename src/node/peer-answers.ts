/** What this node answers when another one asks on behalf of an operator. */
import { allShards } from '../cluster/shards.ts';
import type { UserId } from '../protocol/ids.ts';
import { LISTED_USERS_MAX } from '../protocol/limits.ts';
import { askUser } from './ask-user.ts';
import type { ChatNode } from './node.ts';
import type { PeerReply } from './peer-calls.ts';
import type { PeerAnswers } from './peers.ts';

type ListedUser = PeerReply<'users'>['users'][number];

async function describe({ courier }: ChatNode, user: UserId): Promise<ListedUser> {
  const [stats, presence] = await Promise.all([
    askUser(courier, user, { type: 'mailboxStats' }),
    askUser(courier, user, { type: 'presence', asker: user }),
  ]);
  const { sessions, devices } = stats;
  return { user, online: sessions > 0, lastSeen: presence.lastSeen, devices };
}

async function usersHere(node: ChatNode): Promise<PeerReply<'users'>> {
  const { cluster, actors } = node;
  // One more than are shown tells whether there are more.
  const found = allShards(cluster.directory.shards)
    .filter((shard) => cluster.ownership.servedEpoch(shard) !== undefined)
    .flatMap((shard) => actors.usersIn(shard, LISTED_USERS_MAX + 1));
  const listed = found.toSorted().slice(0, LISTED_USERS_MAX);
  const described = await Promise.all(listed.map((user) => describe(node, user)));
  return { users: described, isCut: found.length > listed.length };
}

export function peerAnswers(node: ChatNode, version: string): PeerAnswers {
  const { clock } = node.ports;
  const startedMs = clock.mono();
  return {
    about: () => ({
      version,
      upMs: Math.round(clock.mono() - startedMs),
      served: node.cluster.ownership.servedCount,
    }),
    users: () => usersHere(node),
    replication: ({ shard }) => node.cluster.replicaSets.replication(shard),
    rebalance: () => {
      node.cluster.rebalance();
      return {};
    },
  };
}

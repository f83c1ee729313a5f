/** How a starting node gets its place: as the member it was, as a new member by a join token, or as the first of a cluster. */
import { readFile } from 'node:fs/promises';
import { joinCluster } from '../cluster/join.ts';
import type { JoinPorts } from '../cluster/join.ts';
import { parseJoinToken } from '../cluster/join-token.ts';
import type { JoinToken } from '../cluster/join-token.ts';
import type { ClusterView, Member } from '../cluster/members.ts';
import type { VerifyingSuite } from '../crypto/suite.ts';
import { decode } from '../protocol/codec.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import { parseNodeId } from '../protocol/ids.ts';
import type { NodeId } from '../protocol/ids.ts';
import { clusterKeys, createClusterKeys } from './cluster-keys.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import type { NodeHome, NodeIdentity } from './node-home.ts';

export interface Place {
  readonly identity: NodeIdentity;
  readonly keys: ClusterKeys;
  /** Known only right after joining; later the node's own store remembers. */
  readonly view: ClusterView | undefined;
}

export interface EnterPorts extends JoinPorts {
  readonly home: NodeHome;
  readonly suite: VerifyingSuite;
  readonly readStdin: () => Promise<string>;
}

export interface EnterOptions {
  /** Asked for by the operator; undefined: what is free. */
  readonly name: NodeId | undefined;
  /** A join token's file, or `-`. */
  readonly join: string | undefined;
  readonly dev: boolean;
  /** Makes the new cluster of a first node known to its coordinator; undefined: the coordinator is this node's own. */
  readonly claim: ((clusterId: Uint8Array, first: NodeId) => Promise<void>) | undefined;
  /** Addresses of this node; the gate is not open yet, so its port may be 0. */
  readonly member: Omit<Member, 'node'>;
}

const NAMES_TRIED_MAX = 256;

/** Before the mesh opens: who this node is, and whether it has a place already. */
export async function rememberPlace(home: NodeHome): Promise<Place | undefined> {
  const identity = await home.readIdentity();
  const keys = await home.readClusterKeys();
  return identity === undefined || keys === undefined
    ? undefined
    : { identity, keys, view: undefined };
}

async function readToken(ports: EnterPorts, source: string): Promise<JoinToken> {
  if (source === '-') return parseJoinToken(await ports.readStdin());
  try {
    return parseJoinToken(await readFile(source, 'utf8'));
  } catch (cause) {
    if (cause instanceof FastChatError) throw cause;
    throw new FastChatError('E_CONFIG', `join: cannot read ${source}`, { cause });
  }
}

async function joinAs(
  ports: EnterPorts,
  token: JoinToken,
  identity: NodeIdentity,
  member: EnterOptions['member'],
): Promise<Place> {
  const grant = await joinCluster(ports, token, { ...member, node: identity.name });
  return {
    identity: { ...identity, coordinator: grant.coordinator },
    keys: decode(clusterKeys, grant.keys),
    view: grant.view,
  };
}

/** Without a wished name: the first of n1, n2, … that no other node has. */
async function joinByToken(
  ports: EnterPorts,
  identity: NodeIdentity,
  options: EnterOptions & { readonly join: string },
): Promise<Place> {
  const token = await readToken(ports, options.join);
  const { name, member } = options;
  if (name !== undefined) return joinAs(ports, token, { ...identity, name }, member);
  for (let number = 1; number <= NAMES_TRIED_MAX; number += 1) {
    try {
      const free = { ...identity, name: parseNodeId(`n${number}`) };
      return await joinAs(ports, token, free, member);
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_NAME_TAKEN') throw cause;
    }
  }
  throw new FastChatError('E_NAME_TAKEN', 'n1, n2, … are all taken: choose a --name');
}

/** A member that moved to other addresses: the others cannot be told over a mesh that they cannot reach it by. */
export async function announceMove(
  ports: EnterPorts,
  place: Place,
  options: Pick<EnterOptions, 'member'> & { readonly join: string },
): Promise<Place> {
  const token = await readToken(ports, options.join);
  const moved = await joinAs(ports, token, place.identity, options.member);
  return { ...place, view: moved.view };
}

/** Joins, or makes a cluster of one; writes what it got to the data directory before it returns. */
export async function enterCluster(
  ports: EnterPorts,
  identity: NodeIdentity,
  options: EnterOptions,
): Promise<Place> {
  const { home } = ports;
  const { join } = options;
  if (join === undefined) return await foundCluster(ports, identity, options);
  const place = await joinByToken(ports, identity, { ...options, join });
  await home.writeClusterKeys(place.keys);
  await home.writeIdentity(place.identity);
  return place;
}

/** The keys are on disk before anybody hears of the cluster: a first start that was cut short goes on with the same ones. */
async function foundCluster(
  { home, suite, random }: EnterPorts,
  identity: NodeIdentity,
  { claim, dev }: EnterOptions,
): Promise<Place> {
  const keys =
    (await home.readClusterKeys()) ??
    (await createClusterKeys(suite, random, dev ? 'weak' : 'standard'));
  await home.writeClusterKeys(keys);
  await claim?.(keys.clusterId, identity.name);
  const coordinator = claim === undefined ? identity.name : undefined;
  const place = { identity: { ...identity, coordinator }, keys, view: undefined };
  await home.writeIdentity(place.identity);
  return place;
}

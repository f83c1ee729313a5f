/** The place a node has in a cluster, checked against its store: a directory is whole, or it is refused. */
import { createTlsNetwork } from '../net/tls-links.ts';
import { ShardDirectory } from '../cluster/shard-map.ts';
import type { VerifyingSuite } from '../crypto/suite.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { ProcessIo } from '../ops/process-io.ts';
import { systemRandom } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { FastChatError } from '../protocol/errors.ts';
import { parseNodeId } from '../protocol/ids.ts';
import { announceMove, enterCluster, rememberPlace } from './enter-cluster.ts';
import type { EnterOptions, Place } from './enter-cluster.ts';
import { claimInEtcd } from './etcd-access.ts';
import type { EtcdAccess } from './etcd-access.ts';
import { memberAt, settleAddresses, withPorts } from './node-addresses.ts';
import type { NodeAddresses } from './node-addresses.ts';
import { newIdentity } from './node-home.ts';
import type { NodeHome } from './node-home.ts';

export interface PlaceOptions {
  readonly config: NodeConfig;
  readonly io: ProcessIo;
  readonly log: Log;
  readonly home: NodeHome;
  readonly suite: VerifyingSuite;
  readonly store: ShardStore;
  /** Undefined: the coordinator is embedded. */
  readonly etcd: EtcdAccess | undefined;
}

/**
 * In the store: `entering` before the keys are written, `member` after. A member whose store is gone would serve its
 * shards empty, and a store without its keys would become a new cluster; both are worse than not starting.
 */
const MARK = 'place';
const ENTERING = Uint8Array.of(1);
const MEMBER = Uint8Array.of(2);

function isMember(mark: Uint8Array | undefined): boolean {
  return mark?.[0] === MEMBER[0];
}

function checkWhole({ home, store }: PlaceOptions, known: Place | undefined): void {
  const mark = store.getMeta(MARK);
  if (known === undefined && isMember(mark))
    throw new FastChatError(
      'E_IO',
      `${home.directory} has a store but not its keys (node.keys, cluster.keys): restore them from a backup`,
    );
  if (known !== undefined && mark === undefined)
    throw new FastChatError(
      'E_IO',
      `${home.directory} has the keys of ${known.identity.name} but not its store: restore it from a backup; to give up what it held, join as a new node with an empty directory`,
    );
}

/** The place of the last start, or a new one. @throws E_IO (half of the directory is missing), E_CONFIG, E_AUTH, … */
export async function takePlace(
  options: PlaceOptions,
): Promise<{ readonly place: Place; readonly addresses: NodeAddresses }> {
  const { home, store } = options;
  const known = await rememberPlace(home);
  checkWhole(options, known);
  if (known === undefined) await store.putMeta(MARK, ENTERING);
  const taken = await take(options);
  await saveMap(store, taken.place);
  if (!isMember(store.getMeta(MARK))) await store.putMeta(MARK, MEMBER);
  return taken;
}

/** Before anything else, so that whoever has a place knows the others. */
async function saveMap(store: ShardStore, { view }: Place): Promise<void> {
  if (view === undefined) return;
  const directory = new ShardDirectory(store);
  directory.adopt(view);
  await directory.saved();
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** A token is not needed by a member: one that does not work any more only means that the others are not told. */
function stay(log: Log, place: Place, cause: unknown): Place {
  log.event('warn', 'join_refused', errorFields(cause));
  return place;
}

async function take(
  options: PlaceOptions,
): Promise<{ readonly place: Place; readonly addresses: NodeAddresses }> {
  const { config, io, log, home, suite, store, etcd } = options;
  const ports = {
    home,
    suite,
    network: createTlsNetwork({ clock: io.clock }),
    clock: io.clock,
    random: systemRandom,
    readStdin: () => readAll(io.stdin),
  };
  const known = await rememberPlace(home);
  const identity = known?.identity ?? newIdentity(config.name ?? parseNodeId('n1'));
  const addresses = await settleAddresses(config, identity);
  const withNewPorts = withPorts(identity, addresses);
  if (known !== undefined) {
    if (config.name !== undefined && config.name !== identity.name)
      throw new FastChatError(
        'E_CONFIG',
        `name: this data directory belongs to the node ${identity.name}, not to ${config.name}`,
      );
    await home.writeIdentity(withNewPorts);
    const place = { ...known, identity: withNewPorts };
    const hasMoved = withNewPorts.meshPort !== identity.meshPort;
    // One that died before it stored the map knows no other node, and none would hear it: it knocks again.
    const isLost = new ShardDirectory(store).members.length === 0;
    if (!(hasMoved || isLost) || config.join === undefined) return { place, addresses };
    const member = memberAt(addresses, { publicKey: identity.curvePublicKey });
    const moved = announceMove(ports, place, { member, join: config.join });
    return { place: await moved.catch((cause: unknown) => stay(log, place, cause)), addresses };
  }
  const member = memberAt(addresses, { publicKey: identity.curvePublicKey });
  const { name, join: token, dev, shards } = config;
  const claim: EnterOptions['claim'] =
    etcd && ((clusterId, first) => claimInEtcd(etcd, { clusterId, shards, first }));
  const place = await enterCluster(ports, withNewPorts, { name, join: token, dev, claim, member });
  return { place, addresses };
}

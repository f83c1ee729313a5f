/**
 * Two real nodes in this process (LMDB, ZeroMQ with CURVE, TLS) whose frames are recorded inside the encryption of their
 * transports: what an operator sees who owns both.
 */
import { createNactHost } from '../../src/actors/runtime/nact-host.ts';
import { serveCoordinator } from '../../src/cluster/coordinator-server.ts';
import { EmbeddedCoordinator } from '../../src/cluster/embedded-coordinator.ts';
import { RemoteCoordinator } from '../../src/cluster/remote-coordinator.ts';
import type { Member } from '../../src/cluster/members.ts';
import { createPasswordServer } from '../../src/crypto/opaque-server.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { identityFingerprint } from '../../src/net/certificate.ts';
import type { ClientLink, ClientLinkEvents, LinkNetwork } from '../../src/net/client-link.ts';
import { createTlsNetwork } from '../../src/net/tls-links.ts';
import type { Transport } from '../../src/net/transport.ts';
import { generateCurveKeys } from '../../src/net/zmq-curve.ts';
import { openZmqTransport } from '../../src/net/zmq-transport.ts';
import { createClusterKeys, signingKeysOf, tlsIdentityOf } from '../../src/node/cluster-keys.ts';
import type { ClusterKeys } from '../../src/node/cluster-keys.ts';
import { ChatNode } from '../../src/node/node.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { createLog } from '../../src/ops/log.ts';
import { systemRandom } from '../../src/ops/random.ts';
import { openLmdbShardStore } from '../../src/persist/lmdb-shard-store.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import {
  DEFAULT_LIMITS,
  HISTORY_RETENTION_DEFAULT_MS,
  MAILBOX_TTL_DEFAULT_MS,
  REPLICA_REPLACE_DEFAULT_MS,
} from '../../src/protocol/limits.ts';

/** Everything that passed one kind of wire, in order. */
export interface Tape {
  readonly gate: Buffer[];
  readonly mesh: Buffer[];
  readonly log: Buffer[];
}

/** The same link; what is sent and received is put on the tape. */
function tappedLink(link: ClientLink, tape: Buffer[]): ClientLink {
  return {
    send(frame) {
      tape.push(Buffer.from(frame));
      return link.send(frame);
    },
    get receivedBytes() {
      return link.receivedBytes;
    },
    get pendingBytes() {
      return link.pendingBytes;
    },
    close: (reason) => link.close(reason),
    destroy: (reason) => link.destroy(reason),
    source: link.source,
    trust: () => link.trust(),
  };
}

function tappedNetwork(network: LinkNetwork, tape: Buffer[]): LinkNetwork {
  return {
    dial: (target, events) => network.dial(target, events),
    listen: (options) =>
      network.listen({
        ...options,
        onLink: (link): ClientLinkEvents => {
          const events = options.onLink(tappedLink(link, tape));
          return {
            ...events,
            onFrame: (frame) => {
              tape.push(Buffer.from(frame));
              events.onFrame(frame);
            },
          };
        },
      }),
  };
}

function tappedTransport(transport: Transport, tape: Buffer[]): Transport {
  return {
    self: transport.self,
    endpoint: transport.endpoint,
    start: (events) => transport.start(events),
    connect: (peer) => transport.connect(peer),
    forget: (peer) => transport.forget(peer),
    send(peer, frame) {
      tape.push(Buffer.from(frame));
      return transport.send(peer, frame);
    },
    close: () => transport.close(),
  };
}

const FIRST = parseNodeId('n1');

export class TappedCluster {
  readonly tape: Tape = { gate: [], mesh: [], log: [] };
  readonly nodes: ChatNode[] = [];
  readonly #directory: string;
  readonly #keys: ClusterKeys;
  readonly #closing: Array<() => Promise<void>> = [];

  private constructor(directory: string, keys: ClusterKeys) {
    this.#directory = directory;
    this.#keys = keys;
  }

  static async start(directory: string): Promise<TappedCluster> {
    const suite = await createVerifyingSuite();
    const keys = await createClusterKeys(suite, systemRandom, 'weak');
    const cluster = new TappedCluster(directory, keys);
    for (const name of ['n1', 'n2']) await cluster.#add(name);
    return cluster;
  }

  get gates(): ReadonlyArray<{ readonly host: string; readonly port: number }> {
    return this.nodes.map(({ gate }) => ({ host: gate.host, port: gate.port }));
  }

  get fingerprint(): Uint8Array {
    return identityFingerprint(tlsIdentityOf(this.#keys));
  }

  async stop(): Promise<void> {
    for (const node of this.nodes.toReversed()) await node.stop();
    for (const close of this.#closing) await close();
  }

  async #add(name: string): Promise<void> {
    const self = parseNodeId(name);
    const keys = this.#keys;
    const [clock, random, curve] = [systemClock, systemRandom, generateCurveKeys()];
    const sink = { write: (line: string) => void this.tape.log.push(Buffer.from(line)) };
    const log = createLog({ level: 'debug', clock, sink });
    const store = await openLmdbShardStore({
      directory: `${this.#directory}/${name}`,
      clock,
      limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
      onFailure: (error) => this.tape.log.push(Buffer.from(error.message)),
    });
    this.#closing.push(() => store.close());
    const bind = 'tcp://127.0.0.1:0';
    const transport = await openZmqTransport({ self, bind, curve, clock });
    const member: Member = {
      node: self,
      meshEndpoint: transport.endpoint,
      curveKey: curve.publicKey,
      gateHost: '127.0.0.1',
      gatePort: 0,
    };
    const view = await this.nodes[0]?.coordinator.join(member);
    const tls = createTlsNetwork({ identity: tlsIdentityOf(keys), clock });
    const node = await ChatNode.start(
      {
        self,
        bootId: random.bytes(16),
        clock,
        random,
        log,
        store,
        transport: tappedTransport(transport, this.tape.mesh),
        openCoordinator: (mesh) => {
          if (self !== FIRST) return new RemoteCoordinator({ mesh, at: FIRST, clock });
          const coordinator = new EmbeddedCoordinator({ store, clock, shards: 16 });
          serveCoordinator({ coordinator, mesh, clock });
          return coordinator;
        },
        network: tappedNetwork(tls, this.tape.gate),
        gate: { host: '127.0.0.1', port: 0, advertisedHost: '127.0.0.1' },
        curveKey: curve.publicKey,
        host: createNactHost({ clock, log }),
        suite: await createVerifyingSuite(),
        passwords: await createPasswordServer(keys.passwordSetup),
        signingKeys: signingKeysOf(keys),
        fingerprint: this.fingerprint,
        settings: {
          limits: DEFAULT_LIMITS,
          mailboxTtlMs: MAILBOX_TTL_DEFAULT_MS,
          historyRetentionMs: HISTORY_RETENTION_DEFAULT_MS,
          balance: 'round-robin',
          registration: 'open',
          stretching: 'weak',
          replicas: 2,
          replaceAfterMs: REPLICA_REPLACE_DEFAULT_MS,
        },
        meter: { count: () => undefined, delivered: () => undefined },
        utilisation: () => 0,
      },
      view,
    );
    this.nodes.push(node);
  }
}

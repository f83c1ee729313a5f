/** Where a node listens and what it tells others, settled before anything is opened. */
import { hostname } from 'node:os';
import type { CurveKeys } from '../net/zmq-curve.ts';
import { freePort } from '../net/free-port.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import { formatHostPort } from '../ops/units.ts';
import type { HostPort } from '../ops/units.ts';
import type { Member } from '../cluster/members.ts';
import type { NodeIdentity } from './node-home.ts';

export interface NodeAddresses {
  readonly gate: HostPort;
  readonly mesh: HostPort;
  readonly http: HostPort;
}

const WILDCARDS = new Set(['0.0.0.0', '::', '']);

/** A node that listens everywhere is dialled by its name. */
export function advertisedHost(host: string): string {
  return WILDCARDS.has(host) ? hostname() : host;
}

interface Wanted {
  readonly address: HostPort;
  readonly isGiven: boolean;
  /** The port of the last start; 0: there was none. */
  readonly remembered: number;
}

/** The port of the last start wins over a default, because others know it; port 0 means that one or a free one. */
async function settled({ address, isGiven, remembered }: Wanted): Promise<HostPort> {
  const { host, port } = address;
  if (remembered > 0 && (port === 0 || !isGiven)) return { host, port: remembered };
  return { host, port: port === 0 ? await freePort(host) : port };
}

export async function settleAddresses(
  config: NodeConfig,
  identity: NodeIdentity,
): Promise<NodeAddresses> {
  const settle = (name: 'listen' | 'mesh' | 'http', remembered: number): Promise<HostPort> =>
    settled({ address: config[name], isGiven: config.given.has(name), remembered });
  return {
    gate: await settle('listen', identity.gatePort),
    mesh: await settle('mesh', identity.meshPort),
    http: await settle('http', identity.httpPort),
  };
}

export function withPorts(identity: NodeIdentity, addresses: NodeAddresses): NodeIdentity {
  const { gate, mesh, http } = addresses;
  return { ...identity, gatePort: gate.port, meshPort: mesh.port, httpPort: http.port };
}

export function memberAt(
  addresses: NodeAddresses,
  curve: Pick<CurveKeys, 'publicKey'>,
): Omit<Member, 'node'> {
  const { mesh, gate } = addresses;
  const meshPlace = formatHostPort({ host: advertisedHost(mesh.host), port: mesh.port });
  return {
    meshEndpoint: `tcp://${meshPlace}`,
    curveKey: curve.publicKey,
    gateHost: advertisedHost(gate.host),
    gatePort: gate.port,
  };
}

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

/** Port 0 means: the one of the last start, or a free one. */
async function settled(wanted: HostPort, remembered: number): Promise<HostPort> {
  if (wanted.port !== 0) return wanted;
  return { host: wanted.host, port: remembered > 0 ? remembered : await freePort(wanted.host) };
}

export async function settleAddresses(
  config: NodeConfig,
  identity: NodeIdentity,
): Promise<NodeAddresses> {
  return {
    gate: await settled(config.listen, identity.gatePort),
    mesh: await settled(config.mesh, identity.meshPort),
    http: await settled(config.http, identity.httpPort),
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

/** The files of a data directory besides the store: who the node is, its keys, its ports, the join token. */
import { randomUUID } from 'node:crypto';
import { chmod, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { generateCurveKeys } from '../net/zmq-curve.ts';
import { decode, encode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import { bytes, nodeId, optional, struct, u16 } from '../protocol/schema.ts';
import type { Infer, Type } from '../protocol/schema.ts';
import { clusterKeys } from './cluster-keys.ts';
import type { ClusterKeys } from './cluster-keys.ts';

/** `DIR/node.keys`: made at the first start, written again when a port or the coordinator's place is learnt. */
const nodeIdentity = struct({
  name: nodeId,
  curvePublicKey: bytes(32),
  curveSecretKey: bytes(32),
  /** The node that keeps the embedded coordinator. */
  coordinator: optional(nodeId),
  /** Ports taken at the last start; 0: none yet. */
  gatePort: u16,
  meshPort: u16,
  httpPort: u16,
});
export type NodeIdentity = Infer<typeof nodeIdentity>;

/** Private to its owner, complete or absent: written aside, flushed, then renamed. */
export async function writePrivateFile(path: string, content: Uint8Array | string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await chmod(path, 0o600);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FastChatError('E_IO', `cannot read ${path}`, { cause });
  }
}

export class NodeHome {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get joinFile(): string {
    return join(this.directory, 'join.token');
  }

  readIdentity(): Promise<NodeIdentity | undefined> {
    return this.#read('node.keys', nodeIdentity);
  }

  writeIdentity(identity: NodeIdentity): Promise<void> {
    return this.#write('node.keys', nodeIdentity, identity);
  }

  readClusterKeys(): Promise<ClusterKeys | undefined> {
    return this.#read('cluster.keys', clusterKeys);
  }

  writeClusterKeys(keys: ClusterKeys): Promise<void> {
    return this.#write('cluster.keys', clusterKeys, keys);
  }

  async readJoinToken(): Promise<string | undefined> {
    const line = await readIfThere(this.joinFile);
    return line === undefined ? undefined : Buffer.from(line).toString('utf8');
  }

  writeJoinToken(line: string): Promise<void> {
    return writePrivateFile(this.joinFile, `${line}\n`);
  }

  async #read<T>(name: string, type: Type<T>): Promise<T | undefined> {
    const path = join(this.directory, name);
    const content = await readIfThere(path);
    if (content === undefined) return undefined;
    try {
      return decode(type, Uint8Array.from(content));
    } catch (cause) {
      throw new FastChatError('E_IO', `${path} is damaged: restore it from a backup`, { cause });
    }
  }

  #write<T>(name: string, type: Type<T>, value: T): Promise<void> {
    return writePrivateFile(join(this.directory, name), encode(type, value));
  }
}

/** The identity of a node that starts for the first time. */
export function newIdentity(name: NodeIdentity['name']): NodeIdentity {
  const curve = generateCurveKeys();
  return {
    name,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
    coordinator: undefined,
    gatePort: 0,
    meshPort: 0,
    httpPort: 0,
  };
}

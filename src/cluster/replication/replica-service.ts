/** Serves the mesh service `replica`: the copies here, what owners are asked, and what new owners are told. */
import { decode, encode } from '../../protocol/codec.ts';
import { asFastChatError, assertNever, FastChatError } from '../../protocol/errors.ts';
import type { NodeId } from '../../protocol/ids.ts';
import type { MeshPort } from '../mesh-port.ts';
import type { Ownership } from '../ownership.ts';
import type { ShardDirectory } from '../shard-map.ts';
import { granted, heldReply, replicaRequest } from './frames.ts';
import type { ReplicaRequest, RequestOfType } from './frames.ts';
import type { Replica } from './replica.ts';

export interface ReplicaServicePorts {
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly ownership: Ownership;
  readonly replica: Replica;
  /** Whether the copies here are what this node last had: before that is known, they count for nothing. */
  readonly isTrusted: () => boolean;
}

const UNKNOWN_STORE = new FastChatError('E_UNREACHABLE', 'the store here is not recognised yet');

/** Once per mesh. */
export function serveReplica(ports: ReplicaServicePorts): void {
  const { mesh, directory } = ports;
  mesh.serve('replica', {
    request: (from, payload, reply, fail) => {
      if (!ports.isTrusted()) return fail(UNKNOWN_STORE);
      // What is installed is copied by the store within this turn, while the frame lives.
      answer(ports, from, decode(replicaRequest, payload)).then(reply, (cause: unknown) =>
        fail(asFastChatError(cause)),
      );
    },
    tell: (_, payload) => {
      const { shard, assignment } = decode(granted, payload);
      directory.adoptAssignment(shard, assignment);
    },
  });
}

function answer(
  ports: ReplicaServicePorts,
  from: NodeId,
  request: ReplicaRequest,
): Promise<Uint8Array> {
  const { replica } = ports;
  switch (request.type) {
    case 'append':
      return replica.append(request);
    case 'status':
      return replica.status(request);
    case 'rollBack':
    case 'install':
    case 'beginCopy':
    case 'page':
      return replica.change(from, request);
    case 'held':
      return Promise.resolve(encode(heldReply, { held: isHeld(ports, from, request) }));
    case 'digest':
      return replica.digest(request);
    default:
      return assertNever(request);
  }
}

/**
 * Whether the asker may delete its copy: the shard is served, so a marker of this epoch is acknowledged, and the asker is
 * neither a replica nor about to be one.
 */
function isHeld(
  { ownership }: ReplicaServicePorts,
  from: NodeId,
  { shard, epoch }: RequestOfType<'held'>,
): boolean {
  const tenure = ownership.tenure(shard);
  if (tenure === undefined || tenure.epoch < epoch || tenure.isPaused) return false;
  return !tenure.replicas.includes(from) && !tenure.followers.has(from);
}

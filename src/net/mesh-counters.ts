/** What the mesh did, counted for metrics: nothing disappears without a number. */
import { Histogram, SECONDS } from '../ops/metric-types.ts';
import type { NodeId } from '../protocol/ids.ts';
import { MESH_SERVICES } from './mesh-frames.ts';
import type { MeshService } from './mesh-frames.ts';

/** Why something was dropped, and in which unit it is counted. */
export interface MeshDrops {
  /** Messages refused at a full outbox. */
  hwm: number;
  /** Messages to a peer that is not up. */
  unreachable: number;
  /** Frames of a peer that never arrived, told by its numbers. */
  gap: number;
  /** Frames that arrived twice or were overtaken. */
  duplicate: number;
  /** Frames that are malformed or of another protocol version. */
  decode: number;
  /** Answers that nobody waits for any more. */
  late: number;
  /** Frames before a hello of their link. */
  stranger: number;
  /** Frames sent on a link that broke before the peer confirmed them: their fate is unknown. */
  unconfirmed: number;
}

export type MeshDropReason = keyof MeshDrops;

export interface PeerFrames {
  in: number;
  out: number;
  bytesIn: number;
  bytesOut: number;
}

export interface MeshCounters {
  readonly dropped: MeshDrops;
  readonly frames: Map<NodeId, PeerFrames>;
  /** Seconds from a request to its answer. */
  readonly answers: Readonly<Record<MeshService, Histogram>>;
}

function createAnswerTimes(): MeshCounters['answers'] {
  const services = Object.keys(MESH_SERVICES) as MeshService[];
  const times = services.map((service) => [service, new Histogram(SECONDS)] as const);
  return Object.fromEntries(times) as MeshCounters['answers'];
}

export function createMeshCounters(): MeshCounters {
  return {
    dropped: {
      hwm: 0,
      unreachable: 0,
      gap: 0,
      duplicate: 0,
      decode: 0,
      late: 0,
      stranger: 0,
      unconfirmed: 0,
    },
    frames: new Map(),
    answers: createAnswerTimes(),
  };
}

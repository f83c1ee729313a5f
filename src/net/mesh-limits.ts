/** The bounds of a mesh that tests set lower; the defaults are those of protocol/limits.ts. */
import {
  MESH_BATCH_BYTES,
  MESH_HEARTBEAT_INTERVAL_MS,
  MESH_OUTBOX_BYTES_MAX,
  MESH_PEER_SILENT_MS,
  MESH_REQUESTS_OPEN_MAX,
  MESH_REQUEST_TIMEOUT_MS,
} from '../protocol/limits.ts';

export interface MeshLimits {
  readonly heartbeatIntervalMs: number;
  readonly peerSilentMs: number;
  readonly outboxBytesMax: number;
  readonly batchBytes: number;
  readonly requestsOpenMax: number;
  readonly requestTimeoutMs: number;
}

export const DEFAULT_MESH_LIMITS: MeshLimits = {
  heartbeatIntervalMs: MESH_HEARTBEAT_INTERVAL_MS,
  peerSilentMs: MESH_PEER_SILENT_MS,
  outboxBytesMax: MESH_OUTBOX_BYTES_MAX,
  batchBytes: MESH_BATCH_BYTES,
  requestsOpenMax: MESH_REQUESTS_OPEN_MAX,
  requestTimeoutMs: MESH_REQUEST_TIMEOUT_MS,
};

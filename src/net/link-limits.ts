/** The bounds of client links that tests set lower and operators may set; the defaults are those of protocol/limits.ts. */
import {
  CLIENT_FRAME_BYTES_MAX,
  DEFAULT_LIMITS,
  HANDSHAKE_TIMEOUT_MS,
  HELLO_FRAME_BYTES_MAX,
  LINK_CLOSE_TIMEOUT_MS,
  LOGIN_TIMEOUT_MS,
  SESSION_WRITE_BYTES_HARD_MAX,
  SESSION_WRITE_BYTES_MAX,
  SESSION_WRITE_BYTES_PAUSE,
  SESSION_WRITE_STALL_MS,
  UNAUTHENTICATED_MAX,
  UNAUTHENTICATED_PER_SOURCE_MAX,
} from '../protocol/limits.ts';

export interface LinkLimits {
  readonly helloFrameBytesMax: number;
  readonly frameBytesMax: number;
  readonly handshakeTimeoutMs: number;
  readonly loginTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly writeBytesPause: number;
  readonly writeBytesMax: number;
  readonly writeBytesHardMax: number;
  readonly writeStallMs: number;
  readonly connections: number;
  readonly unauthenticatedMax: number;
  readonly unauthenticatedPerSourceMax: number;
}

export const DEFAULT_LINK_LIMITS: LinkLimits = {
  helloFrameBytesMax: HELLO_FRAME_BYTES_MAX,
  frameBytesMax: CLIENT_FRAME_BYTES_MAX,
  handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
  loginTimeoutMs: LOGIN_TIMEOUT_MS,
  closeTimeoutMs: LINK_CLOSE_TIMEOUT_MS,
  writeBytesPause: SESSION_WRITE_BYTES_PAUSE,
  writeBytesMax: SESSION_WRITE_BYTES_MAX,
  writeBytesHardMax: SESSION_WRITE_BYTES_HARD_MAX,
  writeStallMs: SESSION_WRITE_STALL_MS,
  connections: DEFAULT_LIMITS.connections,
  unauthenticatedMax: UNAUTHENTICATED_MAX,
  unauthenticatedPerSourceMax: UNAUTHENTICATED_PER_SOURCE_MAX,
};

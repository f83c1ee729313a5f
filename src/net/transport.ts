/**
 * Node-to-node frames without promises about delivery: a frame arrives whole or not at all, frames of one peer in order
 * while the link holds. Who needs more (requests, losses counted, heartbeats) uses `mesh.ts` on top.
 */
import type { NodeId } from '../protocol/ids.ts';

export interface PeerAddress {
  readonly node: NodeId;
  /** `tcp://host:port` of the peer's mesh socket. */
  readonly endpoint: string;
  /** Public CURVE key, 32 bytes. */
  readonly curveKey: Uint8Array;
}

/** `full`: the frame was not taken, try again on `onWritable`; `down`: no link. */
export type SendOutcome = 'sent' | 'full' | 'down';

export interface TransportEvents {
  /** `frame` may be a view of a larger buffer: copy what is kept. */
  readonly onFrame: (peer: NodeId, frame: Uint8Array) => void;
  /** A send to the peer may succeed again: the pipe has room, or its link came up. */
  readonly onWritable: (peer: NodeId) => void;
  /** The link to the peer broke: frames that were sent may be lost. A hint; a partition may break nothing. */
  readonly onDown: (peer: NodeId) => void;
}

export interface Transport {
  readonly self: NodeId;
  /** Where peers reach this node, with the real port. */
  readonly endpoint: string;
  start(events: TransportEvents): void;
  /** Admits a peer's key and dials it; again with another address replaces the old link. */
  connect(peer: PeerAddress): void;
  /** Closes the link and no longer admits the peer's key. */
  forget(peer: NodeId): void;
  /**
   * Takes ownership of `frame` (at most MESH_FRAME_BYTES_MAX): the caller does not change it afterwards.
   * Never blocks, never throws. `sent` means handed over, not delivered.
   */
  send(peer: NodeId, frame: Uint8Array): SendOutcome;
  close(): Promise<void>;
}

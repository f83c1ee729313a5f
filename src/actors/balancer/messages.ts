/** What the balancer is told and asked. */
import type { GateAddress } from '../../protocol/account.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { FORGOTTEN_TOLD_MAX, MISSED_TOLD_MAX } from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  f64,
  list,
  nodeId,
  struct,
  text,
  u16,
  u32,
  u53,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';

/** What every node says of itself in its heartbeats. */
export const loadReport = struct({
  sessions: u32,
  /** Share of time the event loop was busy, 0 to 1. */
  eventLoopUtilisation: f64,
  /** Fullest of its mesh outboxes, 0 to 1. */
  outboxFill: f64,
  draining: bool,
  /** Its store refuses writes for want of space. */
  storeFull: bool,
  /** Dead members that an operator gave up at the reporting node. */
  forgotten: list(nodeId, FORGOTTEN_TOLD_MAX),
  /** Members that the reporting node does not hear; with MISSED_TOLD_MAX of them there may be more. */
  missed: list(nodeId, MISSED_TOLD_MAX),
  bootId: bytes(16),
  gateHost: text(255),
  gatePort: u16,
  /** By the clock of the reporting node, milliseconds since 1970. */
  now: u53,
});
export type LoadReport = Infer<typeof loadReport>;

/** A gate and the boot that answers there: what a ticket names. */
export interface Gate extends GateAddress {
  readonly bootId: Uint8Array;
  /** What the clock of that node shows about now: the one that tickets for it are dated by. */
  readonly nowMs: number;
}

export type BalanceAlgorithm = 'inverse-load' | 'least-connections' | 'round-robin' | 'random';

export type BalancerMsg =
  | { readonly type: 'report'; readonly node: NodeId; readonly report: LoadReport }
  | { readonly type: 'peerLost'; readonly node: NodeId }
  /** `roll` is uniform in [0, 1); answered by exactly one `placed` effect, in order. */
  | { readonly type: 'place'; readonly roll: number };

/** Where a login goes; undefined: no node lives that takes one. */
export interface PlacedEffect {
  readonly type: 'placed';
  readonly gate: Gate | undefined;
}

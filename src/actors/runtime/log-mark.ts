/** A place in a log with the sums of everything up to it, so that what lies between two places is a difference. */
import { struct, u53 } from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';

export const logMark = struct({
  seq: u53,
  /** Entries a person waits for. */
  loud: u53,
  /** Bytes of bodies. */
  bytes: u53,
});
export type LogMark = Infer<typeof logMark>;

/** Before the first entry. */
export const LOG_START: LogMark = { seq: 0, loud: 0, bytes: 0 };

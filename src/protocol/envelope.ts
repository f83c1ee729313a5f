/** What a node stores and forwards: a small clear header for routing and a ciphertext that no node can open. */
import { ENVELOPE_BODY_BYTES_MAX, PULL_ENTRIES_MAX } from './limits.ts';
import {
  address,
  bool,
  bytes,
  deviceId,
  incarnation,
  list,
  struct,
  u32,
  u53,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

const header = {
  to: address,
  /** The life of the log it was written for. */
  incarnation,
  from: userId,
  device: deviceId,
  /** Contiguous per (sender, device) within one incarnation, from 1. */
  counter: u53,
  /** Hash of (sender, recipient, message id): tells a retry from another message. */
  tag: bytes(16),
  /** Which of the recipient's box keys it is sealed to. */
  boxEpoch: u32,
  /** True for what no person waits for (receipts, copies for the sender's own devices): not counted as pending. */
  quiet: bool,
};

export const envelopeHeader = struct(header);
export const envelope = struct({ ...header, body: bytes(1, ENVELOPE_BODY_BYTES_MAX) });

export type EnvelopeHeader = Infer<typeof envelopeHeader>;
export type Envelope = Infer<typeof envelope>;

/** An envelope at its place in a log. */
export const logEntry = struct({
  seq: u53,
  /** When the owner took it, milliseconds since 1970 by its clock. */
  at: u53,
  envelope,
});
export type LogEntry = Infer<typeof logEntry>;

export const logEntries = list(logEntry, PULL_ENTRIES_MAX);

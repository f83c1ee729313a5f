/** What a client does by the clock while it has a session; what fails is tried again at the next look and at every login. */
import { every } from '../ops/clock.ts';
import { BOX_KEY_CHECK_INTERVAL_MS, RECEIPT_CHECK_INTERVAL_MS } from '../protocol/limits.ts';
import type { Parts } from './parts.ts';

/** Begins the routines; they end with `cancel`. */
export function startRoutines(parts: Parts): { cancel(): void } {
  const { clock } = parts.ports;
  const timers = [
    every(clock, BOX_KEY_CHECK_INTERVAL_MS, () => rotateKeys(parts)),
    every(clock, RECEIPT_CHECK_INTERVAL_MS, () => askReceipts(parts)),
  ];
  return {
    cancel() {
      for (const timer of timers) timer.cancel();
    },
  };
}

/** Keys of groups first: what they are sealed to may leave the vault by the rotation. */
function rotateKeys({ connection, vaults, resealing, revocations, events }: Parts): void {
  const { session } = connection;
  if (session === undefined) return;
  events.background(revocations.finish(session.link));
  events.background(resealing.renew().then(() => vaults.rotateIfDue(session.link)));
}

/** A receipt told while a shard changes hands may be lost; somebody who waits for one should not wait for the next login. */
function askReceipts(parts: Parts): void {
  const { connection, waiters, receipts, groupQuestions, events } = parts;
  if (connection.session === undefined || !waiters.awaitsReceipt) return;
  events.background(receipts.refresh());
  events.background(groupQuestions.ask());
}

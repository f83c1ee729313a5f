/**
 * Watches how much a link has to write. Past the pause mark the writer is asked to wait; past the maximum for too long,
 * or past the hard maximum at once, the link is given up, because the other side does not read.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import type { LinkLimits } from './link-limits.ts';

export interface WriteGuardOptions {
  readonly clock: Clock;
  readonly limits: LinkLimits;
  readonly pendingBytes: () => number;
  readonly onPaused: () => void;
  readonly onWritable: () => void;
  readonly onStalled: (reason: string) => void;
}

export class WriteGuard {
  readonly #options: WriteGuardOptions;
  #isPaused = false;
  #stall: Timer | undefined;

  constructor(options: WriteGuardOptions) {
    this.#options = options;
  }

  /** Bytes were added; false asks the writer to wait for `onWritable`. */
  added(): boolean {
    const { clock, limits, onPaused, onStalled, pendingBytes } = this.#options;
    const pending = pendingBytes();
    if (pending > limits.writeBytesHardMax) onStalled('far too much to write');
    else if (pending > limits.writeBytesMax)
      this.#stall ??= clock.after(limits.writeStallMs, () =>
        onStalled('the other side does not read'),
      );
    if (pending <= limits.writeBytesPause) return true;
    if (!this.#isPaused) onPaused();
    this.#isPaused = true;
    return false;
  }

  /** The network took bytes. */
  drained(): void {
    const { limits, onWritable, pendingBytes } = this.#options;
    const pending = pendingBytes();
    if (pending <= limits.writeBytesMax) this.stop();
    if (!this.#isPaused || pending > limits.writeBytesPause) return;
    this.#isPaused = false;
    onWritable();
  }

  /** The link is closed: no verdict any more. */
  stop(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
  }
}

/**
 * How many messages of one session may be on their way at once, over all recipients: halved by a refusal for rate, one
 * more with every window stored, so that a client under a limit settles near it instead of sending all again and again.
 */
import { CLIENT_SENDS_FLYING_MAX } from '../../protocol/limits.ts';

export class Flow {
  #window = CLIENT_SENDS_FLYING_MAX;
  #flying = 0;
  #pausedUntilMs = 0;

  /** Whether one more message may leave at `nowMs` (monotonic). */
  hasRoom(nowMs: number): boolean {
    return this.#flying < this.#window && nowMs >= this.#pausedUntilMs;
  }

  left(): void {
    this.#flying += 1;
  }

  answered(isStored: boolean): void {
    this.#flying -= 1;
    if (isStored) this.#window = Math.min(CLIENT_SENDS_FLYING_MAX, this.#window + 1 / this.#window);
  }

  /** The node said: too many. Several refusals of one burst count once, as they come during one pause. */
  slowDown(nowMs: number, waitMs: number): void {
    const used = Math.min(this.#window, this.#flying + 1);
    if (nowMs >= this.#pausedUntilMs) this.#window = Math.max(1, Math.floor(used / 2));
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + waitMs);
  }

  /** Milliseconds until the pause ends; 0: there is none. */
  pauseMs(nowMs: number): number {
    return Math.max(0, this.#pausedUntilMs - nowMs);
  }
}

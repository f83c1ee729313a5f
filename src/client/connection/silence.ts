/** How long nothing came on a link, and for how long that may be the fault of a slow network. */
import type { Clock } from '../../ops/clock.ts';
import { LINK_QUIET_MS, LINK_SLOW_BYTES_PER_SECOND } from '../../protocol/limits.ts';

const SECOND_MS = 1000;

export class Silence {
  readonly #clock: Clock;
  #receivedBytes = 0;
  #heardMs: number;
  /** Sent since then: on a slow way out no answer can be there before they are. */
  #sentBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardMs = clock.mono();
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** How much longer than usual an answer may take. */
  get allowanceMs(): number {
    return (this.#sentBytes / LINK_SLOW_BYTES_PER_SECOND) * SECOND_MS;
  }

  /** To be asked at intervals while a call waits since `sinceMs`: whether it is time to ask whether anybody is there. */
  isDoubtful(receivedBytes: number, sinceMs: number): boolean {
    const nowMs = this.#clock.mono();
    if (receivedBytes !== this.#receivedBytes) {
      this.#receivedBytes = receivedBytes;
      this.#heardMs = nowMs;
      this.#sentBytes = 0;
    }
    return nowMs - Math.max(this.#heardMs, sinceMs) >= LINK_QUIET_MS + this.allowanceMs;
  }
}

/** The holder's side of a lease: renews it and knows, by this node's own clock, how long it surely holds (C5, I5). */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { LEASE_RENEW_MS, LEASE_TTL_MS } from '../protocol/limits.ts';
import type { Lease } from './coordinator.ts';

export interface LeasePorts {
  readonly clock: Clock;
  /** Resolves once the coordinator has granted it; rejections are tried again. */
  readonly renew: () => Promise<unknown>;
  /** Gives it up at the coordinator. */
  readonly end: () => Promise<unknown>;
}

/** Renewed every LEASE_RENEW_MS until ended or stopped; a renewal that hangs does not hold up the next one. */
export class RenewedLease implements Lease {
  readonly #ports: LeasePorts;
  readonly #renewing: Timer;
  #validUntilMs = 0;
  #isOver = false;
  #isResting = false;
  /** How often it was given up for a while. */
  #rests = 0;

  constructor(ports: LeasePorts) {
    this.#ports = ports;
    this.#renewing = every(ports.clock, LEASE_RENEW_MS, () => void this.renewNow());
    void this.renewNow();
  }

  get validUntilMs(): number {
    return this.#validUntilMs;
  }

  /** Renews between two turns: the way to the coordinator has just come up. Never rejects. */
  async renewNow(): Promise<void> {
    if (!this.#isWanted) return;
    const sentMs = this.#ports.clock.mono();
    const rests = this.#rests;
    try {
      await this.#ports.renew();
    } catch {
      return; // It runs out by itself if no later renewal is granted.
    }
    // Given up meanwhile, perhaps taken again: this answer may be older than the end.
    if (this.#isWanted && rests === this.#rests)
      this.#validUntilMs = Math.max(this.#validUntilMs, sentMs + LEASE_TTL_MS);
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.stop();
    await this.#giveUp();
  }

  async rest(): Promise<void> {
    if (!this.#isWanted) return;
    this.#isResting = true;
    this.#rests += 1;
    await this.#giveUp();
  }

  resume(): void {
    this.#isResting = false;
    void this.renewNow();
  }

  /** Renews no more and leaves it to run out: the way to the coordinator is closed. */
  stop(): void {
    this.#isOver = true;
    this.#renewing.cancel();
  }

  get #isWanted(): boolean {
    return !this.#isOver && !this.#isResting;
  }

  async #giveUp(): Promise<void> {
    this.#validUntilMs = 0;
    // A coordinator that cannot be told lets it run out.
    await this.#ports.end().catch(() => undefined);
  }
}

/** Remembers used tickets until they expire, so that each logs in once. */
import { FastChatError } from '../protocol/errors.ts';
import { TICKETS_REMEMBERED_MAX, TICKET_LIFETIME_MS } from '../protocol/limits.ts';
import { hex } from './bytes.ts';
import type { Ticket } from './tickets.ts';

/** One per node and boot. Expiries differ by at most a ticket's lifetime, so forgetting from the front keeps it small. */
export class TicketMemory {
  /** Nonce to expiry, in order of use. */
  readonly #used = new Map<string, number>();
  readonly #ticketsMax: number;

  constructor(ticketsMax: number = TICKETS_REMEMBERED_MAX) {
    this.#ticketsMax = ticketsMax;
  }

  get size(): number {
    return this.#used.size;
  }

  /**
   * Takes a verified ticket, once. A full memory refuses the login: forgetting early would let a ticket in twice.
   * @throws E_TICKET_REPLAYED, E_RATE_LIMITED
   */
  use(ticket: Ticket, nowMs: number): void {
    this.#forgetExpired(nowMs);
    const nonce = hex(ticket.nonce);
    if (this.#used.has(nonce))
      throw new FastChatError('E_TICKET_REPLAYED', 'the ticket was used before');
    if (this.#used.size >= this.#ticketsMax)
      throw new FastChatError('E_RATE_LIMITED', 'too many logins at once', {
        retryAfterMs: TICKET_LIFETIME_MS,
      });
    this.#used.set(nonce, ticket.expiresAtMs);
  }

  #forgetExpired(nowMs: number): void {
    for (const [nonce, expiresAtMs] of this.#used) {
      if (expiresAtMs > nowMs) return;
      this.#used.delete(nonce);
    }
  }
}

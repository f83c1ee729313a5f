/** What sessions check and sign with, bound to one node and where it matters to one link of it. */
import { verifyInvitation } from '../../crypto/invitations.ts';
import { verifyDeviceProof } from '../../crypto/proofs.ts';
import type { KeyPair, VerifyingSuite } from '../../crypto/suite.ts';
import type { TicketMemory } from '../../crypto/ticket-memory.ts';
import { signTicket, verifyTicket } from '../../crypto/tickets.ts';
import type { Clock } from '../../ops/clock.ts';
import type { Redirect } from '../../protocol/account.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { TICKET_SIGNED_FOR_MS } from '../../protocol/limits.ts';
import type { Gate } from '../balancer/messages.ts';
import type { Whereabouts } from '../ports.ts';
import type { TicketHolder } from './messages.ts';

export interface CredentialsOptions {
  readonly suite: VerifyingSuite;
  readonly clock: Clock;
  readonly here: Whereabouts;
  /** The key that all nodes of the cluster sign tickets and invitations with. */
  readonly clusterKeys: KeyPair;
  /** Of the cluster's TLS key: what clients pin. */
  readonly fingerprint: Uint8Array;
  /** Used tickets of this node; shared by all its sessions. */
  readonly tickets: TicketMemory;
}

const NONCE_BYTES = 32;
const TICKET_NONCE_BYTES = 16;

/** What a device shows: its signature, and the key that it is checked with if there is such a device. */
export interface ShownProof {
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array | undefined;
}

/** One per gate. */
export class Credentials {
  readonly #options: CredentialsOptions;

  constructor(options: CredentialsOptions) {
    this.#options = options;
  }

  /** For one link: makes a proof worth something on this link only. */
  nonce(): Uint8Array {
    return this.#options.suite.random(NONCE_BYTES);
  }

  /** Never throws; without a key nothing is valid. */
  verifyProof(
    nonce: Uint8Array,
    { user, device }: TicketHolder,
    { signature, publicKey }: ShownProof,
  ): boolean {
    const { suite, here, fingerprint } = this.#options;
    const { node, bootId } = here;
    const context = { nonce, node, bootId, fingerprint, user, device };
    // An absent device costs the same time as a present one: its key is all zeros, which no signature fits.
    const key = publicKey ?? new Uint8Array(NONCE_BYTES);
    return verifyDeviceProof(suite, context, signature, key) && publicKey !== undefined;
  }

  /** @throws E_TICKET_FORGED, E_TICKET_NODE, E_TICKET_EXPIRED, E_TICKET_REPLAYED, E_RATE_LIMITED */
  useTicket(signed: Uint8Array): TicketHolder {
    const { suite, clusterKeys, clock, here, tickets } = this.#options;
    const nowMs = clock.now();
    const ticket = verifyTicket(suite, signed, clusterKeys.publicKey, { ...here, nowMs });
    tickets.use(ticket, nowMs);
    return ticket;
  }

  /** Permits one login of `holder` at `gate`. */
  signTicket({ user, device }: TicketHolder, gate: Gate): Redirect {
    const { suite, clusterKeys } = this.#options;
    const { node, host, port, bootId, nowMs } = gate;
    const content = {
      user,
      device,
      node,
      bootId,
      expiresAtMs: nowMs + TICKET_SIGNED_FOR_MS,
      nonce: suite.random(TICKET_NONCE_BYTES),
    };
    const ticket = signTicket(suite, content, clusterKeys.privateKey);
    return { ticket, gate: { node, host, port } };
  }

  /** @throws E_REGISTRATION */
  checkInvitation(user: UserId, invitation: string | undefined): void {
    if (invitation === undefined)
      throw new FastChatError(
        'E_REGISTRATION',
        'this server takes new accounts by invitation: ask its operator for one',
      );
    const { suite, clusterKeys, clock } = this.#options;
    verifyInvitation(suite, invitation, clusterKeys.publicKey, { user, nowMs: clock.now() });
  }
}

/** Client links over TLS 1.3: the production network. */
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../ops/clock.ts';
import type { Clock } from '../ops/clock.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { TlsIdentity } from './certificate.ts';
import type { LinkNetwork } from './client-link.ts';
import { DEFAULT_LINK_LIMITS } from './link-limits.ts';
import type { LinkLimits } from './link-limits.ts';
import { TlsDialler } from './tls-dial.ts';
import { listenTls, refuseHttp } from './tls-gate.ts';

export interface TlsNetworkOptions {
  /** Needed to listen, not to dial. */
  readonly identity?: TlsIdentity;
  /** TLS_TICKET_KEY_BYTES shared by the nodes of a cluster; without it sessions resume only at the same listener. */
  readonly ticketKeys?: Uint8Array;
  readonly clock?: Clock;
  readonly limits?: Partial<LinkLimits>;
  /** The door for `http/1.1` on the same port; by default such connections get a clear refusal. */
  readonly onHttp?: (socket: TLSSocket, source: string, trust: () => void) => void;
}

/** A network that listens with one identity and dials with a memory of sessions of its own. */
export function createTlsNetwork(options: TlsNetworkOptions = {}): LinkNetwork {
  const clock = options.clock ?? systemClock;
  const limits = { ...DEFAULT_LINK_LIMITS, ...options.limits };
  const dialler = new TlsDialler({ clock, limits });
  const { identity, ticketKeys, onHttp = refuseHttp } = options;
  return {
    listen: async (gate) => {
      if (identity === undefined)
        throw new FastChatError('E_CONFIG', 'a gate needs a TLS identity');
      return await listenTls({ ...gate, identity, ticketKeys, clock, limits, onHttp });
    },
    dial: (target, events) => dialler.dial(target, events),
  };
}

/** What a client needs from the world, so that production and simulation run the same code. */
import type { PasswordClient } from '../crypto/password-auth.ts';
import type { SecretBytes } from '../crypto/secrets.ts';
import type { OpeningSuite } from '../crypto/suite.ts';
import type { LinkNetwork } from '../net/client-link.ts';
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { ClientKv } from '../persist/client-kv.ts';
import type { UserId } from '../protocol/ids.ts';
import type { ConnectUrl } from './connect-url.ts';

export interface ClientPorts {
  readonly clock: Clock;
  /** Chance that decides nothing secret: jitter, the order of gates, message ids. */
  readonly random: Random;
  readonly network: LinkNetwork;
  /** The account's own store; closed with the client. */
  readonly kv: ClientKv;
  readonly suite: OpeningSuite;
  readonly passwords: PasswordClient;
}

export interface ClientOptions {
  readonly account: UserId;
  /** Where to dial; undefined: the gates that this home has learnt. */
  readonly servers: ConnectUrl | undefined;
  /** 32 bytes that everything in the store is encrypted under. */
  readonly storeKey: SecretBytes;
  /** What other devices see in the list of devices. */
  readonly deviceName: string;
  /** Takes part in development clusters on other machines, whose passwords are weakly stretched. Default: this machine only. */
  readonly trustsWeakStretching?: boolean;
}

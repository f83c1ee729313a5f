/** An account as the load generator has it: enough to log in, nothing to open a message with. */
import type { DeviceId, Incarnation, UserId } from '../src/protocol/ids.ts';

export const PASSWORD = 'a password for benchmarks';

/** Byte strings as base64url. */
export interface BenchAccount {
  readonly user: UserId;
  readonly device: DeviceId;
  /** Of the device; Ed25519 as libsodium keeps it. */
  readonly privateKey: string;
  /** Of the user: signs operations on groups. */
  readonly identityKey: string;
  readonly incarnation: Incarnation;
  /** What the server had as this device's store token after the last login. */
  token: string;
  /** The token of a login that is under way: the same at every gate until one attaches. */
  nextToken?: string | undefined;
}

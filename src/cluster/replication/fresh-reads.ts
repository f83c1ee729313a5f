/**
 * Requests whose answer others act on as the truth of now (I5). Past its lease an owner may have been replaced without
 * knowing it, so it does not answer them; what it commits is safe all the same, because W replicas decide.
 */
import type { UserRequest } from '../../protocol/user-calls.ts';

export const FRESH_READS: ReadonlySet<UserRequest['type']> = new Set([
  'attach',
  'contacts',
  'deviceKey',
  'devices',
  'keys',
  'loginRecord',
  'presence',
  'vault',
] satisfies ReadonlyArray<UserRequest['type']>);

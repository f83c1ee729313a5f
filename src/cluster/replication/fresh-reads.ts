/**
 * Requests whose answer others act on as the truth of now (I5). Past its lease an owner may have been replaced without
 * knowing it, so it does not answer them; what it commits is safe all the same, because W replicas decide.
 */
import type { ActorRequest } from '../../protocol/actor-calls.ts';

export const FRESH_READS: ReadonlySet<ActorRequest['type']> = new Set([
  'attach',
  'contacts',
  'deviceKey',
  'devices',
  'groupInfo',
  'groups',
  'groupSubscribe',
  'keys',
  'loginRecord',
  'presence',
  'vault',
] satisfies ReadonlyArray<ActorRequest['type']>);

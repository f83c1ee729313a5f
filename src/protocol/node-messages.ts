/** Node <-> node payloads that more than one part speaks; the frames around them are in `net/mesh-frames.ts`. */
import { push } from './client-calls.ts';
import { struct, u53 } from './schema.ts';
import type { Infer } from './schema.ts';

/** A push for a session that lives on the receiving node. */
export const sessionPush = struct({ session: u53, push });
export type SessionPush = Infer<typeof sessionPush>;

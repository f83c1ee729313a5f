/** Node <-> node payloads that more than one part speaks; the frames around them are in `net/mesh-frames.ts`. */
import { push } from './client-calls.ts';
import { groupNews } from './group-facts.ts';
import { MEMBERS_MAX } from './limits.ts';
import { list, nodeId, struct, u53 } from './schema.ts';
import type { Infer } from './schema.ts';

/** A push for a session that lives on the receiving node. */
export const sessionPush = struct({ session: u53, push });
export type SessionPush = Infer<typeof sessionPush>;

/** A group's news for the interested sessions of the receiving node, which hands it on to `onward`. */
export const groupFrame = struct({ news: groupNews, onward: list(nodeId, MEMBERS_MAX) });
export type GroupFrame = Infer<typeof groupFrame>;

/**
 * How a node that holds the join token enters a cluster, at any gate and before any login. The tags share the numbering
 * of `client-calls.ts`. What is secret travels under a key that only both ends can make, beside the protection of TLS.
 */
import { call, callTable } from './calls.ts';
import type { ReplyOf, RequestOf } from './calls.ts';
import { CLIENT_FRAME_BYTES_MAX } from './limits.ts';
import { bytes, nodeId, struct } from './schema.ts';

export const JOIN_NONCE_BYTES = 32;
export const JOIN_PROOF_BYTES = 32;

const nonce = bytes(JOIN_NONCE_BYTES);

export const joinCalls = callTable({
  /** Asks for a challenge; `nonce` is the joining node's. */
  joinStart: call(200, struct({ node: nodeId, nonce }), struct({ nonce })),
  /**
   * `member` is the encoded member record, `proof` an HMAC over both nonces and exactly these bytes.
   * The grant is sealed: whoever has not the token cannot read it.
   */
  joinFinish: call(
    201,
    struct({ nonce, member: bytes(1, 2048), proof: bytes(JOIN_PROOF_BYTES) }),
    struct({ grant: bytes(1, CLIENT_FRAME_BYTES_MAX) }),
  ),
});

export type JoinCalls = (typeof joinCalls)['calls'];
export type JoinRequest = RequestOf<JoinCalls>;
export type JoinReply<K extends keyof JoinCalls> = ReplyOf<JoinCalls, K>;

/** Whether a frame's item is for the join handler. */
export function isJoinTag(tag: unknown): boolean {
  return tag === joinCalls.calls.joinStart.tag || tag === joinCalls.calls.joinFinish.tag;
}

/**
 * How the cluster notices that a node's store was put back to an older state, or copied: the store carries a token that
 * changes all the time and is numbered, and the coordinator remembers the last one it saw. Pure decisions; who asks is in
 * `store-recognition.ts`.
 */
import type { NodeId } from '../protocol/ids.ts';
import { MEMBERS_MAX, STORE_TOKEN_BYTES } from '../protocol/limits.ts';
import { bool, bytes, list, nodeId, optional, struct, u53 } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';
import { sameBytes } from '../protocol/same-bytes.ts';

const token = bytes(STORE_TOKEN_BYTES);

/** What a store says of itself: written to it before it is said. */
export const storeClaim = struct({
  /** Number of `next`. */
  count: u53,
  /** The one before; undefined: the store makes no claim to what it held. */
  previous: optional(token),
  next: token,
});
export type StoreClaim = Infer<typeof storeClaim>;

/** The token of one store that was seen last. */
export const storeSeen = struct({ node: nodeId, count: u53, token });
export type StoreSeen = Infer<typeof storeSeen>;
export const storesSeen = list(storeSeen, MEMBERS_MAX);

export const storeVerdict = struct({
  /** False: the store is not as it was when it was last seen; nothing was recorded. */
  isKnown: bool,
  /** The number seen last; 0: none. */
  count: u53,
});
export type StoreVerdict = Infer<typeof storeVerdict>;

/**
 * Whether a store is, or may be, the one that was seen last. A claim that is ahead by more than one means that the
 * coordinator itself was put back: it is in no position to judge.
 */
export function judgeStore(seen: StoreSeen | undefined, claim: StoreClaim): StoreVerdict {
  const { previous, next, count } = claim;
  if (seen === undefined || previous === undefined)
    return { isKnown: true, count: seen?.count ?? 0 };
  const isSeen = sameBytes(seen.token, previous) || sameBytes(seen.token, next);
  return { isKnown: isSeen || count > seen.count + 1, count: seen.count };
}

export function storeOf(stores: readonly StoreSeen[], node: NodeId): StoreSeen | undefined {
  return stores.find((seen) => seen.node === node);
}

/** After a claim that was accepted. The claim's bytes are copied: they may be views of a frame. */
export function withStore(
  stores: readonly StoreSeen[],
  node: NodeId,
  { count, next }: StoreClaim,
): readonly StoreSeen[] {
  const others = stores.filter((seen) => seen.node !== node);
  return [...others, { node, count, token: Uint8Array.from(next) }];
}

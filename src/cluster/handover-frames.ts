/** Payloads of the mesh service `handover`: how a shard moves from its owner to a learner, and who may delete a copy. */
import {
  HANDOVER_PAGE_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_RANGE_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../protocol/limits.ts';
import type { Write } from '../persist/shard-store.ts';
import { bool, bytes, list, optional, shardId, struct, u53, union } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';
import { shardAssignment } from './members.ts';

/** Tells one try to move a shard from every other. */
export const ATTEMPT_BYTES = 16;
const attempt = bytes(ATTEMPT_BYTES);
const shardHead = struct({ epoch: u53, seq: u53 });
const write = struct({
  key: bytes(0, STORE_KEY_BYTES_MAX),
  value: optional(bytes(0, STORE_VALUE_BYTES_MAX)),
});

/** What is asked of the learner, and (`held`) of an owner. */
export const handoverRequest = union({
  /** Forget any copy: a new one comes, of a shard that the sender serves in `epoch`. */
  begin: [1, struct({ attempt, shard: shardId, epoch: u53 })],
  /** Part of a snapshot or delta; after it the copy is called `head`. */
  install: [
    2,
    struct({ attempt, shard: shardId, head: shardHead, writes: list(write, STORE_RANGE_MAX) }),
  ],
  /** Nothing follows: promise `epoch`, if the copy is complete up to `head`. */
  finish: [3, struct({ attempt, shard: shardId, head: shardHead, epoch: u53 })],
  /** Does the asked node serve the shard, in `epoch` or later, with a flushed commit of such an epoch? */
  held: [4, struct({ shard: shardId, epoch: u53 })],
});
export type HandoverRequest = Infer<typeof handoverRequest>;
export type LearnerRequest = Exclude<HandoverRequest, { readonly type: 'held' }>;

/** The answer to `held`; the other answers are empty. */
export const heldReply = struct({ held: bool });
export const noReply = struct({});

/** Tells the new owner of its shard at once; the map's announcement says the same later. */
export const granted = struct({ shard: shardId, assignment: shardAssignment });

/** Cuts writes into messages of at most STORE_RANGE_MAX writes and HANDOVER_PAGE_BYTES_MAX bytes; at least one. */
export function paginate(writes: readonly Write[]): ReadonlyArray<readonly Write[]> {
  const pages: Write[][] = [[]];
  let bytesInPage = 0;
  for (const entry of writes) {
    const size = entry.key.length + (entry.value?.length ?? 0);
    const page = pages.at(-1) ?? [];
    const isFull = page.length >= STORE_RANGE_MAX || bytesInPage + size > HANDOVER_PAGE_BYTES_MAX;
    if (isFull && page.length > 0) {
      pages.push([entry]);
      bytesInPage = size;
    } else {
      page.push(entry);
      bytesInPage += size;
    }
  }
  return pages;
}

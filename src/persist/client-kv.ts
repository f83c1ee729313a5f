/**
 * The client's own store: a small ordered map of byte strings, written in atomic steps. What it holds is sealed above it.
 *
 * K1  A transaction resolves when it is flushed to disk, in the order of the calls.
 * K2  Its writes are visible together and at once, and after a crash together or not at all.
 * K3  The first failed transaction ends the store: every later call is refused, `onFailure` is told once.
 */
import type { StoreKey, Write } from './shard-store.ts';

export interface ClientKv {
  /** A copy of the value. */
  get(key: StoreKey): Uint8Array | undefined;
  /** Key order, `from` inclusive, `to` exclusive, at most `limit` (and STORE_RANGE_MAX) pairs; `reverse` starts at the end. */
  range(
    from: StoreKey,
    to: StoreKey,
    options?: { readonly limit?: number; readonly reverse?: boolean },
  ): ReadonlyArray<readonly [key: StoreKey, value: Uint8Array]>;
  /** Values up to CLIENT_VALUE_BYTES_MAX; undefined removes. @throws E_TOO_LARGE (nothing changed), E_IO */
  transact(writes: readonly Write[]): Promise<void>;
  /** Waits for pending transactions, then closes. */
  close(): Promise<void>;
}

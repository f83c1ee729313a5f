/** What is refused before anything is changed. */
import { FastChatError } from '../protocol/errors.ts';
import {
  COMMIT_BYTES_MAX,
  COMMIT_WRITES_MAX,
  FREE_SPACE_CHECK_INTERVAL_MS,
  STORE_KEY_BYTES_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../protocol/limits.ts';
import type { Write } from './shard-store.ts';

/** Keys and values in bytes. @throws E_TOO_LARGE when one of them, or their number, is beyond what the store takes */
export function measureWrites(writes: readonly Write[]): number {
  if (writes.length > COMMIT_WRITES_MAX) throw tooLarge(`${writes.length} writes`);
  let total = 0;
  for (const { key, value } of writes) {
    if (key.length > STORE_KEY_BYTES_MAX) throw tooLarge(`a key of ${key.length} bytes`);
    const valueBytes = value?.length ?? 0;
    if (valueBytes > STORE_VALUE_BYTES_MAX) throw tooLarge(`a value of ${valueBytes} bytes`);
    total += key.length + valueBytes;
  }
  return total;
}

/** @throws E_TOO_LARGE */
export function checkCommitSize(writes: readonly Write[]): void {
  const total = measureWrites(writes);
  if (total > COMMIT_BYTES_MAX) throw tooLarge(`a commit of ${total} bytes`);
}

/** Whether the writes make the store larger: below the free-space mark, removing goes on. */
export function addsData(writes: readonly Write[]): boolean {
  return writes.some(({ value }) => value !== undefined);
}

/** The refusal below the free-space mark. */
export function storeFull(): FastChatError {
  return new FastChatError('E_STORE_FULL', 'the disk is nearly full', {
    retryAfterMs: FREE_SPACE_CHECK_INTERVAL_MS,
  });
}

/** The refusal of what does not fit the shard's log here, or comes from an owner that is none any more. */
export function moved(text: string): FastChatError {
  return new FastChatError('E_MOVED', text);
}

function tooLarge(what: string): FastChatError {
  return new FastChatError('E_TOO_LARGE', `${what} is more than the store takes`);
}

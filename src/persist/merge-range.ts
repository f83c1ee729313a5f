/** Reads a range through pending writes: the disk's pairs in order, each pending write over or between them. */
import { ownCopy } from '../protocol/own-copy.ts';
import type { DiskWrite, Pair, RangeOptions } from './environment.ts';
import { keyWithinArea } from './physical-keys.ts';
import { byteText } from './write-overlay.ts';

const NO_VALUE = new Uint8Array(0);

function pairOf(write: DiskWrite, keysOnly: boolean): Pair | undefined {
  if (write.value === undefined) return undefined;
  const key = ownCopy(keyWithinArea(write.physical));
  return [key, keysOnly ? NO_VALUE : ownCopy(write.value)];
}

/** `disk` and `pending` come in the order that `options.reverse` asks for. @returns at most `options.limit` pairs */
export function mergeRange(
  disk: Iterable<Pair>,
  pending: readonly DiskWrite[],
  options: RangeOptions,
): Pair[] {
  const { limit, reverse = false, keysOnly = false } = options;
  const merged: Pair[] = [];
  let next = 0;
  const isAfter = (a: string, b: string): boolean => (reverse ? a < b : a > b);
  /** Takes the pending writes that come before `text` (all of them for undefined); true when one of them replaces `text`. */
  const takePending = (text: string | undefined): boolean => {
    for (; merged.length < limit; next += 1) {
      const write = pending[next];
      if (write === undefined) return false;
      const replaces = write.text === text;
      if (text !== undefined && isAfter(write.text, text)) return false;
      const pair = pairOf(write, keysOnly);
      if (pair !== undefined) merged.push(pair);
      if (replaces) {
        next += 1;
        return true;
      }
    }
    return true;
  };
  if (limit > 0)
    for (const pair of disk) {
      if (pending.length === 0 || !takePending(byteText(pair[0]))) merged.push(pair);
      if (merged.length >= limit) return merged;
    }
  takePending(undefined);
  return merged;
}

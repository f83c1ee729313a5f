/**
 * How deep a msgpack value nests, found before it is decoded. A decoder makes room for every array that is announced, so a
 * few kilobytes of heads inside heads would take gigabytes; with a bound on the depth they cannot.
 */

/** Bytes of an item without what it holds; 0: a kind that no frame of ours has, where the decoder refuses. */
const FIXED = new Uint8Array(256);
/** Bytes of the length that follows the head. */
const LENGTH_BYTES = new Uint8Array(256);

FIXED.fill(1, 0x00, 0x80);
FIXED.fill(1, 0xe0);
FIXED.fill(1, 0x90, 0xc1);
FIXED.set([1, 1, 2, 3, 5], 0xc2);
FIXED.set([5, 9, 2, 3, 5, 9, 2, 3, 5, 9], 0xca);
FIXED.set([2, 3, 5, 3, 5], 0xd9);
LENGTH_BYTES.set([1, 2, 4], 0xc4);
LENGTH_BYTES.set([1, 2, 4, 2, 4], 0xd9);

function isArray(head: number): boolean {
  return (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
}

/** What an array or a string announces to hold. */
function announced(bytes: Uint8Array, at: number, head: number): number {
  if ((head & 0xf0) === 0x90) return head & 0x0f;
  if ((head & 0xe0) === 0xa0) return head & 0x1f;
  let length = 0;
  for (let index = 1; index <= (LENGTH_BYTES[head] ?? 0); index += 1)
    length = length * 0x100 + (bytes[at + index] ?? 0);
  return length;
}

/** Whether no more than `max` arrays are inside each other. What is not msgpack at all is left to the decoder. */
export function nestsWithin(bytes: Uint8Array, max: number): boolean {
  /** Items that each open array still waits for. */
  const open: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = bytes[at] ?? 0;
    const fixed = FIXED[head] ?? 0;
    if (fixed === 0) return true;
    const held = announced(bytes, at, head);
    at += fixed;
    if (isArray(head)) {
      if (open.length === max) return false;
      open.push(held + 1);
    } else at += held;
    settle(open);
  }
  return true;
}

/** One item is whole, and with it every array that it completes. */
function settle(open: number[]): void {
  for (let last = open.length - 1; last >= 0; last -= 1) {
    const left = (open[last] ?? 1) - 1;
    open[last] = left;
    if (left > 0) return;
    open.pop();
  }
}

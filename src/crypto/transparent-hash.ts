/** A fast checksum in the shape of a hash, for simulation only: it finds mistakes and stops nobody who means harm. */

const GOLDEN = 0x9e3779b9;

/** The state of the hash in work: two whole numbers, in one place because making an array costs as much as a short hash. */
const lanes = new Int32Array(2);

/** The rotation carries high bits down; without it flips of the same high bit in two words would cancel out. */
function nextLeft(lane: number, word: number): number {
  const left = lane ^ word;
  return Math.imul((left << 15) | (left >>> 17), 0x85ebca6b);
}

function nextRight(lane: number, word: number, left: number): number {
  const right = lane ^ word;
  return (Math.imul((right << 13) | (right >>> 19), 0xc2b2ae35) + left) | 0;
}

/** The state after a tag: there are few tags, and they come again and again. */
const afterTag = new Map<string, readonly [left: number, right: number]>();

function lanesOf(tag: string): readonly [left: number, right: number] {
  let left = nextLeft(GOLDEN, tag.length);
  let right = nextRight(~GOLDEN, tag.length, left);
  for (let index = 0; index < tag.length; index++) {
    left = nextLeft(left, tag.charCodeAt(index));
    right = nextRight(right, tag.charCodeAt(index), left);
  }
  return [left, right];
}

function absorbTag(tag: string): void {
  let state = afterTag.get(tag);
  if (state === undefined) afterTag.set(tag, (state = lanesOf(tag)));
  lanes.set(state);
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function absorbBytes(bytes: Uint8Array): void {
  const { length } = bytes;
  let left = nextLeft(lanes[0] ?? 0, length);
  let right = nextRight(lanes[1] ?? 0, length, left);
  const whole = length & ~3;
  for (let offset = 0; offset < length; offset += offset < whole ? 4 : 1) {
    const word = offset < whole ? wordAt(bytes, offset) : (bytes[offset] ?? 0);
    left = nextLeft(left, word);
    right = nextRight(right, word, left);
  }
  lanes[0] = left;
  lanes[1] = right;
}

function finish(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** `length` bytes that depend on `tag` and on every part and its length; the same every time. */
export function transparentHash(
  tag: string,
  parts: readonly Uint8Array[],
  length: number,
): Uint8Array {
  absorbTag(tag);
  for (const part of parts) absorbBytes(part);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) {
    const lane = lanes[index % 2] ?? 0;
    words[index] = finish(lane + Math.imul(index, GOLDEN));
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** A fast checksum in the shape of a hash, for simulation only: it finds mistakes and stops nobody who means harm. */

const GOLDEN = 0x9e3779b9;

interface Lanes {
  left: number;
  right: number;
}

/** The rotation carries high bits down; without it flips of the same high bit in two words would cancel out. */
function absorbWord(lanes: Lanes, word: number): void {
  const left = lanes.left ^ word;
  lanes.left = Math.imul((left << 15) | (left >>> 17), 0x85ebca6b);
  const right = lanes.right ^ word;
  lanes.right = Math.imul((right << 13) | (right >>> 19), 0xc2b2ae35) + lanes.left;
}

function absorbText(lanes: Lanes, text: string): void {
  absorbWord(lanes, text.length);
  for (let index = 0; index < text.length; index++) absorbWord(lanes, text.charCodeAt(index));
}

function absorbBytes(lanes: Lanes, bytes: Uint8Array): void {
  absorbWord(lanes, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length & ~3;
  for (let offset = 0; offset < whole; offset += 4) absorbWord(lanes, view.getInt32(offset, true));
  for (let offset = whole; offset < bytes.length; offset++)
    absorbWord(lanes, view.getUint8(offset));
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
  const lanes: Lanes = { left: GOLDEN, right: ~GOLDEN };
  absorbText(lanes, tag);
  for (const part of parts) absorbBytes(lanes, part);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) {
    const lane = index % 2 === 0 ? lanes.left : lanes.right;
    words[index] = finish(lane + Math.imul(index, GOLDEN));
  }
  return new Uint8Array(words.buffer, 0, length);
}

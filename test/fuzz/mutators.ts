/**
 * What becomes of a valid frame in hostile hands, as fast-check arbitraries: a mutation is a pure function that a seed
 * repeats. Those on bytes know nothing of msgpack; those on items keep the encoding whole, so that they get past it.
 */
import fc from 'fast-check';
import { decodeRaw, encodeRaw } from '../../src/protocol/codec.ts';

/** Changes one frame; `other` is another valid frame, to take parts from. */
export type Mutation = (frame: Uint8Array, other: Uint8Array) => Uint8Array;

/** Anywhere in a frame, evenly: doubles, and fast-check's bias for edges, would keep mutations near its head. */
const share = fc.noBias(fc.nat(999_999)).map((part) => part / 1_000_000);
const at = (ratio: number, length: number): number => Math.floor(ratio * length);

const bitFlips = fc
  .array(fc.tuple(share, fc.nat(7)), { minLength: 1, maxLength: 6 })
  .map((flips): Mutation => (frame) => {
    const bytes = Uint8Array.from(frame);
    for (const [ratio, bit] of flips) {
      const index = at(ratio, bytes.length);
      bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
    }
    return bytes;
  });

const truncation = share.map(
  (ratio): Mutation =>
    (frame) =>
      frame.slice(0, at(ratio, frame.length)),
);

const splice = fc.tuple(share, share, share).map(
  ([cut, from, to]): Mutation =>
    (frame, other) =>
      Buffer.concat([
        frame.subarray(0, at(cut, frame.length)),
        other.subarray(at(Math.min(from, to), other.length), at(Math.max(from, to), other.length)),
        frame.subarray(at(cut, frame.length)),
      ]),
);

/** Heads that announce more, or other, than what follows. */
const HEADS = [
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xc6, 0xff, 0xff, 0xff, 0xff],
  [0xc5, 0xff, 0xff],
  [0xdb, 0xff, 0xff, 0xff, 0xff],
  [0xdf, 0x00, 0x00, 0x00, 0x01],
  [0xc9, 0x00, 0x00, 0x00, 0x02, 0x01],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
  [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xc1],
] as const;

const lengthLie = fc
  .tuple(share, fc.constantFrom(...HEADS))
  .map(([ratio, head]): Mutation => (frame) => {
    const index = at(ratio, frame.length);
    return Buffer.concat([
      frame.subarray(0, index),
      Uint8Array.from(head),
      frame.subarray(index + 1),
    ]);
  });

/** Values of every type, at and beyond the edges of what fields hold. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, '', -1, 0.5, 2 ** 53, -(2 ** 53), NaN, Infinity),
  fc.constantFrom(0, 255, 256, 2 ** 16, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom('@__proto__', '#group', '@ALICE', '\u0000', '\ud800', 'constructor', 'n1'),
  fc.uint8Array({ maxLength: 80 }),
  fc.string({ maxLength: 70 }),
  fc.array(fc.nat(), { maxLength: 5 }),
);

type Tree = unknown[];

/** Every array inside a value, itself first. */
function arraysIn(value: unknown, found: Tree[] = []): Tree[] {
  if (!Array.isArray(value)) return found;
  found.push(value);
  for (const item of value) arraysIn(item, found);
  return found;
}

/** A mutation of decoded items; what is no msgpack any more stays as it is. */
function onItems(change: (arrays: readonly Tree[], other: unknown) => void): Mutation {
  return (frame, other) => {
    try {
      const tree = structuredClone(decodeRaw(frame));
      change(arraysIn(tree), decodeRaw(other));
      return encodeRaw(tree);
    } catch {
      return frame;
    }
  };
}

function pick<T>(list: readonly T[], ratio: number): T | undefined {
  return list[at(ratio, list.length)];
}

const typeChange = fc.tuple(share, share, oddValue).map(([where, which, value]) =>
  onItems((arrays) => {
    const array = pick(arrays, where);
    if (array !== undefined && array.length > 0) array[at(which, array.length)] = value;
  }),
);

const nesting = fc
  .tuple(share, share, fc.integer({ min: 1, max: 8 }))
  .map(([where, which, depth]) =>
    onItems((arrays) => {
      const array = pick(arrays, where);
      if (array === undefined || array.length === 0) return;
      const index = at(which, array.length);
      for (let level = 0; level < depth; level += 1) array[index] = [array[index]];
    }),
  );

/** Deeper than any encoder of ours goes: only bytes can say it. */
const deepNesting = fc.integer({ min: 16, max: 5000 }).map(
  (depth): Mutation =>
    (frame) =>
      Buffer.concat([Buffer.alloc(depth, 0x91), frame]),
);

const duplicate = fc
  .tuple(share, share, fc.integer({ min: 1, max: 20 }))
  .map(([where, which, times]) =>
    onItems((arrays) => {
      const array = pick(arrays, where);
      if (array === undefined || array.length === 0) return;
      const index = at(which, array.length);
      array.splice(index, 0, ...Array.from({ length: times }, () => array[index]));
    }),
  );

const reorder = fc.tuple(share, share, share).map(([where, left, right]) =>
  onItems((arrays) => {
    const array = pick(arrays, where);
    if (array === undefined || array.length < 2) return;
    const [one, two] = [at(left, array.length), at(right, array.length)];
    [array[one], array[two]] = [array[two], array[one]];
  }),
);

const exchange = fc.tuple(share, share, share).map(([where, which, from]) =>
  onItems((arrays, other) => {
    const array = pick(arrays, where);
    if (array !== undefined && array.length > 0)
      array[at(which, array.length)] = structuredClone(pick(arraysIn(other), from));
  }),
);

const garbage = fc.uint8Array({ minLength: 1, maxLength: 200 }).map(
  (bytes): Mutation =>
    () =>
      bytes,
);

const untouched = fc.constant<Mutation>((frame) => frame);

/** By name, so that a test can ask for each. */
export const MUTATORS = {
  untouched,
  bitFlips,
  truncation,
  splice,
  lengthLie,
  typeChange,
  nesting,
  deepNesting,
  duplicate,
  reorder,
  exchange,
  garbage,
} as const satisfies Readonly<Record<string, fc.Arbitrary<Mutation>>>;

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 2, arbitrary: untouched },
  { weight: 4, arbitrary: bitFlips },
  { weight: 2, arbitrary: truncation },
  { weight: 2, arbitrary: splice },
  { weight: 2, arbitrary: lengthLie },
  { weight: 6, arbitrary: typeChange },
  { weight: 1, arbitrary: nesting },
  { weight: 1, arbitrary: deepNesting },
  { weight: 2, arbitrary: duplicate },
  { weight: 2, arbitrary: reorder },
  { weight: 3, arbitrary: exchange },
  { weight: 1, arbitrary: garbage },
);

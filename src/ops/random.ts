/** Chance as a port: production draws from the system, simulation from a seed. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** A uniform number in [0, 1). */
  fraction(): number;
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
  // 53 bits, so that every double in [0, 1) of that spacing is equally likely.
  fraction: () => {
    const bits = randomBytes(8);
    return (bits.readUInt32BE(0) * 2 ** 21 + (bits.readUInt32BE(4) >>> 11)) / 2 ** 53;
  },
  bytes: (count) => new Uint8Array(randomBytes(count)),
};

/** A repeatable stream of chance (mulberry32) for simulation and tests; never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    fraction: () => u32() / 2 ** 32,
    bytes(count) {
      const drawn = new Uint8Array(count);
      for (let index = 0; index < count; index += 1) drawn[index] = u32();
      return drawn;
    },
  };
}

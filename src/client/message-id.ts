/** Ids of new messages: 26 characters of Crockford's base32, the first ten of them the time, so that they sort by it. */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { MessageId } from '../protocol/ids.ts';
import { parseMessageId } from '../protocol/ids.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_SYMBOLS = 10;
const RANDOM_SYMBOLS = 16;

export function newMessageId(clock: Clock, random: Random): MessageId {
  let time = '';
  let rest = clock.now();
  for (let symbol = 0; symbol < TIME_SYMBOLS; symbol++) {
    time = ALPHABET.charAt(rest % ALPHABET.length) + time;
    rest = Math.floor(rest / ALPHABET.length);
  }
  // 256 is a multiple of 32, so every symbol is equally likely.
  const chance = Array.from(random.bytes(RANDOM_SYMBOLS), (byte) =>
    ALPHABET.charAt(byte % ALPHABET.length),
  );
  return parseMessageId(time + chance.join(''));
}

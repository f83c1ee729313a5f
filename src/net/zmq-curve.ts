/** CURVE keys: 32 raw bytes in this program, Z85 text (RFC 32 of ZeroMQ) at the border to libzmq. */
import { curveKeyPair } from 'zeromq';
import { FastChatError } from '../protocol/errors.ts';

export const CURVE_KEY_BYTES = 32;

export interface CurveKeys {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

const ALPHABET =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const BASE = ALPHABET.length;
const BYTES_PER_GROUP = 4;
const DIGITS_PER_GROUP = 5;

/** A fresh key pair of a node, drawn by libzmq. */
export function generateCurveKeys(): CurveKeys {
  const pair = curveKeyPair();
  return { publicKey: fromZ85(pair.publicKey), secretKey: fromZ85(pair.secretKey) };
}

/** Five digits for every four bytes. @throws E_USAGE when the length is not that of a CURVE key */
export function toZ85(key: Uint8Array): string {
  if (key.length !== CURVE_KEY_BYTES)
    throw new FastChatError(
      'E_USAGE',
      `a CURVE key has ${CURVE_KEY_BYTES} bytes, not ${key.length}`,
    );
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  let text = '';
  for (let offset = 0; offset < key.length; offset += BYTES_PER_GROUP)
    text += encodeGroup(view.getUint32(offset));
  return text;
}

function encodeGroup(value: number): string {
  let rest = value;
  let digits = '';
  for (let digit = 0; digit < DIGITS_PER_GROUP; digit++) {
    digits = ALPHABET.charAt(rest % BASE) + digits;
    rest = Math.floor(rest / BASE);
  }
  return digits;
}

/** @throws E_USAGE when the text is not Z85 */
export function fromZ85(text: string): Uint8Array {
  if (text.length % DIGITS_PER_GROUP !== 0)
    throw new FastChatError('E_USAGE', 'not Z85: odd length');
  const bytes = new Uint8Array((text.length / DIGITS_PER_GROUP) * BYTES_PER_GROUP);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group * DIGITS_PER_GROUP < text.length; group++)
    view.setUint32(group * BYTES_PER_GROUP, decodeGroup(text, group * DIGITS_PER_GROUP));
  return bytes;
}

function decodeGroup(text: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + DIGITS_PER_GROUP; index++) {
    const digit = ALPHABET.indexOf(text.charAt(index));
    if (digit < 0) throw new FastChatError('E_USAGE', 'not Z85: a character outside its alphabet');
    value = value * BASE + digit;
  }
  if (value > 0xffff_ffff) throw new FastChatError('E_USAGE', 'not Z85: a group above 32 bits');
  return value;
}

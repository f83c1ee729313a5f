/**
 * The self-signed certificate of a cluster: clients pin the fingerprint of its key, so names and dates in it mean
 * nothing. Written as DER by hand, because node:crypto reads certificates but does not make them.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Random } from '../ops/random.ts';

/** What a gate shows, as PEM text. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

const SERIAL_BYTES = 16;
const PEM_LINE = 64;

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
};
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION_FIELD = 0xa0;
const X509_V3 = 2;
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2, and commonName, 2.5.4.3. */
const ECDSA_SHA256 = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
const COMMON_NAME = Uint8Array.of(0x55, 0x04, 0x03);

/** A new P-256 key and a certificate for it that is valid at any time. */
export function createTlsIdentity(random: Random): TlsIdentity {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { key, cert: certify(privateKey, random.bytes(SERIAL_BYTES)) };
}

/** SHA-256 of the public key (SPKI DER): what a connect URL carries and clients pin. */
export function keyFingerprint(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return new Uint8Array(createHash('sha256').update(spki).digest());
}

/** The fingerprint of the key in a PEM identity. */
export function identityFingerprint(identity: TlsIdentity): Uint8Array {
  return keyFingerprint(createPrivateKey(identity.key));
}

function certify(privateKey: KeyObject, serial: Uint8Array): string {
  const algorithm = der(SEQUENCE, der(TAG.objectId, ECDSA_SHA256));
  const attribute = der(SEQUENCE, der(TAG.objectId, COMMON_NAME), der(TAG.utf8, ascii('fastchat')));
  const name = der(SEQUENCE, der(SET, attribute));
  const always = der(
    SEQUENCE,
    der(TAG.utcTime, ascii('700101000000Z')),
    der(TAG.time, ascii('99991231235959Z')),
  );
  const signed = der(
    SEQUENCE,
    der(VERSION_FIELD, der(TAG.integer, Uint8Array.of(X509_V3))),
    der(TAG.integer, positive(serial)),
    algorithm,
    name,
    always,
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  const signature = Uint8Array.of(0, ...sign('sha256', signed, privateKey));
  return pem(der(SEQUENCE, signed, algorithm, der(TAG.bitString, signature)));
}

/** Tag, length, value; lengths from 128 on take a count of length bytes first. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(parts);
  if (value.length < 0x80) return Buffer.concat([Uint8Array.of(tag, value.length), value]);
  const length = value.length < 0x100 ? [value.length] : [value.length >> 8, value.length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, 0x80 | length.length, ...length), value]);
}

/** A serial number in the shortest form of a positive INTEGER: first bit 0, first byte not 0. */
function positive(serial: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(serial);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'ascii');
}

function pem(certificate: Uint8Array): string {
  const lines = Buffer.from(certificate)
    .toString('base64')
    .match(new RegExp(`.{1,${PEM_LINE}}`, 'g'));
  return ['-----BEGIN CERTIFICATE-----', ...(lines ?? []), '-----END CERTIFICATE-----', ''].join(
    '\n',
  );
}

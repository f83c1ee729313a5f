/** People with keys, and the messages they write, over either suite. */
import type { Body } from '../../../src/protocol/bodies.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import {
  parseDeviceId,
  parseIncarnation,
  parseMessageId,
  parseUserId,
} from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { NO_PREVIOUS, openDirect, sealDirect } from '../../../src/crypto/opening/direct-message.ts';
import type {
  DirectDraft,
  OpenedMessage,
  OpenInput,
} from '../../../src/crypto/opening/direct-message.ts';
import { createOpeningSuite } from '../../../src/crypto/opening/opening-suite.ts';
import { createTransparentOpeningSuite } from '../../../src/crypto/opening/transparent-opening-suite.ts';
import { boxKeysByEpoch, createVault, currentBoxKey } from '../../../src/crypto/opening/vault.ts';
import type { Vault, WrapKeys } from '../../../src/crypto/opening/vault.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { seededRandom } from '../../../src/ops/random.ts';

export const SUITES: ReadonlyArray<readonly [name: string, create: () => Promise<OpeningSuite>]> = [
  ['libsodium', createOpeningSuite],
  ['transparent', () => Promise.resolve(transparentSuite())],
];

export function transparentSuite(seed = 1): OpeningSuite {
  return createTransparentOpeningSuite(seededRandom(seed));
}

export interface Person {
  readonly user: UserId;
  readonly vault: Vault;
}

/** Public keys for the wraps of a vault key that nobody ever opens. */
export function anyWrapKeys(suite: OpeningSuite): WrapKeys {
  return { password: suite.boxKeyPair().publicKey, recovery: suite.boxKeyPair().publicKey };
}

export function person(suite: OpeningSuite, name: string): Person {
  return { user: parseUserId(name), vault: createVault(suite, 0, anyWrapKeys(suite)) };
}

export function draft(from: Person, to: Person, changes: Partial<DirectDraft> = {}): DirectDraft {
  return {
    from: from.user,
    device: parseDeviceId(1),
    counter: 1,
    previous: NO_PREVIOUS,
    to: to.user,
    incarnation: parseIncarnation('a'.repeat(32)),
    id: parseMessageId('m1'),
    timestamp: 1000,
    quiet: false,
    body: { type: 'text', text: 'hello' },
    ...changes,
  };
}

export function recipient(to: Person) {
  const { epoch, keys } = currentBoxKey(to.vault);
  return {
    identity: to.vault.identity.publicKey,
    box: { epoch, publicKey: keys.publicKey },
  };
}

export function seal(
  suite: OpeningSuite,
  from: Person,
  to: Person,
  changes: Partial<DirectDraft> = {},
): { readonly envelope: Envelope; readonly hash: Uint8Array } {
  const { privateKey } = from.vault.identity;
  return sealDirect(suite, draft(from, to, changes), recipient(to), privateKey);
}

export function say(suite: OpeningSuite, from: Person, to: Person, body: Body): Envelope {
  return seal(suite, from, to, { body }).envelope;
}

/** What `to` gives to `openDirect` for an envelope that claims to be from `from`. */
export function openInput(from: Person, to: Person, envelope: Envelope): OpenInput {
  return {
    envelope,
    self: { user: to.user, identity: to.vault.identity.publicKey },
    keysByEpoch: boxKeysByEpoch(to.vault),
    senderIdentity: from.vault.identity.publicKey,
  };
}

export function open(
  suite: OpeningSuite,
  from: Person,
  to: Person,
  envelope: Envelope,
): OpenedMessage {
  return openDirect(suite, openInput(from, to, envelope));
}

/**
 * The vault: a user's private keys, as every device of the user has them. Values are never changed, only replaced;
 * what is stored on the server is the vault sealed under the vault key, in versions that grow by one.
 */
import type { BoxKey } from '../../protocol/account.ts';
import { FastChatError, invariant } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { BOX_KEY_ROTATE_MS, VAULT_BOX_KEYS_MAX } from '../../protocol/limits.ts';
import { boxKeyParts } from '../identity.ts';
import { SecretKeyPair } from '../secrets.ts';
import type { KeyPair, OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';

/** One X25519 key pair of the user. */
export interface VaultBoxKey {
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly keys: SecretKeyPair;
}

/**
 * Public keys that every vault key is wrapped to. The private halves come from the password and from the recovery code;
 * with these in the vault, any device makes a new vault key without knowing either.
 */
export interface WrapKeys {
  readonly password: Uint8Array;
  readonly recovery: Uint8Array;
}

export interface Vault {
  /** The version that the server has; 0: it has none yet. */
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly identity: SecretKeyPair;
  readonly wrapKeys: WrapKeys;
  /** By growing epoch, never empty; the last one is current, the others open what was sealed before. */
  readonly boxKeys: readonly VaultBoxKey[];
}

/** A new identity and its first box key, epoch 1. */
export function createVault(suite: OpeningSuite, nowMs: number, wrapKeys: WrapKeys): Vault {
  return {
    version: 0,
    created: nowMs,
    identity: SecretKeyPair.of(suite.signKeyPair()),
    wrapKeys,
    boxKeys: [{ epoch: 1, madeAt: nowMs, keys: SecretKeyPair.of(suite.boxKeyPair()) }],
  };
}

/** The key that others should seal to. */
export function currentBoxKey(vault: Vault): VaultBoxKey {
  const current = vault.boxKeys.at(-1);
  invariant(current !== undefined, 'a vault has a box key');
  return current;
}

/** The current box key as everybody sees it, signed by the identity. */
export function publishedBoxKey(suite: OpeningSuite, vault: Vault, user: UserId): BoxKey {
  const { epoch, keys } = currentBoxKey(vault);
  const parts = boxKeyParts(user, epoch, keys.publicKey);
  const signature = suite.sign(TAGS.boxKey, parts, vault.identity.privateKey);
  return { epoch, publicKey: keys.publicKey, signature };
}

/** For `openDirect`. */
export function boxKeysByEpoch(vault: Vault): ReadonlyMap<number, KeyPair> {
  return new Map(vault.boxKeys.map(({ epoch, keys }) => [epoch, keys]));
}

/** Whether the current box key has served its time. */
export function boxKeyIsDue(vault: Vault, nowMs: number): boolean {
  return nowMs - currentBoxKey(vault).madeAt >= BOX_KEY_ROTATE_MS;
}

/**
 * Adds a fresh box key; vault and public key go to the server in one commit.
 * @throws E_TOO_LARGE when so many old keys are kept that the vault is full: retire some first
 */
export function rotateBoxKey(
  suite: OpeningSuite,
  vault: Vault,
  user: UserId,
  nowMs: number,
): { readonly vault: Vault; readonly boxKey: BoxKey } {
  if (vault.boxKeys.length >= VAULT_BOX_KEYS_MAX)
    throw new FastChatError('E_TOO_LARGE', 'the vault holds too many old box keys');
  const fresh = {
    epoch: currentBoxKey(vault).epoch + 1,
    madeAt: nowMs,
    keys: SecretKeyPair.of(suite.boxKeyPair()),
  };
  const rotated = { ...vault, boxKeys: [...vault.boxKeys, fresh] };
  return { vault: rotated, boxKey: publishedBoxKey(suite, rotated, user) };
}

/** Drops the private keys that nothing is sealed to any more; the current one always stays. */
export function retireBoxKeys(vault: Vault, minBoxEpoch: number): Vault {
  const current = currentBoxKey(vault);
  const kept = vault.boxKeys.filter((key) => key.epoch >= minBoxEpoch || key === current);
  return { ...vault, boxKeys: kept };
}

/**
 * Checks an opened vault against what the server publishes for the user: a new device has no memory to notice a
 * rolled back vault by.
 * @throws E_KEY_CHANGED when another identity is published, E_VAULT_CONFLICT when the vault is older than the box key
 */
export function checkPublished(
  suite: OpeningSuite,
  vault: Vault,
  published: { readonly identity: Uint8Array; readonly box: BoxKey },
): void {
  if (!suite.equal(vault.identity.publicKey, published.identity))
    throw new FastChatError('E_KEY_CHANGED', 'the server publishes another identity than yours');
  const own = vault.boxKeys.find(({ epoch }) => epoch === published.box.epoch);
  if (own === undefined || !suite.equal(own.keys.publicKey, published.box.publicKey))
    throw new FastChatError('E_VAULT_CONFLICT', 'the vault lacks the published box key');
}

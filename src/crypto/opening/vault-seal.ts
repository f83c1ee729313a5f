/** The vault as bytes: format (1 byte), then the padded contents encrypted under the vault key for (user, version). */
import { decode, encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { VAULT_BOX_KEYS_MAX, VAULT_BYTES_MAX } from '../../protocol/limits.ts';
import { bytes, list, struct, u32, u53 } from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';
import { concat, u53Bytes, utf8 } from '../bytes.ts';
import { SecretKeyPair } from '../secrets.ts';
import type { SecretBytes } from '../secrets.ts';
import { BOX_PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, SIGN_PRIVATE_KEY_BYTES } from '../sizes.ts';
import type { OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import { pad, unpad } from './padding.ts';
import type { Vault } from './vault.ts';

const FORMAT = 2;
const FORMAT_BYTES = 1;

const publicKey = bytes(PUBLIC_KEY_BYTES);
const contents = struct({
  version: u53,
  created: u53,
  identity: struct({ publicKey, privateKey: bytes(SIGN_PRIVATE_KEY_BYTES) }),
  wrapKeys: struct({ password: publicKey, recovery: publicKey }),
  boxKeys: list(
    struct({
      epoch: u32,
      madeAt: u53,
      keys: struct({ publicKey, privateKey: bytes(BOX_PRIVATE_KEY_BYTES) }),
    }),
    VAULT_BOX_KEYS_MAX,
  ),
});

function context(user: UserId, version: number): Uint8Array[] {
  return [Uint8Array.of(FORMAT), utf8(user), u53Bytes(version)];
}

/**
 * Seals the vault as its next version; the server takes it only if it still has the version before.
 * @throws E_TOO_LARGE past VAULT_BYTES_MAX
 */
export function sealVault(
  suite: OpeningSuite,
  vault: Vault,
  user: UserId,
  vaultKey: SecretBytes,
): { readonly vault: Vault; readonly sealed: Uint8Array } {
  const next = { ...vault, version: vault.version + 1 };
  const plain = pad(encode(contents, next));
  const cipher = suite.encrypt(TAGS.vault, plain, context(user, next.version), vaultKey.reveal());
  plain.fill(0);
  const sealed = concat(Uint8Array.of(FORMAT), cipher);
  if (sealed.length > VAULT_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', `the vault may have ${VAULT_BYTES_MAX} bytes`);
  return { vault: next, sealed };
}

/** A sealed vault as the server hands it out, and whose it should be. */
export interface VaultInput {
  readonly user: UserId;
  readonly version: number;
  readonly sealed: Uint8Array;
}

/**
 * Opens a vault of exactly this user and version; whether a newer one was seen before is for the caller to compare.
 * @throws E_DECRYPT for another key, user or version, E_VERSION, E_BAD_FRAME
 */
export function openVault(suite: OpeningSuite, input: VaultInput, vaultKey: SecretBytes): Vault {
  const { user, version, sealed } = input;
  if (sealed.length > VAULT_BYTES_MAX) throw new FastChatError('E_BAD_FRAME', 'too long a vault');
  if (sealed[0] !== FORMAT)
    throw new FastChatError('E_VERSION', 'the vault has a format that this client does not know');
  const cipher = sealed.subarray(FORMAT_BYTES);
  const plain = suite.decrypt(TAGS.vault, cipher, context(user, version), vaultKey.reveal());
  const vault = fromContents(decode(contents, unpad(plain)));
  plain.fill(0);
  if (vault.version !== version || vault.boxKeys.length === 0)
    throw new FastChatError('E_BAD_FRAME', 'the vault contradicts itself');
  return vault;
}

/** Copies everything: the plain text that it is decoded from is wiped. */
function fromContents(raw: Infer<typeof contents>): Vault {
  const boxKeys = raw.boxKeys.map((key) => ({ ...key, keys: SecretKeyPair.of(key.keys) }));
  const { password, recovery } = raw.wrapKeys;
  const wrapKeys = { password: Uint8Array.from(password), recovery: Uint8Array.from(recovery) };
  return { ...raw, identity: SecretKeyPair.of(raw.identity), wrapKeys, boxKeys };
}

/** What a device may do to the vault on its own, each one `putVault`: the daily box key, and a new vault key. */
import type { Wraps } from '../../crypto/opening/vault-key.ts';
import { wrapVaultKey } from '../../crypto/opening/vault-key.ts';
import { sealVault } from '../../crypto/opening/vault-seal.ts';
import { boxKeyIsDue, retireBoxKeys, rotateBoxKey } from '../../crypto/opening/vault.ts';
import type { Vault } from '../../crypto/opening/vault.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { Clock } from '../../ops/clock.ts';
import { BOX_KEY_RETAIN_MS } from '../../protocol/limits.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { AccountBook, OpenedVault } from './account-book.ts';

export interface VaultChangePorts {
  readonly clock: Clock;
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
}

/** A fresh box key when the current one has served its time. @throws E_VAULT_CONFLICT */
export async function rotateIfDue(
  ports: VaultChangePorts,
  link: GateLink,
  ours: OpenedVault,
): Promise<OpenedVault | undefined> {
  if (!boxKeyIsDue(ours.vault, ports.clock.now())) return undefined;
  // One epoch of grace: what was sealed before the change and waits somewhere still gets in.
  return await put(ports, link, ours, { key: ours.key, wraps: undefined, graceEpochs: 1 });
}

/**
 * A vault key and a box key that no revoked device knows. Nothing sealed to an older box key gets in from then on; its
 * private half stays for what is retained. @throws E_VAULT_CONFLICT
 */
export async function renewKey(
  ports: VaultChangePorts,
  link: GateLink,
  ours: OpenedVault,
): Promise<OpenedVault> {
  const { suite, book } = ports;
  const key = await book.drawVaultKey();
  const wraps = wrapVaultKey(suite, book.user, key, ours.vault.wrapKeys);
  return await put(ports, link, ours, { key, wraps, graceEpochs: 0 });
}

interface Change {
  readonly key: SecretBytes;
  /** undefined: those on the server stay. */
  readonly wraps: Wraps | undefined;
  /** Older box keys than the fresh one that messages may still be sealed to. */
  readonly graceEpochs: number;
}

async function put(
  { suite, book, clock }: VaultChangePorts,
  link: GateLink,
  ours: OpenedVault,
  { key, wraps, graceEpochs }: Change,
): Promise<OpenedVault> {
  const kept = retireBoxKeys(ours.vault, oldestNeeded(ours.vault, clock.now()));
  const { vault: rotated, boxKey } = rotateBoxKey(suite, kept, book.user, clock.now());
  const { vault, sealed: bytes } = sealVault(suite, rotated, book.user, key);
  const { version } = await link.call('putVault', {
    expected: ours.vault.version,
    vault: bytes,
    wraps,
    box: boxKey,
    minBoxEpoch: Math.max(1, boxKey.epoch - graceEpochs),
  });
  const sealed = { ...ours.sealed, ...wraps, version, vault: bytes };
  return { vault, sealed, key };
}

/** The epoch of the oldest private key that something retained may still be sealed to. */
function oldestNeeded(vault: Vault, nowMs: number): number {
  const needed = vault.boxKeys.find((_, index) => {
    const successor = vault.boxKeys[index + 1];
    return successor === undefined || nowMs - successor.madeAt < BOX_KEY_RETAIN_MS;
  });
  return needed?.epoch ?? 1;
}

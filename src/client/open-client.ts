/** The client of a real home: `H/<account>/` with its lock, `key` (the store key, 0600) and `store/`. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SecretBytes } from '../crypto/secrets.ts';
import { SYMMETRIC_KEY_BYTES } from '../crypto/sizes.ts';
import { createPasswordClient } from '../crypto/opening/opaque-client.ts';
import { createOpeningSuite } from '../crypto/opening/opening-suite.ts';
import { createTlsNetwork } from '../net/tls-links.ts';
import { systemClock } from '../ops/clock.ts';
import { systemRandom } from '../ops/random.ts';
import type { ClientKv } from '../persist/client-kv.ts';
import { openDataDirectory } from '../persist/data-directory.ts';
import { openLmdbClientKv } from '../persist/lmdb-client-kv.ts';
import { FastChatError } from '../protocol/errors.ts';
import { parseUserId } from '../protocol/ids.ts';
import type { UserId } from '../protocol/ids.ts';
import { DEVICE_NAME_LENGTH_MAX } from '../protocol/limits.ts';
import type { Client } from './api.ts';
import { createClient } from './client.ts';
import { parseConnectUrl } from './connect-url.ts';
import type { ClientPorts } from './ports.ts';

export interface OpenOptions {
  /** The client home, `FASTCHAT_HOME`. */
  readonly home: string;
  /** `alice` or `@alice`. */
  readonly account: string;
  /** A connect URL; left out: the gates that this home knows. */
  readonly servers?: string | undefined;
  /** What other devices see; default: the name of this machine. */
  readonly deviceName?: string | undefined;
  /** Told once, with E_IO, when the disk fails: the client is of no use from then on. */
  readonly onFailure?: (error: FastChatError) => void;
}

/** The folder of an account within a home. */
export function accountDirectory(home: string, account: UserId): string {
  return join(home, account.slice(1));
}

/** Opens the account's store, making it when there is none; dials nobody. @throws E_HOME_IN_USE, E_BAD_NAME, E_USAGE, E_IO */
export async function openClient(options: OpenOptions): Promise<Client> {
  const account = parseUserId(options.account);
  const servers = options.servers === undefined ? undefined : parseConnectUrl(options.servers);
  const path = accountDirectory(options.home, account);
  const directory = openDataDirectory({ path, random: systemRandom, inUse: 'E_HOME_IN_USE' });
  try {
    const storeKey = readStoreKey(join(path, 'key'));
    const deviceName = (options.deviceName ?? hostname()).slice(0, DEVICE_NAME_LENGTH_MAX);
    const ports = await openPorts(path, options.onFailure ?? ignore, () => directory.release());
    return await orClose(ports.kv, createClient(ports, { account, servers, storeKey, deviceName }));
  } catch (cause) {
    directory.release();
    throw cause;
  }
}

async function openPorts(
  path: string,
  onFailure: (error: FastChatError) => void,
  onClosed: () => void,
): Promise<ClientPorts> {
  const [clock, random] = [systemClock, systemRandom];
  const suite = await createOpeningSuite();
  const passwords = createPasswordClient(clock);
  const kv = openLmdbClientKv({ directory: join(path, 'store'), clock, onFailure });
  const network = createTlsNetwork({ clock });
  const closing = closingWith(kv, async () => {
    await passwords.close();
    onClosed();
  });
  return { clock, random, network, kv: closing, suite, passwords };
}

/** The store, with something to be done after it is closed. */
function closingWith(kv: ClientKv, finish: () => Promise<void>): ClientKv {
  return {
    get: (key) => kv.get(key),
    range: (from, to, options) => kv.range(from, to, options),
    transact: (writes) => kv.transact(writes),
    close: async () => {
      await kv.close();
      await finish();
    },
  };
}

async function orClose<T>(kv: ClientKv, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    await kv.close();
    throw cause;
  }
}

/** The key of the store: whoever reads this file and the store has the account on this machine. */
function readStoreKey(path: string): SecretBytes {
  try {
    return new SecretBytes(readOrMake(path));
  } catch (cause) {
    if (cause instanceof FastChatError) throw cause;
    throw new FastChatError('E_IO', `cannot read or make the key file ${path}`, { cause });
  }
}

function readOrMake(path: string): Uint8Array {
  // Made elsewhere and renamed: a key that is there is complete, whenever the process may have ended.
  if (!existsSync(path)) {
    const draft = `${path}.new`;
    writeFileSync(draft, systemRandom.bytes(SYMMETRIC_KEY_BYTES), { mode: 0o600, flush: true });
    renameSync(draft, path);
  }
  const key = readFileSync(path);
  if (key.length !== SYMMETRIC_KEY_BYTES)
    throw new FastChatError('E_IO', `the key file ${path} is damaged`);
  return key;
}

function ignore(): void {}

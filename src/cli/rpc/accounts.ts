/**
 * The accounts of one `fastchat rpc`, each with a client of its own. Register, login and logout of one account run one
 * after the other, in the order they came; everything else of that account waits for those before it.
 */
import type { Client, ClientEvent, LoginResult } from '../../client/api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { COMMAND_GRACE_MS } from '../../protocol/limits.ts';

export interface AccountPorts {
  open(account: UserId): Promise<Client>;
  /** Called after the first success at the server. */
  remember(account: UserId): Promise<void>;
  onEvent(account: UserId, event: ClientEvent): void;
}

interface Entry {
  readonly client: Client;
  isLoggedIn: boolean;
}

export class Accounts {
  readonly #ports: AccountPorts;
  readonly #entries = new Map<UserId, Entry>();
  /** The last change of each account; settles when it has been made, never rejects. */
  readonly #changes = new Map<UserId, Promise<unknown>>();

  constructor(ports: AccountPorts) {
    this.#ports = ports;
  }

  register(account: UserId, password: string): Promise<{ readonly fingerprint: string }> {
    return this.#change(account, async () => {
      const { client } = await this.#open(account);
      try {
        const { fingerprint } = await client.register(password);
        await this.#ports.remember(account);
        return { fingerprint };
      } catch (cause) {
        if (!client.registered) await this.#close(account);
        throw cause;
      }
    });
  }

  /** Logs in anew when there is a session already; a failure ends that one too. */
  login(account: UserId, password: string): Promise<LoginResult> {
    return this.#change(account, async () => {
      const entry = await this.#open(account);
      try {
        const result = await entry.client.login(password);
        entry.isLoggedIn = true;
        await this.#ports.remember(account);
        return result;
      } catch (cause) {
        await this.#close(account);
        throw cause;
      }
    });
  }

  logout(account: UserId): Promise<void> {
    return this.#change(account, async () => {
      const client = this.#loggedIn(account);
      try {
        await client.logout();
      } finally {
        await this.#close(account);
      }
    });
  }

  /** The client of an account with a session. @throws E_NOT_LOGGED_IN */
  async session(account: UserId): Promise<Client> {
    await this.#changes.get(account);
    return this.#loggedIn(account);
  }

  /** Sends what it can within `graceMs`, saves the rest, closes everything. */
  async close(graceMs: number = COMMAND_GRACE_MS): Promise<void> {
    const accounts = [...this.#entries.keys()];
    await Promise.all(accounts.map((account) => this.#close(account, graceMs)));
  }

  #loggedIn(account: UserId): Client {
    const entry = this.#entries.get(account);
    if (entry?.isLoggedIn === true) return entry.client;
    throw new FastChatError('E_NOT_LOGGED_IN', `${account} has no session in this process`);
  }

  async #open(account: UserId): Promise<Entry> {
    const known = this.#entries.get(account);
    if (known !== undefined) return known;
    const client = await this.#ports.open(account);
    const entry: Entry = { client, isLoggedIn: false };
    client.on((event) => this.#ports.onEvent(account, event));
    this.#entries.set(account, entry);
    return entry;
  }

  async #close(account: UserId, graceMs = 0): Promise<void> {
    const entry = this.#entries.get(account);
    this.#entries.delete(account);
    await entry?.client.close(graceMs);
  }

  #change<T>(account: UserId, work: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(account) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result.catch(() => undefined);
    this.#changes.set(account, settled);
    return result;
  }
}

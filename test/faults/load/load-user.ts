/** A virtual user under load: the production client library over real sockets and real cryptography, its store in memory. */
import type { Client, ClientEvent } from '../../../src/client/api.ts';
import { createClient } from '../../../src/client/client.ts';
import type { ConnectUrl } from '../../../src/client/connect-url.ts';
import type { PasswordClient } from '../../../src/crypto/password-auth.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { createTlsNetwork } from '../../../src/net/tls-links.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { systemRandom } from '../../../src/ops/random.ts';
import { createMemoryClientKv } from '../../../src/persist/memory-client-kv.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { isGroup } from '../../../src/protocol/ids.ts';
import type { Address, GroupId, UserId } from '../../../src/protocol/ids.ts';
import type { NewEvent } from '../verdict/journal.ts';

export interface LoadUserPorts {
  readonly servers: ConnectUrl;
  /** Shared by all users of a process. */
  readonly suite: OpeningSuite;
  readonly passwords: PasswordClient;
  readonly hear: (event: NewEvent) => void;
}

const PASSWORD = 'a password under load';
const STORE_KEY = new Uint8Array(32).fill(7);
/** A send is waited for until it ends, however long the fault lasts. */
const SEND_TIMEOUT_MS = 3_600_000;
const RETRY_MS = 300;
const ENTER_ATTEMPTS_MAX = 60;

export class LoadUser {
  readonly name: UserId;
  readonly #ports: LoadUserPorts;
  readonly #client: Client;
  isConnected = false;

  private constructor(name: UserId, ports: LoadUserPorts, client: Client) {
    this.name = name;
    this.#ports = ports;
    this.#client = client;
    client.on((event) => this.#onEvent(event));
  }

  static async open(name: UserId, ports: LoadUserPorts): Promise<LoadUser> {
    const { servers, suite, passwords } = ports;
    const clock = systemClock;
    const kv = createMemoryClientKv({ clock, disk: new MemoryDisk(), flushDelayMs: () => 1 });
    const network = createTlsNetwork({ clock });
    const client = await createClient(
      { clock, random: systemRandom, network, kv, suite, passwords },
      {
        account: name,
        servers,
        storeKey: new SecretBytes(STORE_KEY),
        deviceName: 'load',
        trustsWeakStretching: true,
      },
    );
    return new LoadUser(name, ports, client);
  }

  /** Makes the account and stays connected. */
  async enter(): Promise<void> {
    for (let attempt = 1; ; attempt += 1)
      try {
        if (!this.#client.registered) await this.#client.register(PASSWORD);
        await this.#client.connect();
        return;
      } catch (cause) {
        if (asFastChatError(cause).retry === 'never' || attempt === ENTER_ATTEMPTS_MAX) throw cause;
        await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS));
      }
  }

  /** Sends `id` as a message whose text is its id; how it ends is heard, whenever that is. */
  say(to: Address, id: string): void {
    const { hear } = this.#ports;
    const from = this.name;
    hear({ is: 'sent', from, to, id });
    this.#client.send(to, id, { id, wait: 'stored', timeoutMs: SEND_TIMEOUT_MS }).then(
      () => hear({ is: 'acknowledged', from, to, id }),
      (cause: unknown) => hear({ is: 'refused', from, to, id, code: asFastChatError(cause).code }),
    );
  }

  /** Makes a group with all these members. */
  async found(group: GroupId, members: readonly UserId[]): Promise<void> {
    await this.#client.group.create(group, { members });
  }

  /** Resolves when this user has been let into the group. */
  async joined(group: GroupId): Promise<void> {
    for (;;) {
      const groups = await this.#client.groups();
      if (groups.some((known) => known.group === group)) return;
      await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #onEvent(event: ClientEvent): void {
    const { hear } = this.#ports;
    const by = this.name;
    if (event.type === 'message') {
      const to = isGroup(event.conversation) ? event.conversation : by;
      hear({ is: 'displayed', from: event.from, to, by, id: event.text ?? '' });
    }
    if (event.type === 'warning') hear({ is: 'warned', by, code: event.code });
    if (event.type !== 'state') return;
    if (event.connected === this.isConnected) return;
    this.isConnected = event.connected;
    hear(
      event.connected
        ? { is: 'connected', by, node: event.node ?? '' }
        : { is: 'disconnected', by },
    );
  }
}

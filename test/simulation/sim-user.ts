/** A virtual user: the production client library over the twins of its ports; crashes, restarts, keeps a log. */
import type { Client, ClientEvent } from '../../src/client/api.ts';
import { createClient } from '../../src/client/client.ts';
import type { ConnectUrl } from '../../src/client/connect-url.ts';
import { createTransparentOpeningSuite } from '../../src/crypto/opening/transparent-opening-suite.ts';
import { createTransparentPasswordClient } from '../../src/crypto/opening/transparent-password-client.ts';
import { SecretBytes } from '../../src/crypto/secrets.ts';
import { decodeFrame } from '../../src/client/connection/wire.ts';
import type { LinkNetwork } from '../../src/net/client-link.ts';
import type { MemoryLinks } from '../../src/net/memory-links.ts';
import type { Clock } from '../../src/ops/clock.ts';
import { seededRandom } from '../../src/ops/random.ts';
import type { Random } from '../../src/ops/random.ts';
import type { ClientKv } from '../../src/persist/client-kv.ts';
import { storeKey } from '../../src/persist/keys.ts';
import { createMemoryClientKv } from '../../src/persist/memory-client-kv.ts';
import { MemoryDisk } from '../../src/persist/memory-disk.ts';
import { asFastChatError } from '../../src/protocol/errors.ts';
import { isGroup } from '../../src/protocol/ids.ts';
import type { Address, GroupId, UserId } from '../../src/protocol/ids.ts';
import type { EventLog, Seen } from './event-log.ts';
import { ScopedClock } from '../support/scoped-clock.ts';

export interface SimUserPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MemoryLinks;
  readonly servers: ConnectUrl;
  readonly log: EventLog;
  /** A planted bug: the local store says "flushed" before it is, so a crash forgets what was shown. */
  readonly forgetsWhatItShowed: boolean;
  /** Told of every entry of a group's log that a node pushes. */
  readonly onHanded?: (group: GroupId, to: UserId, seq: number) => void;
}

/** A disk as it was, and what its user had seen then. */
export interface Backup {
  readonly disk: MemoryDisk;
  readonly seen: Seen;
}

export const SIM_PASSWORD = 'simulated password';

export class SimUser {
  readonly name: UserId;
  readonly #ports: SimUserPorts;
  #disk = new MemoryDisk();
  #clock: ScopedClock;
  #client: Client | undefined;
  /** Sends that have not been answered, across crashes. */
  readonly #unsettled = new Set<string>();
  #sent = 0;

  constructor(name: UserId, ports: SimUserPorts) {
    this.name = name;
    this.#ports = ports;
    this.#clock = new ScopedClock(ports.clock);
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error(`${this.name} is down`);
    return this.#client;
  }

  get isUp(): boolean {
    return this.#client !== undefined;
  }

  async register(): Promise<void> {
    await this.#open();
    await this.#untilDone(() => this.client.register(SIM_PASSWORD));
    // A registration of unknown fate had happened when the name is taken now: the password opens it.
    await this.#untilDone(() =>
      this.client.registered ? this.client.connect() : this.client.login(SIM_PASSWORD),
    );
  }

  /** Starts again on what the disk holds. */
  async restart(): Promise<void> {
    await this.#open();
    this.client.connect().catch((cause: unknown) => {
      // The device of an old backup was replaced meanwhile: a person would be asked for the password.
      if (asFastChatError(cause).code === 'E_AUTH') return this.client.login(SIM_PASSWORD);
      return undefined;
    });
  }

  crash(): void {
    this.#ports.log.orphan(this.#unsettled);
    this.#unsettled.clear();
    this.#client = undefined;
    this.#clock.die();
    this.#ports.links.crash(this.name);
    this.#disk.crash();
  }

  /** A copy of the disk as it is now, for a later restore. */
  backUp(): Backup {
    return { disk: this.#disk.copy(), seen: this.#ports.log.seenBy(this.name) };
  }

  /**
   * The machine dies and starts again on the disk of `backup`.
   * `keepTokens` plants a bug: the store does not show that it was restored, so its counters are used again.
   */
  async restore(backup: Backup, options: { readonly keepTokens: boolean }): Promise<void> {
    this.crash();
    if (options.keepTokens) await this.#copyTokens(backup.disk);
    this.#disk = backup.disk;
    this.#ports.log.forget(this.name, backup.seen);
    await this.restart();
  }

  /** Sends one message; how it ends goes to the log, whenever that is. */
  say(to: Address): void {
    this.#sent += 1;
    const id = `${this.name.slice(1)}-${this.#sent}`;
    const { log } = this.#ports;
    log.sent(this.name, to, id);
    this.#unsettled.add(id);
    this.client.send(to, id, { id, wait: 'stored', timeoutMs: 120_000 }).then(
      () => {
        this.#unsettled.delete(id);
        log.acknowledged(this.name, to, id);
      },
      (cause: unknown) => {
        this.#unsettled.delete(id);
        log.refused(this.name, to, id, asFastChatError(cause).code);
      },
    );
  }

  async #open(): Promise<void> {
    const { random, servers, forgetsWhatItShowed } = this.#ports;
    const own = seededRandom(Math.floor(random.fraction() * 2 ** 32));
    const clock = new ScopedClock(this.#ports.clock);
    this.#clock = clock;
    const kv = createMemoryClientKv({
      clock,
      disk: this.#disk,
      // What a disk that lies has not written yet is a matter of seconds.
      flushDelayMs: () => 1 + Math.floor(own.fraction() * (forgetsWhatItShowed ? 3000 : 3)),
      resolveBeforeFlush: forgetsWhatItShowed,
    });
    const client = await createClient(
      {
        clock,
        random: own,
        network: this.#network(),
        kv,
        suite: createTransparentOpeningSuite(own),
        passwords: createTransparentPasswordClient(own),
      },
      {
        account: this.name,
        servers,
        storeKey: new SecretBytes(new Uint8Array(32).fill(9)),
        deviceName: 'simulated',
        trustsWeakStretching: true,
      },
    );
    client.on((event) => this.#onEvent(event));
    this.#client = client;
  }

  async #copyTokens(to: MemoryDisk): Promise<void> {
    const key = storeKey('account');
    const open = (disk: MemoryDisk): ClientKv =>
      createMemoryClientKv({ clock: this.#ports.clock, disk, flushDelayMs: () => 1 });
    const [newest, restored] = [open(this.#disk), open(to)];
    await restored.transact([{ key, value: newest.get(key) }]);
    await Promise.all([newest.close(), restored.close()]);
  }

  #onEvent(event: ClientEvent): void {
    if (event.type === 'sent' && event.state !== 'queued' && event.state !== 'failed')
      this.#ports.log.acknowledged(this.name, event.conversation, event.id);
    if (event.type === 'message') this.#show(event);
    if (event.type === 'warning') this.#ports.log.warned(this.name, event.code);
  }

  #show({ conversation, from, text = '' }: Extract<ClientEvent, { type: 'message' }>): void {
    if (!isGroup(conversation)) this.#ports.log.displayed(this.name, from, text);
    // What another device of this user wrote is nothing that a group's members owe it.
    else if (from !== this.name) this.#ports.log.displayed(this.name, conversation, text);
  }

  /** The network, where every entry of a group that a node pushes is noted. */
  #network(): LinkNetwork {
    const { links, onHanded } = this.#ports;
    const network = links.at(this.name);
    if (onHanded === undefined) return network;
    return {
      listen: (options) => network.listen(options),
      dial: (target, events) => {
        const onFrame = (frame: Uint8Array): void => {
          for (const [group, seq] of entriesIn(frame)) onHanded(group, this.name, seq);
          events.onFrame(frame);
        };
        return network.dial(target, { ...events, onFrame });
      },
    };
  }

  async #untilDone(work: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await work();
        return;
      } catch (cause) {
        const { code, retry } = asFastChatError(cause);
        if (code === 'E_NAME_TAKEN') return;
        if (retry === 'never') throw cause;
        await new Promise<void>((resolve) => this.#ports.clock.after(500, resolve));
      }
    }
  }
}

function entriesIn(frame: Uint8Array): ReadonlyArray<readonly [GroupId, number]> {
  return decodeFrame(frame).flatMap((item) => {
    if (item.type !== 'push' || item.push.type !== 'groupEntries') return [];
    const { group, entries } = item.push;
    return entries.map(({ seq }) => [group, seq] as const);
  });
}

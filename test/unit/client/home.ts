/** Homes of clients in virtual time: their disks outlive crashes, and they can be copied. */
import type { Client, ClientEvent } from '../../../src/client/api.ts';
import { createClient } from '../../../src/client/client.ts';
import type { ConnectUrl } from '../../../src/client/connect-url.ts';
import { createTransparentPasswordClient } from '../../../src/crypto/opening/transparent-password-client.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import type { MemoryLinks } from '../../../src/net/memory-links.ts';
import type { Random } from '../../../src/ops/random.ts';
import type { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { createMemoryClientKv } from '../../../src/persist/memory-client-kv.ts';
import { MemoryDisk, createMemoryEnvironment } from '../../../src/persist/memory-disk.ts';
import { CLIENT_PART_AREA, CLIENT_VALUE_AREA } from '../../../src/persist/physical-keys.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { ScopedClock } from '../../support/scoped-clock.ts';

/** What every home of the tests encrypts its store with. */
export const STORE_KEY = new Uint8Array(32).fill(7);

export const PASSWORD = 'correct horse battery staple';

/** One installation of a client: its disk, and the client that runs on it at the moment. */
export class Home {
  readonly user: UserId;
  readonly name: string;
  readonly world: Homes;
  readonly disk: MemoryDisk;
  readonly events: ClientEvent[] = [];
  /** How far the date of this machine is ahead, from the next start on. */
  skewMs = 0;
  /** How long its disk takes for a flush. */
  flushMs = 1;
  #client: Client | undefined;
  #clock: ScopedClock | undefined;

  constructor(world: Homes, user: UserId, name: string, disk = new MemoryDisk()) {
    this.world = world;
    this.user = user;
    this.name = name;
    this.disk = disk;
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error(`${this.name} is not open`);
    return this.#client;
  }

  /** The fake cluster is a development cluster; `trustsWeakStretching` false: this home was told of none. */
  async open(trustsWeakStretching = true): Promise<Client> {
    const { random, suite, links, gates } = this.world;
    const clock = new ScopedClock(this.world.clock, this.skewMs);
    this.#clock = clock;
    const kv = createMemoryClientKv({ clock, disk: this.disk, flushDelayMs: () => this.flushMs });
    const passwords = createTransparentPasswordClient(random);
    const network = links.at(this.name);
    const ports = { clock, random, network, kv, suite, passwords };
    const client = await this.world.until(
      createClient(ports, {
        account: this.user,
        servers: { gates, fingerprint: undefined },
        storeKey: new SecretBytes(STORE_KEY),
        deviceName: this.name,
        trustsWeakStretching,
      }),
    );
    client.on((event) => this.events.push(event));
    this.#client = client;
    return client;
  }

  /** The process dies; of what was not flushed, the `kept` oldest transactions are on the disk all the same. */
  crash(kept = 0): void {
    this.disk.crash(kept);
    this.#clock?.die();
    this.world.links.crash(this.name);
    this.#client = undefined;
  }

  /** Opens a new process on what the disk holds, and connects. */
  async restart(): Promise<Client> {
    const client = await this.open();
    await this.world.until(client.connect());
    return client;
  }

  /** Another machine with the same bytes on its disk: what a backup restored, or a copied home, is. */
  async copy(name: string): Promise<Home> {
    const { clock } = this.world;
    const copy = new Home(this.world, this.user, name);
    const options = { clock, disk: copy.disk, flushDelayMs: () => 1, onFailure: () => undefined };
    const environment = createMemoryEnvironment(options);
    for (const area of [CLIENT_VALUE_AREA, CLIENT_PART_AREA]) {
      const keys = { area, from: new Uint8Array(0), to: undefined };
      for (const [key, value] of this.disk.range(keys, { limit: Infinity }))
        environment.write(area, key, value);
    }
    await this.world.until(environment.flushed(true));
    return copy;
  }

  /** Texts of the messages that were shown, in order. */
  shown(): readonly string[] {
    return this.of('message').map(({ text }) => text ?? '');
  }

  of<T extends ClientEvent['type']>(type: T): ReadonlyArray<Extract<ClientEvent, { type: T }>> {
    return this.events.filter(
      (event): event is Extract<ClientEvent, { type: T }> => event.type === type,
    );
  }

  warnings(): readonly string[] {
    return this.of('warning').map(({ code }) => code);
  }
}

/** Where homes live: a cluster that is faked or simulated, behind these gates. */
export abstract class Homes {
  abstract readonly clock: VirtualClock;
  abstract readonly random: Random;
  abstract readonly suite: OpeningSuite;
  abstract readonly links: MemoryLinks;
  abstract get gates(): ConnectUrl['gates'];

  /** A home whose account exists and whose client is connected. */
  async join(name: string): Promise<Home> {
    const home = new Home(this, parseUserId(name), `${name}-1`);
    const client = await home.open();
    await this.until(client.register(PASSWORD));
    await this.until(client.connect());
    return home;
  }

  /** Another home of an account, logged in with the password as a new device. */
  async joinAgain(name: string, machine: string): Promise<Home> {
    const home = new Home(this, parseUserId(name), machine);
    const client = await home.open();
    await this.until(client.login(PASSWORD));
    return home;
  }

  /** Lets time pass until `promise` settles, and gives its result. */
  async until<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    const progress = { isSettled: false };
    const settle = async (): Promise<void> => {
      await promise.catch(() => undefined);
      progress.isSettled = true;
    };
    void settle();
    const endMs = this.clock.mono() + limitMs;
    await this.clock.advance(0);
    while (!progress.isSettled && this.clock.mono() < endMs) await this.clock.advance(5);
    if (!progress.isSettled) throw new Error(`nothing happened within ${limitMs} virtual ms`);
    return await promise;
  }

  /** The code of the error that `promise` rejects with. */
  async code(promise: Promise<unknown>): Promise<string> {
    try {
      await this.until(promise);
      return 'none';
    } catch (cause) {
      return (cause as { code?: string }).code ?? String(cause);
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }
}

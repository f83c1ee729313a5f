/** One member of an etcd cluster, through all its lives. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessUnderTest } from './process-under-test.ts';

export interface EtcdPlace {
  readonly name: string;
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

export interface EtcdOptions {
  readonly place: EtcdPlace;
  /** All members, itself among them. */
  readonly members: readonly EtcdPlace[];
  readonly folder: string;
  readonly through: readonly string[];
}

const HEALTH_TIMEOUT_MS = 1000;

export class EtcdUnderTest {
  readonly name: string;
  readonly data: string;
  readonly #options: EtcdOptions;
  #process: ProcessUnderTest | undefined;

  constructor(options: EtcdOptions) {
    this.name = options.place.name;
    this.data = join(options.folder, this.name);
    this.#options = options;
  }

  get clientUrl(): string {
    const { host, clientPort } = this.#options.place;
    return `http://${host}:${clientPort}`;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  get process(): ProcessUnderTest {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  launch(): void {
    const { place, members, folder, through } = this.#options;
    const peers = members.map(({ name, host, peerPort }) => `${name}=http://${host}:${peerPort}`);
    const peerUrl = `http://${place.host}:${place.peerPort}`;
    const state = existsSync(join(this.data, 'member')) ? 'existing' : 'new';
    mkdirSync(this.data, { recursive: true, mode: 0o700 });
    this.#process = new ProcessUnderTest({
      command: [
        ...through,
        'etcd',
        `--name=${place.name}`,
        `--data-dir=${this.data}`,
        `--listen-client-urls=${this.clientUrl}`,
        `--advertise-client-urls=${this.clientUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=${peers.join(',')}`,
        `--initial-cluster-state=${state}`,
        '--logger=zap',
        '--log-outputs=stderr',
      ],
      env: {},
      log: join(folder, `${place.name}.log`),
    });
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** Whether it answers with a leader behind it. */
  async isHealthy(): Promise<boolean> {
    const response = await fetch(`${this.clientUrl}/health`, {
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
    });
    return ((await response.json()) as { readonly health: string }).health === 'true';
  }

  /** `etcdctl del --prefix`, of the whole cluster. */
  async removeAll(prefix: string): Promise<void> {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    // The first key that does not begin with `prefix/`: "0" comes right after the slash.
    const range = { key: base64(`${prefix}/`), range_end: base64(`${prefix}0`) };
    await fetch(`${this.clientUrl}/v3/kv/deleterange`, {
      method: 'POST',
      body: JSON.stringify(range),
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
    });
  }

  /** Whether it leads the others. */
  async isLeader(): Promise<boolean> {
    const response = await fetch(`${this.clientUrl}/metrics`, {
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
    });
    return /^etcd_server_is_leader 1$/m.test(await response.text());
  }
}

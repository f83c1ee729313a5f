/** Real etcd processes for tests: free ports, a temporary folder, killed, stopped and started again at will. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import type { HostPort } from '../../src/ops/units.ts';

const READY_LIMIT_MS = 20_000;
const READY_POLL_MS = 50;

/** The version of the etcd that is installed here; undefined: none. */
export function etcdVersion(): string | undefined {
  try {
    return /etcd Version: (\S+)/.exec(
      execFileSync('etcd', ['--version'], { encoding: 'utf8' }),
    )?.[1];
  } catch {
    return undefined;
  }
}

/** Like `describe`; where etcd is not installed it shows that, and runs nothing. */
export function describeWithEtcd(title: string, body: (this: Mocha.Suite) => void): void {
  if (etcdVersion() !== undefined) describe(title, body);
  else
    describe(title, () => {
      it.skip('skipped: etcd not found (apt-get install etcd-server)');
    });
}

/** Lets real time pass: etcd has no virtual clock. */
export function passTime(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(ms, resolve);
  });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export interface EtcdOptions {
  /** 1 or 3. Default 1. */
  readonly members?: number;
  /** Further flags of every member. */
  readonly flags?: readonly string[];
  readonly scheme?: 'http' | 'https';
}

interface Place {
  readonly client: string;
  readonly peer: string;
  readonly port: number;
}

/** One etcd cluster on loopback. */
export class EtcdCluster {
  readonly #directory: string;
  readonly #options: EtcdOptions;
  readonly #places: readonly Place[];
  readonly #processes: Array<ChildProcess | undefined> = [];

  private constructor(directory: string, options: EtcdOptions, places: readonly Place[]) {
    this.#directory = directory;
    this.#options = options;
    this.#places = places;
  }

  /** Resolves when a majority serves. */
  static async start(options: EtcdOptions = {}): Promise<EtcdCluster> {
    const { members = 1, scheme = 'http' } = options;
    const directory = await mkdtemp(join(tmpdir(), 'fastchat-etcd-'));
    const ports = await freePorts(2 * members);
    const places = Array.from({ length: members }, (_, index) => ({
      port: ports[2 * index] ?? 0,
      client: `${scheme}://127.0.0.1:${ports[2 * index]}`,
      peer: `http://127.0.0.1:${ports[2 * index + 1]}`,
    }));
    const cluster = new EtcdCluster(directory, options, places);
    for (let index = 0; index < members; index += 1) cluster.#spawn(index);
    await cluster.ready();
    return cluster;
  }

  get endpoints(): readonly HostPort[] {
    return this.#places.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** For `--coordinator`. */
  url(prefix = ''): string {
    const scheme = this.#options.scheme === 'https' ? 'etcds' : 'etcd';
    const hosts = this.#places.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `${scheme}://${hosts}${prefix === '' ? '' : `/${prefix}`}`;
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(index = 0): Promise<void> {
    const process = this.#processes[index];
    this.#processes[index] = undefined;
    if (process === undefined || process.exitCode !== null) return;
    process.kill('SIGCONT');
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  /** Starts a member that was killed, on its data. */
  async restart(index = 0): Promise<void> {
    this.#spawn(index);
    await this.ready(index);
  }

  /** SIGSTOP and SIGCONT. */
  signal(name: 'SIGSTOP' | 'SIGCONT', index = 0): void {
    this.#processes[index]?.kill(name);
  }

  /** Asks the first member something that the program never asks. */
  async post(path: string, body: object): Promise<void> {
    const url = `${this.#places[0]?.client}${path}`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }

  async stop(): Promise<void> {
    for (const index of this.#places.keys()) await this.kill(index);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Waits until the member answers reads that a majority agreed to. */
  async ready(index = 0): Promise<void> {
    const giveUpMs = systemClock.mono() + READY_LIMIT_MS;
    while (!(await this.#isHealthy(index))) {
      const exitCode = this.#processes[index]?.exitCode;
      if (typeof exitCode === 'number') throw new Error(`etcd ended with ${exitCode}`);
      if (systemClock.mono() > giveUpMs) throw new Error('etcd does not become ready');
      await passTime(READY_POLL_MS);
    }
  }

  async #isHealthy(index: number): Promise<boolean> {
    const place = this.#places[index];
    if (place === undefined) return false;
    // With TLS the test itself finds out: here the open port has to do.
    if (this.#options.scheme === 'https') return await isListening(place.port);
    try {
      const body = JSON.stringify({ key: Buffer.from('health').toString('base64') });
      const init = { method: 'POST', body, signal: AbortSignal.timeout(2000) };
      return (await fetch(`${place.client}/v3/kv/range`, init)).ok;
    } catch {
      return false;
    }
  }

  #spawn(index: number): void {
    const place = this.#places[index];
    if (place === undefined) throw new Error(`etcd has no member ${index}`);
    const name = (number: number): string => `e${number + 1}`;
    const initial = this.#places.map(({ peer }, number) => `${name(number)}=${peer}`).join(',');
    const flags = {
      name: name(index),
      'data-dir': join(this.#directory, name(index)),
      'listen-client-urls': place.client,
      'advertise-client-urls': place.client,
      'listen-peer-urls': place.peer,
      'initial-advertise-peer-urls': place.peer,
      'initial-cluster': initial,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    this.#processes[index] = spawn('etcd', [...args, ...(this.#options.flags ?? [])], {
      stdio: 'ignore',
      // Etcd 3.4 does not start on other machines without being told that they are known to be unsupported.
      env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch },
    });
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * A network for processes of one machine that can be cut: a network namespace per host, all on one bridge. A way from one
 * host to another is cut by giving the sender a neighbour entry with an address that nobody has: frames vanish without
 * an answer, as in a real partition, one direction at a time. Needs root, and neither iptables nor tc.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { atExit } from './last-resort.ts';

const PREFIX = 'fcf';
const NOBODY = '02:00:00:00:ff:ff';
const HUB_HOST = 254;

interface Host {
  readonly name: string;
  readonly space: string;
  readonly address: string;
  readonly mac: string;
  /** Its end of the cable at the bridge. */
  readonly port: string;
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function macOf(number: number): string {
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
}

export class Network {
  readonly #id = `${PREFIX}${process.pid}`;
  readonly #subnet = `10.${(process.pid >> 8) % 256}.${process.pid % 256}`;
  readonly #hosts = new Map<string, Host>();
  readonly #cuts = new Set<string>();
  #forget: () => void = () => undefined;

  /** Why this machine cannot make one; undefined: it can. */
  static lack(): string | undefined {
    if (process.getuid?.() !== 0) return 'partitions need root (network namespaces)';
    try {
      const network = Network.make(['x1']);
      network.remove();
      return undefined;
    } catch {
      return 'this kernel or container makes no network namespaces, veth pairs or bridges';
    }
  }

  static make(names: readonly string[]): Network {
    removeLeftovers();
    const network = new Network();
    network.#forget = atExit(() => network.remove());
    try {
      network.#build(names);
      return network;
    } catch (cause) {
      network.remove();
      throw cause;
    }
  }

  /** The name of where the clients are: the way back to them can be cut, too. */
  static readonly clients = 'clients';

  addressOf(name: string): string {
    return this.#host(name).address;
  }

  /** What a program is started through to run on that host. */
  through(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#host(name).space];
  }

  /** From now on nothing that `from` sends reaches `to`. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
    this.#point(from, to, NOBODY);
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`);
    this.#point(from, to, this.#host(to).mac);
  }

  /** Hosts of different groups do not hear each other; hosts in no group hear everybody. */
  partition(groups: ReadonlyArray<readonly string[]>): void {
    for (const [from, to] of acrossGroups(groups)) this.cut(from, to);
  }

  /** The way between any two hosts is as good as new. */
  mendAll(): void {
    for (const cut of this.#cuts) {
      const [from = '', to = ''] = cut.split(' ');
      this.mend(from, to);
    }
  }

  /** Bits a second that a host can send; undefined: as many as it likes. */
  narrow(name: string, bitsPerSecond: number | undefined): void {
    const { space } = this.#host(name);
    const tc = ['netns', 'exec', space, 'tc', 'qdisc'];
    if (bitsPerSecond === undefined) return ip(...tc, 'del', 'dev', 'eth0', 'root');
    const shape = ['rate', `${bitsPerSecond}bit`, 'burst', '16kb', 'latency', '500ms'];
    ip(...tc, 'add', 'dev', 'eth0', 'root', 'tbf', ...shape);
  }

  remove(): void {
    // The links first: a namespace goes away in its own time, and would keep their names until then.
    for (const { space, port } of this.#hosts.values()) {
      if (space === '') continue;
      quietly('link', 'del', port);
      quietly('netns', 'del', space);
    }
    quietly('link', 'del', `${this.#id}b`);
    this.#hosts.clear();
    this.#forget();
  }

  #build(names: readonly string[]): void {
    const bridge = `${this.#id}b`;
    ip('link', 'add', bridge, 'address', macOf(HUB_HOST), 'type', 'bridge');
    ip('address', 'add', `${this.#subnet}.${HUB_HOST}/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    for (const [index, name] of names.entries()) this.#addHost(name, index + 1, bridge);
    this.#hosts.set(Network.clients, {
      name: Network.clients,
      space: '',
      address: `${this.#subnet}.${HUB_HOST}`,
      mac: macOf(HUB_HOST),
      port: '',
    });
    // Known from the start: nobody has to ask who has an address, so a cut is a cut of one direction only.
    for (const from of names)
      for (const to of names) if (from !== to) this.#point(from, to, this.#host(to).mac);
  }

  #addHost(name: string, number: number, bridge: string): void {
    const host: Host = {
      name,
      space: `${this.#id}-${name}`,
      address: `${this.#subnet}.${number}`,
      mac: macOf(number),
      port: `${this.#id}p${number}`,
    };
    this.#hosts.set(name, host);
    ip('netns', 'add', host.space);
    const there = ['name', 'eth0', 'address', host.mac, 'netns', host.space];
    ip('link', 'add', host.port, 'type', 'veth', 'peer', ...there);
    ip('link', 'set', host.port, 'master', bridge, 'up');
    ip('-n', host.space, 'address', 'add', `${host.address}/24`, 'dev', 'eth0');
    ip('-n', host.space, 'link', 'set', 'eth0', 'up');
    ip('-n', host.space, 'link', 'set', 'lo', 'up');
  }

  #point(from: string, to: string, mac: string): void {
    const { space } = this.#host(from);
    const entry = [this.#host(to).address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent'];
    ip('-n', space, 'neighbour', 'replace', ...entry);
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }
}

function acrossGroups(
  groups: ReadonlyArray<readonly string[]>,
): ReadonlyArray<readonly [string, string]> {
  return groups.flatMap((group) => {
    const others = groups.filter((other) => other !== group).flat();
    return group.flatMap((from) => others.map((to) => [from, to] as const));
  });
}

function quietly(...args: readonly string[]): void {
  try {
    ip(...args);
  } catch {
    // It was never made, or is gone.
  }
}

/** What harnesses that were killed have left: their process id is in the names. */
function removeLeftovers(): void {
  const isOrphan = (name: string): boolean => {
    const pid = /^fcf(\d+)/.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  };
  for (const space of listed('/run/netns').filter(isOrphan)) quietly('netns', 'del', space);
  for (const link of listed('/sys/class/net').filter(isOrphan)) quietly('link', 'del', link);
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

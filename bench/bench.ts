/** One run: a cluster, its load generators, and what is measured of both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { BenchAccount } from './account.ts';
import type { Answer, CommandName, Commands, FlowPlan } from './generator/commands.ts';
import { Generator } from './generator/generator.ts';
import type { Snapshot } from './generator/tally.ts';
import { Histogram } from './histogram.ts';
import { sumUsage, usageOf } from './process-usage.ts';
import type { Usage } from './process-usage.ts';
import { difference, nodeCounts } from './node-metrics.ts';
import type { NodeCounts } from './node-metrics.ts';
import { printProfile, summarise } from './profile-summary.ts';
import { sealedBytes } from './sealed-size.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';

export interface BenchOptions {
  readonly nodes: number;
  readonly users: number;
  /** Seconds of full load before anything is measured, in which V8 compiles what a node runs through. */
  readonly warmUp: number;
  readonly seconds: number;
  /** Messages per second, where a scenario has a rate. */
  readonly rate: number;
  /** Messages of one flow on their way at once. */
  readonly window: number;
  readonly textBytes: number;
  /** Members of a group who send. */
  readonly senders: number;
  /** Of each sender, where a scenario sends a number of them. */
  readonly messages: number;
  readonly generators: number;
  readonly repeat: number;
  /** Path without its end; undefined: no profile. */
  readonly profile: string | undefined;
  /** Nodes collect all garbage when a scenario says so. */
  readonly collects: boolean;
}

export interface Measured {
  readonly seconds: number;
  readonly server: { readonly cpuMs: number; readonly mainShare: number; readonly rss: number };
  /** `share`: of a core, of the busiest one. */
  readonly generator: { readonly cpuMs: number; readonly share: number };
  /** What the nodes counted meanwhile, by the names of their metrics. */
  readonly counted: NodeCounts;
  readonly stored: number;
  readonly delivered: number;
  readonly heads: number;
  readonly logins: number;
  readonly resumed: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly storedMs: Histogram;
  readonly pushedMs: Histogram;
  readonly loginMs: Histogram;
}

const PROFILE_HOOK = new URL('./profile-hook.mjs', import.meta.url).href;
const GC_HOOK = new URL('./gc-hook.mjs', import.meta.url).href;
const COLLECT_MS = 2000;

/** Nodes inherit the environment; the load generators must not. */
async function openHooked(options: BenchOptions): Promise<World> {
  const { collects, profile } = options;
  if (profile === undefined && !collects) return await openWorld(options);
  process.env['NODE_OPTIONS'] = `--import ${profile === undefined ? GC_HOOK : PROFILE_HOOK}`;
  if (profile !== undefined) process.env['FASTCHAT_BENCH_PROFILE'] = profile;
  const world = await openWorld(options);
  delete process.env['NODE_OPTIONS'];
  return world;
}

export class Bench {
  readonly options: BenchOptions;
  readonly world: World;
  readonly #generators: readonly Generator[];

  private constructor(options: BenchOptions, world: World) {
    this.options = options;
    this.world = world;
    this.#generators = Array.from({ length: options.generators }, () => new Generator());
  }

  static async open(options: BenchOptions): Promise<Bench> {
    const bench = new Bench(options, await openHooked(options));
    const bodyBytes = await sealedBytes(options.textBytes);
    const { cluster, accounts } = bench.world;
    await bench.each('prepare', () => [{ url: cluster.url, accounts, bodyBytes }]);
    return bench;
  }

  /** Pairs of neighbours; both of a pair belong to one generator, so that it knows when what arrives was sent. */
  accountsOf(generator: number): readonly BenchAccount[] {
    const count = this.#generators.length;
    return this.world.accounts.filter((_, index) => Math.floor(index / 2) % count === generator);
  }

  /** Of every pair the first, or the second. */
  usersOf(generator: number, which?: 'first' | 'second'): readonly string[] {
    const users = this.accountsOf(generator).map(({ user }) => user as string);
    if (which === undefined) return users;
    return users.filter((_, index) => (index % 2 === 0) === (which === 'first'));
  }

  /** From the first of every pair to the second; and back when `isMutual`. */
  flowsOf(generator: number, isMutual: boolean): readonly FlowPlan[] {
    const second = this.usersOf(generator, 'second');
    const pairs = this.usersOf(generator, 'first').map((from, index) => ({
      from,
      to: second[index] ?? from,
    }));
    return isMutual
      ? pairs.flatMap(({ from, to }) => [
          { from, to },
          { from: to, to: from },
        ])
      : pairs;
  }

  /** The same command to every generator; without `argsOf` one that takes nothing. */
  each<K extends CommandName>(
    name: K,
    argsOf?: (generator: number) => Parameters<Commands[K]>,
  ): Promise<Answer<K>[]> {
    const nothing = [] as unknown as Parameters<Commands[K]>;
    return Promise.all(
      this.#generators.map((generator, index) =>
        generator.call(name, ...(argsOf?.(index) ?? nothing)),
      ),
    );
  }

  /** The same to one generator. */
  of<K extends CommandName>(
    generator: number,
    name: K,
    ...args: Parameters<Commands[K]>
  ): Promise<Answer<K>> {
    const chosen = this.#generators[generator];
    if (chosen === undefined) throw new Error(`there is no load generator ${generator}`);
    return chosen.call(name, ...args);
  }

  /** What happens until `until` resolves; by default in `seconds`. */
  async measure(
    until: () => Promise<unknown> = () => sleep(this.options.seconds * 1000),
  ): Promise<Measured> {
    await this.each('snapshot');
    this.#profile();
    const countedBefore = await nodeCounts(this.world);
    const startedMs = performance.now();
    const before = this.#usage();
    await until();
    const snapshots = await this.each('snapshot');
    const after = this.#usage();
    const seconds = (performance.now() - startedMs) / 1000;
    const counted = difference(countedBefore, await nodeCounts(this.world));
    this.#profile();
    if (this.options.profile !== undefined) await this.#showProfile();
    return { seconds, counted, ...used(before, after, seconds), ...sumSnapshots(snapshots) };
  }

  /** Has the nodes collect all garbage, so that what is left is what is held; for scenarios that ask for it (`collects`). */
  async collectGarbage(): Promise<void> {
    for (const { pid } of this.world.cluster.nodes) process.kill(pid, 'SIGUSR2');
    await sleep(COLLECT_MS);
  }

  /** Resident memory of all nodes, bytes: all of it, and without the pages of files. */
  serverMemory(): Pick<Usage, 'rss' | 'ownBytes'> {
    return this.#serverUsage();
  }

  async end(): Promise<void> {
    await Promise.all(this.#generators.map((generator) => generator.end()));
    await this.world.end();
  }

  #serverUsage(): Usage {
    return sumUsage(this.world.cluster.nodes.map(({ pid }) => usageOf(pid)));
  }

  #usage(): Both {
    return {
      server: this.#serverUsage(),
      generators: this.#generators.map(({ pid }) => usageOf(pid)),
    };
  }

  #profile(): void {
    if (this.options.profile === undefined) return;
    for (const { pid } of this.world.cluster.nodes) process.kill(pid, 'SIGUSR2');
  }

  async #showProfile(): Promise<void> {
    // Stopping takes the node a moment; the file is complete when it answers again.
    await sleep(3000);
    for (const { pid } of this.world.cluster.nodes) {
      const path = `${this.options.profile ?? ''}.${pid}.cpuprofile`;
      printProfile(summarise(path));
      console.log(`\n${path}`);
    }
  }
}

interface Both {
  readonly server: Usage;
  readonly generators: readonly Usage[];
}

function used(before: Both, after: Both, seconds: number): Pick<Measured, 'server' | 'generator'> {
  const shares = after.generators.map(
    ({ cpuMs }, index) => cpuMs - (before.generators[index]?.cpuMs ?? 0),
  );
  return {
    server: {
      cpuMs: after.server.cpuMs - before.server.cpuMs,
      mainShare: (after.server.mainMs - before.server.mainMs) / 1000 / seconds,
      rss: after.server.rss,
    },
    generator: {
      cpuMs: shares.reduce((sum, ms) => sum + ms, 0),
      share: Math.max(...shares) / 1000 / seconds,
    },
  };
}

type Tallied = Omit<Measured, 'seconds' | 'counted' | 'server' | 'generator'>;

function sumSnapshots(snapshots: readonly Snapshot[]): Tallied {
  const sum = (pick: (snapshot: Snapshot) => number): number =>
    snapshots.reduce((total, snapshot) => total + pick(snapshot), 0);
  const merged = (pick: (snapshot: Snapshot) => readonly number[]): Histogram => {
    const histogram = new Histogram();
    for (const snapshot of snapshots) histogram.add(pick(snapshot));
    return histogram;
  };
  const refusals: Record<string, number> = {};
  for (const [code, count] of snapshots.flatMap((snapshot) => Object.entries(snapshot.refusals)))
    refusals[code] = (refusals[code] ?? 0) + count;
  return {
    stored: sum(({ stored }) => stored),
    delivered: sum(({ delivered }) => delivered),
    heads: sum(({ heads }) => heads),
    logins: sum(({ logins }) => logins),
    resumed: sum(({ resumed }) => resumed),
    refusals,
    storedMs: merged(({ storedMs }) => storedMs),
    pushedMs: merged(({ pushedMs }) => pushedMs),
    loginMs: merged(({ loginMs }) => loginMs),
  };
}

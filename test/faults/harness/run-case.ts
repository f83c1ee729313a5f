/** Runs one case: people write, the case hurts, the harness repairs and waits for calm, and then comes the verdict. */
import { judge } from '../verdict/checker.ts';
import type { Counts } from '../verdict/checker.ts';
import { readJournals, monoMs } from '../verdict/journal.ts';
import { quantiles, stallsOf } from '../verdict/stalls.ts';
import type { Quantiles } from '../verdict/stalls.ts';
import type { FaultCase } from './fault-case.ts';
import { lasting } from './eventually.ts';
import { World } from './world.ts';
import type { WorldOptions } from './world.ts';

export interface RunOptions {
  readonly rounds: number;
  readonly world: WorldOptions;
  readonly isKept: boolean;
  readonly say: (line: string) => void;
}

export interface Result {
  readonly name: string;
  readonly seed: number;
  readonly rounds: number;
  /** Empty: everything held. */
  readonly violations: readonly string[];
  readonly counts: Counts;
  readonly hurt: Quantiles;
  readonly hurtOwner: Quantiles;
  readonly hurtSession: Quantiles;
  readonly all: Quantiles;
  readonly silenceMaxMs: number;
  /** Share of one core that the load process took. */
  readonly loadShare: number;
  /** The longest that the load process was late: a doubt about every time above. */
  readonly loadLateMaxMs: number;
  /** From the start of repairing to the last open message answered, the longest of all rounds. */
  readonly recoveryMaxMs: number;
  /** Where logs and journals are; undefined when removed. */
  readonly folder: string | undefined;
}

const WARM_UP_MS = 1500;
const HEALTHY_MS = 60_000;
const RECOVERY_MS = 90_000;
const SETTLE_MS = 90_000;
const EVIDENCE_MAX = 20;
const WATCH_MS = 250;

class Run {
  readonly #case: FaultCase;
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #problems: string[] = [];
  readonly #startedMs = monoMs();
  #recoveryMaxMs = 0;
  #done = 0;
  #cpuAtStartMs = 0;

  constructor(each: FaultCase, options: RunOptions, world: World) {
    this.#case = each;
    this.#options = options;
    this.#world = world;
  }

  async go(): Promise<void> {
    const { load, options } = this.#world;
    this.#cpuAtStartMs = (await load.ask('state')).cpuMs;
    await load.ask('start', options.rate);
    for (; this.#done < this.#options.rounds && this.#problems.length === 0; this.#done += 1) {
      await lasting(WARM_UP_MS);
      await this.#round(this.#done + 1);
    }
    await load.ask('stop');
    await this.#world.repair();
    if (!(await load.ask('settled', SETTLE_MS))) {
      const { unanswered, unseen } = await load.ask('state');
      this.#problems.push(`no rest: ${unanswered} unanswered, ${unseen} stored and not shown`);
    }
    this.#problems.push(...((await this.#case.verify?.(this.#world)) ?? []));
    await load.ask('flush');
  }

  async result(): Promise<Omit<Result, 'folder'>> {
    const { cpuMs, lateMaxMs } = await this.#world.load.ask('state');
    const events = readJournals(this.#world.journals);
    const { counts, violations } = judge(events);
    const stalls = stallsOf(events);
    const hurt = quantiles(stalls.flatMap(({ hurtMs }) => hurtMs));
    const slow = this.#tooSlow(hurt);
    return {
      name: this.#case.name,
      seed: this.#options.world.seed,
      rounds: this.#done,
      violations: [
        ...this.#problems,
        ...slow,
        ...evidence(violations.map(({ kind, at, text }) => `${kind} at ${at}: ${text}`)),
        ...evidence(this.#world.cluster.doubleOwners()),
      ],
      counts,
      hurt,
      hurtOwner: quantiles(stalls.flatMap(({ ownerMs }) => ownerMs)),
      hurtSession: quantiles(stalls.flatMap(({ sessionMs }) => sessionMs)),
      all: quantiles(stalls.flatMap(({ allMs }) => allMs)),
      silenceMaxMs: Math.max(0, ...stalls.map(({ silenceMs }) => silenceMs)),
      loadShare: (cpuMs - this.#cpuAtStartMs) / (monoMs() - this.#startedMs),
      loadLateMaxMs: lateMaxMs,
      recoveryMaxMs: this.#recoveryMaxMs,
    };
  }

  async #round(round: number): Promise<void> {
    const { cluster, load } = this.#world;
    const fail = (what: string): void =>
      void this.#problems.push(`round ${round}: ${what}, seed ${this.#options.world.seed}`);
    try {
      await this.#case.inject(this.#world, round);
      const repairingMs = monoMs();
      await this.#world.repair();
      const isRecovered = await this.#untilCasualty(load.ask('recovered', RECOVERY_MS));
      for (const text of await cluster.casualties()) fail(text);
      if (isRecovered === undefined) return;
      if (!isRecovered) return fail(await this.#openLoad());
      const recoveryMs = monoMs() - repairingMs;
      this.#recoveryMaxMs = Math.max(this.#recoveryMaxMs, recoveryMs);
      this.#world.recovered(this.#case.name);
      await cluster.healthy(HEALTHY_MS);
      this.#options.say(`  round ${round}: recovered ${Math.round(recoveryMs)} ms after repair`);
    } catch (cause) {
      fail(textOf(cause));
    }
  }

  /** Nothing, as soon as a process dies that nobody has hurt. */
  async #untilCasualty<T>(work: Promise<T>): Promise<T | undefined> {
    const { cluster } = this.#world;
    let timer: NodeJS.Timeout | undefined;
    const casualty = new Promise<undefined>((resolve) => {
      timer = setInterval(() => {
        void cluster.casualties().then((names) => names.length > 0 && resolve(undefined));
      }, WATCH_MS);
    });
    try {
      return await Promise.race([work, casualty]);
    } finally {
      clearInterval(timer);
    }
  }

  async #openLoad(): Promise<string> {
    const { unanswered, connected } = await this.#world.load.ask('state');
    return `not recovered: ${unanswered} messages unanswered, ${connected} users connected`;
  }

  #tooSlow({ p99Ms, count }: Quantiles): readonly string[] {
    const { stallP99MaxMs = Infinity } = this.#case;
    if (count === 0 || p99Ms <= stallP99MaxMs) return [];
    return [
      `conversations stood still for ${Math.round(p99Ms)} ms (p99), at most ${stallP99MaxMs}`,
    ];
  }
}

function evidence(all: readonly string[]): readonly string[] {
  const more = all.length - EVIDENCE_MAX;
  return more > 0 ? [...all.slice(0, EVIDENCE_MAX), `and ${more} more`] : all;
}

/** Runs a case to its verdict. A world that does not even start is a violation, too. */
export async function runCase(each: FaultCase, options: RunOptions): Promise<Result> {
  let world: World;
  try {
    world = await World.open(options.world);
  } catch (cause) {
    return { ...emptyResult(each, options), violations: [`no start: ${textOf(cause)}`] };
  }
  let isKept = true;
  try {
    const run = new Run(each, options, world);
    await run.go();
    const result = await run.result();
    isKept = options.isKept || result.violations.length > 0;
    return { ...result, folder: isKept ? world.folder : undefined };
  } catch (cause) {
    const violations = [`the run broke: ${textOf(cause)}`];
    return { ...emptyResult(each, options), violations, folder: world.folder };
  } finally {
    await world.close(isKept);
  }
}

function emptyResult({ name }: FaultCase, { world }: RunOptions): Result {
  const none = quantiles([]);
  return {
    name,
    seed: world.seed,
    rounds: 0,
    violations: [],
    counts: judge([]).counts,
    hurt: none,
    hurtOwner: none,
    hurtSession: none,
    all: none,
    silenceMaxMs: 0,
    loadShare: 0,
    loadLateMaxMs: 0,
    recoveryMaxMs: 0,
    folder: undefined,
  };
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The command line of the fault suite, and which cases this machine can show. */
import { parseArgs } from 'node:util';
import { DISK_CASES } from './cases/disk-cases.ts';
import { KILL_CASES } from './cases/kill-cases.ts';
import { LINK_CASES } from './cases/link-cases.ts';
import { ODD_CASES } from './cases/odd-cases.ts';
import { fakeClockLack } from './harness/fake-clock.ts';
import type { FaultCase } from './harness/fault-case.ts';
import { Network } from './harness/network.ts';
import type { WorldOptions } from './harness/world.ts';

export const CASES: readonly FaultCase[] = [
  ...KILL_CASES,
  ...LINK_CASES,
  ...DISK_CASES,
  ...ODD_CASES,
];

/** Of the list in docs/FAULTS.md: what real processes on one machine cannot show, and what shows it instead. */
export const NOT_SHOWN: Readonly<Record<number, string>> = {
  12: 'a slow disk: no device of this machine can be told to flush slowly; the simulator flushes late',
  15: 'a rolling upgrade between protocol versions: there is one version so far',
};

/** For a machine of two cores; every case may say otherwise. */
export const DEFAULT_WORLD: Omit<WorldOptions, 'seed'> = {
  nodes: 3,
  etcd: 0,
  replicas: 1,
  users: 100,
  peers: 1,
  groupSize: 10,
  rate: 200,
  isCuttable: false,
  spareNodes: 0,
};

export interface Options {
  readonly cases: readonly FaultCase[];
  readonly isJson: boolean;
  readonly isKept: boolean;
  readonly isList: boolean;
  roundsOf(each: FaultCase): number;
  worldOf(each: FaultCase): WorldOptions;
}

export const USAGE = `npm run faults -- [CASE…] [--rounds N] [--seed S] [--users N] [--rate R] [--etcd 0|1|3]
                         [--replicas N] [--group-size N] [--keep] [--json] [--list]`;

const SEED_MAX = 2 ** 31;

/** @throws Error for a case or an option that does not exist */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seed: { type: 'string' },
      users: { type: 'string' },
      rate: { type: 'string' },
      'group-size': { type: 'string' },
      etcd: { type: 'string' },
      replicas: { type: 'string' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => CASES.every((each) => each.name !== name));
  if (unknown !== undefined) throw new Error(`there is no case ${unknown}\n${USAGE}`);
  const seed = numberOr(values.seed, Math.floor(Math.random() * SEED_MAX));
  const isNamed = ({ name }: FaultCase): boolean => positionals.includes(name);
  return {
    cases: positionals.length === 0 ? CASES : CASES.filter(isNamed),
    isJson: values.json,
    isKept: values.keep,
    isList: values.list,
    roundsOf: ({ rounds = 1 }) => numberOr(values.rounds, rounds),
    worldOf({ world }) {
      const base = { ...DEFAULT_WORLD, ...world };
      return {
        ...base,
        seed,
        users: numberOr(values.users, base.users),
        rate: numberOr(values.rate, base.rate),
        groupSize: numberOr(values['group-size'], base.groupSize),
        etcd: numberOr(values.etcd, base.etcd),
        replicas: numberOr(values.replicas, base.replicas),
      };
    },
  };
}

function numberOr(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${text} is no number\n${USAGE}`);
  return value;
}

let networkLack: string | undefined | null = null;

/** Why this run cannot show a case; undefined: it can. */
export function lackOf({ needs = [] }: FaultCase, world: WorldOptions): string | undefined {
  if (world.isCuttable && networkLack === null) networkLack = Network.lack();
  const lacks = [
    world.isCuttable ? (networkLack ?? undefined) : undefined,
    needs.includes('root') && process.getuid?.() !== 0 ? 'mounting a disk needs root' : undefined,
    needs.includes('faketime') ? fakeClockLack() : undefined,
    needs.includes('etcd') && world.etcd === 0 ? 'about etcd: --etcd 3' : undefined,
    needs.includes('replicas') && world.replicas < 2 ? 'about replicas: --replicas 3' : undefined,
  ];
  return lacks.find((lack) => lack !== undefined);
}

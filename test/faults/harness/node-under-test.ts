/** One `fastchat node` with a data directory and an address of its own, through all its lives. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ClusterReport } from '../../../src/ops/admin-api.ts';
import type { ReadyLine } from '../../../src/node/node-process.ts';
import { takingOf } from '../verdict/owners.ts';
import type { Taking } from '../verdict/owners.ts';
import { ProcessUnderTest } from './process-under-test.ts';
import type { ExitReason } from './process-under-test.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/fastchat.js', import.meta.url));
const REPORT_TIMEOUT_MS = 1000;
const READY_TIMEOUT_MS = 60_000;
const ADMIN_TIMEOUT_MS = 60_000;
const TAIL_LINES = 12;

export interface NodeOptions {
  readonly name: string;
  /** Parent of its data directory and its logs. */
  readonly folder: string;
  /** Where it listens; port 0 is chosen at the first start and kept. */
  readonly host: string;
  readonly ports: { readonly gate: number; readonly mesh: number; readonly http: number };
  readonly args: readonly string[];
  /** What the program is started through, such as `ip netns exec …`. */
  readonly through: readonly string[];
  /** In every life, such as a faked clock. */
  readonly env: Readonly<Record<string, string>>;
}

export interface StartOptions {
  /** A join token's file. */
  readonly join?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Another data directory than its own. */
  readonly data?: string;
}

export class NodeUnderTest {
  readonly name: string;
  readonly options: NodeOptions;
  readonly data: string;
  #process: ProcessUnderTest | undefined;
  #ready: ReadyLine | undefined;
  #lives = 0;

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.options = options;
    this.data = join(options.folder, options.name);
  }

  /** As it last said it is ready. */
  get ready(): ReadyLine {
    if (this.#ready === undefined) throw new Error(`${this.name} was never ready`);
    return this.#ready;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  get process(): ProcessUnderTest {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  /** Starts and waits until it is ready. @throws Error with the end of its log when it is not */
  async start(options: StartOptions = {}): Promise<void> {
    const started = this.launch(options);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), READY_TIMEOUT_MS);
    });
    const line = await Promise.race([started.firstLine, late]);
    clearTimeout(timer);
    if (line === undefined) throw new Error(`${this.name} is not ready:\n${this.#tail()}`);
    this.#ready = JSON.parse(line) as ReadyLine;
  }

  /** Starts, waits for nothing. */
  launch({ join: token, env = {}, data = this.data }: StartOptions = {}): ProcessUnderTest {
    const { host, ports, args, through, env: always } = this.options;
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    this.#lives += 1;
    this.#process = new ProcessUnderTest({
      command: [
        ...through,
        process.execPath,
        LAUNCHER,
        'node',
        `--data=${data}`,
        `--name=${this.name}`,
        '--log-level=debug',
        `--listen=${host}:${ports.gate}`,
        `--mesh=${host}:${ports.mesh}`,
        `--http=${host}:${ports.http}`,
        ...(token === undefined ? [] : [`--join=${token}`]),
        ...args,
      ],
      env: { FASTCHAT_NODE_DEV: 'true', ...always, ...env },
      log: this.#log(this.#lives),
    });
    return this.#process;
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** SIGTERM: drains and ends. */
  stop(): Promise<ExitReason> {
    return this.process.end('SIGTERM');
  }

  /** What it tells of the cluster now. @throws Error when it does not answer soon */
  async report(): Promise<ClusterReport> {
    const response = await fetch(new URL('/cluster', this.ready.http), {
      signal: AbortSignal.timeout(REPORT_TIMEOUT_MS),
    });
    return (await response.json()) as ClusterReport;
  }

  /** An operator's command at this node, as docs/OPERATING.md has them. @throws Error when it fails */
  async admin(...words: readonly string[]): Promise<void> {
    const { through } = this.options;
    const [program = '', ...args] = [...through, process.execPath, LAUNCHER, 'admin', ...words];
    await promisify(execFile)(program, [...args, `--data=${this.data}`], {
      timeout: ADMIN_TIMEOUT_MS,
    });
  }

  /** How its present life ended when nobody asked for that, with its last words. */
  async casualty(): Promise<string | undefined> {
    if (this.#process?.isCasualty !== true) return undefined;
    return `${this.name} ended by itself with ${await this.#process.exited}: ${this.#lastWords()}`;
  }

  /** Every time that it took a shard, in all its lives. */
  takings(): readonly Taking[] {
    return this.logs().flatMap(({ life, lines }) =>
      lines.flatMap((line) => takingOf(this.name, life, line) ?? []),
    );
  }

  logs(): ReadonlyArray<{ readonly life: number; readonly lines: readonly string[] }> {
    return Array.from({ length: this.#lives }, (_, index) => index + 1)
      .filter((life) => existsSync(this.#log(life)))
      .map((life) => ({ life, lines: readFileSync(this.#log(life), 'utf8').split('\n') }));
  }

  #log(life: number): string {
    return join(this.options.folder, `${this.name}.${life}.log`);
  }

  #lastWords(): string {
    return (
      this.logs()
        .at(-1)
        ?.lines.findLast((line) => line !== '') ?? ''
    );
  }

  #tail(): string {
    return this.logs().at(-1)?.lines.slice(-TAIL_LINES).join('\n') ?? '';
  }
}

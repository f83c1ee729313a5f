/** Runs commands in process against fake clients and a real, temporary home. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { main } from '../../src/cli/main.ts';
import type { CliPorts, OpenOptions } from '../../src/cli/command.ts';
import type { ErrorCode, FastChatError } from '../../src/protocol/errors.ts';
import { capturedIo } from './captured-io.ts';
import type { CapturedIo, CapturedOptions } from './captured-io.ts';
import type { FakeClient } from './fake-client.ts';

interface Modules {
  readonly main: typeof main;
  readonly FakeClient: typeof FakeClient;
  readonly FastChatError: typeof FastChatError;
}

/**
 * The test runner may load test files through `require`, while commands load their parts through `import`: two copies of
 * every module, whose classes are not the same. Whatever meets the commands comes from their side.
 */
async function loadModules(): Promise<Modules> {
  const [{ main }, { FakeClient }, { FastChatError }] = await Promise.all([
    import('../../src/cli/main.ts'),
    import('./fake-client.ts'),
    import('../../src/protocol/errors.ts'),
  ]);
  return { main, FakeClient, FastChatError };
}

export class CliWorld {
  readonly home: string;
  readonly opened: OpenOptions[] = [];
  /** Servers that were looked for, and those that are not there. */
  readonly probed: string[] = [];
  readonly unreachable = new Map<string, FastChatError>();
  readonly #clients = new Map<string, FakeClient>();
  fetch: typeof globalThis.fetch = () => Promise.reject(new Error('no network in this test'));

  readonly #modules: Modules;

  private constructor(home: string, modules: Modules) {
    this.home = home;
    this.#modules = modules;
  }

  /** A home with these accounts, each with a device. */
  static async create(...accounts: readonly string[]): Promise<CliWorld> {
    const home = await mkdtemp(join(tmpdir(), 'fastchat-cli-'));
    for (const account of accounts) await mkdir(join(home, account));
    return new CliWorld(home, await loadModules());
  }

  /** An error as the commands know it. */
  error(
    code: ErrorCode,
    text: string,
    details?: { readonly retryAfterMs?: number },
  ): FastChatError {
    return new this.#modules.FastChatError(code, text, details);
  }

  client(account: string): FakeClient {
    const name = account.replace(/^@/, '');
    const known = this.#clients.get(name) ?? new this.#modules.FakeClient(name);
    this.#clients.set(name, known);
    return known;
  }

  get ports(): CliPorts {
    return {
      openClient: async (options) => {
        this.opened.push(options);
        await mkdir(join(options.home, options.account.slice(1)), { recursive: true });
        return this.client(options.account);
      },
      probeServer: (url) => {
        this.probed.push(url);
        const error = this.unreachable.get(url);
        return error === undefined ? Promise.resolve() : Promise.reject(error);
      },
      fetch: (input, init) => this.fetch(input, init),
    };
  }

  start(
    argv: readonly string[],
    options: CapturedOptions = {},
  ): { io: CapturedIo; code: Promise<number> } {
    const env = { FASTCHAT_HOME: this.home, ...options.env };
    const io = capturedIo({ ...options, env });
    return { io, code: this.#modules.main(argv, io, this.ports) };
  }

  /** Runs a command line to its end. */
  async run(
    argv: readonly string[],
    options: CapturedOptions = {},
  ): Promise<{ code: number; out: string; err: string; lines: readonly string[] }> {
    const { io, code } = this.start(argv, { stdin: '', ...options });
    const exit = await code;
    const out = io.out();
    return { code: exit, out, err: io.err(), lines: out.split('\n').filter((line) => line !== '') };
  }

  async remove(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

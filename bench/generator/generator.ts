/** The parent's side of a load generator process. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, CommandName, Commands } from './commands.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export class Generator {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  constructor() {
    this.#child = fork(MAIN, { execArgv: ['--import', 'tsx'] });
    this.#child.on('message', (reply: Reply) => {
      this.#open.get(reply.id)?.(reply);
      this.#open.delete(reply.id);
    });
    // A channel that broke shows as an exit, too.
    this.#child.on('error', () => undefined);
    this.#child.once('exit', (code) => {
      for (const [id, end] of this.#open)
        end({ id, error: `a load generator ended with ${String(code)}` });
      this.#open.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async call<K extends CommandName>(name: K, ...args: Parameters<Commands[K]>): Promise<Answer<K>> {
    if (!this.#child.connected) throw new Error('a load generator is gone');
    const reply = await new Promise<Reply>((resolve) => {
      this.#lastId += 1;
      this.#open.set(this.#lastId, resolve);
      this.#child.send({ id: this.#lastId, name, args });
    });
    if (reply.error !== undefined) throw new Error(`${name}: ${reply.error}`);
    return reply.value as Answer<K>;
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return resolve();
      this.#child.once('exit', () => resolve());
      this.#child.disconnect();
    });
  }
}

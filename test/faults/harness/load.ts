/** The harness's side of the load process. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, OrderName, Orders } from '../load/orders.ts';

const MAIN = fileURLToPath(new URL('../load/main.ts', import.meta.url));

export class Load {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, (answer: Answer) => void>();
  readonly #exited: Promise<void>;
  #lastId = 0;

  constructor() {
    this.#child = fork(MAIN, { execArgv: ['--import', 'tsx'] });
    this.#child.on('message', (answer: Answer) => {
      this.#open.get(answer.id)?.(answer);
      this.#open.delete(answer.id);
    });
    // A channel that broke shows as an exit, too.
    this.#child.on('error', () => undefined);
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        for (const [id, end] of this.#open)
          end({ id, error: `the load process ended with ${signal ?? String(code)}` });
        this.#open.clear();
        resolve();
      });
    });
  }

  async ask<K extends OrderName>(
    name: K,
    argument?: Parameters<Orders[K]>[0],
  ): Promise<Awaited<ReturnType<Orders[K]>>> {
    if (!this.#child.connected) throw new Error('the load process is gone');
    const answer = await new Promise<Answer>((resolve) => {
      this.#lastId += 1;
      this.#open.set(this.#lastId, resolve);
      this.#child.send({ id: this.#lastId, name, argument });
    });
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
    return answer.value as Awaited<ReturnType<Orders[K]>>;
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
  }
}

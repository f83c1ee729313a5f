/** The output of `fastchat rpc`: answers wait for the reader, events past a bound are dropped and counted. */
import type { OutputStream } from '../../ops/process-io.ts';
import { RPC_OUTPUT_BYTES_MAX } from '../../protocol/limits.ts';
import { jsonLine } from '../json-line.ts';
import { droppedNotification } from './notifications.ts';
import type { Notification } from './notifications.ts';

export class RpcWriter {
  readonly #stdout: OutputStream;
  #dropped = 0;
  #drained: Promise<void> | undefined;

  constructor(stdout: OutputStream) {
    this.#stdout = stdout;
  }

  /** Resolves when the reader keeps up again; at once when it does. */
  async ready(): Promise<void> {
    if (!this.#stdout.writableNeedDrain) return;
    this.#drained ??= new Promise((resolve) => {
      const done = (): void => {
        this.#drained = undefined;
        this.#stdout.off('drain', done).off('close', done);
        resolve();
      };
      this.#stdout.on('drain', done).on('close', done);
    });
    await this.#drained;
  }

  write(value: object): void {
    this.#stdout.write(`${jsonLine(value)}\n`);
  }

  event(notification: Notification): void {
    if (this.#stdout.writableLength <= RPC_OUTPUT_BYTES_MAX) {
      this.write(notification);
      return;
    }
    if (this.#dropped === 0) this.#stdout.once('drain', () => this.#tellDropped());
    this.#dropped += 1;
  }

  #tellDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.write(droppedNotification(dropped));
  }
}

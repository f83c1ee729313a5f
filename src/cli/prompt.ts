/** Asks a person at a terminal; prompts go to stderr, so that stdout carries data alone. */
import { createInterface } from 'node:readline';
import type { InputStream, ProcessIo } from '../ops/process-io.ts';
import { PASSWORD_BYTES_MAX } from '../protocol/limits.ts';
import { Interrupted } from './exit-codes.ts';

export function isInteractive(io: ProcessIo): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACES = ['\b', '\u007f'];

/** A line typed blind: what each key does to it. */
class HiddenLine {
  #points: string[] = [];

  get text(): string {
    return this.#points.join('');
  }

  /** Takes keys up to the one that ends the line: Enter, or Ctrl+C and Ctrl+D. */
  type(keys: string): 'open' | 'done' | 'interrupted' {
    for (const key of keys) {
      if (key === CTRL_C || key === CTRL_D) return 'interrupted';
      if (key === '\r' || key === '\n') return 'done';
      if (BACKSPACES.includes(key)) this.#points.pop();
      else if (key === CTRL_U) this.#points = [];
      else if (this.#points.length < PASSWORD_BYTES_MAX) this.#points.push(key);
    }
    return 'open';
  }
}

function readHidden(stdin: InputStream): Promise<string> {
  const line = new HiddenLine();
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      stdin.off('data', onData).off('end', onEnd);
      stdin.pause();
      settle();
    };
    const onEnd = (): void => finish(() => reject(new Interrupted('the terminal closed')));
    const onData = (chunk: Buffer | string): void => {
      const typed = line.type(chunk.toString('utf8'));
      if (typed === 'done') finish(() => resolve(line.text));
      if (typed === 'interrupted') finish(() => reject(new Interrupted('ended at a prompt')));
    };
    stdin.on('data', onData).on('end', onEnd).resume();
  });
}

/** Reads a secret without echo. @throws Interrupted */
export async function askHidden(io: ProcessIo, question: string): Promise<string> {
  io.stderr.write(question);
  io.stdin.setRawMode?.(true);
  try {
    return await readHidden(io.stdin);
  } finally {
    io.stdin.setRawMode?.(false);
    io.stderr.write('\n');
  }
}

/** Reads a visible line. @throws Interrupted */
export function askLine(io: ProcessIo, question: string): Promise<string> {
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => reject(new Interrupted('ended at a prompt')));
    lines.question(question, (answer) => {
      resolve(answer.trim());
      lines.close();
    });
  });
}

/** The chat screen of a pipe: every line of input is a line of the chat, every message one row of output. */
import { createInterface } from 'node:readline';
import type { Message } from '../../client/api.ts';
import type { ProcessIo } from '../../ops/process-io.ts';
import type { Output } from '../output.ts';
import { styleFor } from '../style.ts';
import type { ChatEnd, Screen, ScreenInput } from './screen.ts';
import { messageEvent } from '../message-format.ts';
import type { UserId } from '../../protocol/ids.ts';

export class PipeScreen implements Screen {
  readonly isInteractive = false;
  readonly columns = Infinity;
  readonly style = styleFor(false);
  readonly #io: ProcessIo;
  readonly #out: Output;
  readonly #self: UserId;
  #finish: (how: ChatEnd) => void = () => undefined;
  /** Made at once: a chat can end before it runs. */
  readonly #ended = new Promise<ChatEnd>((resolve) => (this.#finish = resolve));

  constructor(io: ProcessIo, out: Output, self: UserId) {
    this.#io = io;
    this.#out = out;
    this.#self = self;
  }

  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#wrote(this.#out.line(lines.join('\n')));
  }

  row(message: Message, columns: readonly string[]): void {
    const isJson = this.#out.options.json;
    this.#wrote(
      isJson ? this.#out.json(messageEvent(this.#self, message)) : this.#out.row(columns),
    );
  }

  notice(text: string): void {
    this.#out.note(text);
  }

  alert(text: string, code: string): void {
    this.#out.note(`${text} (${code})`);
  }

  setPrompt(): void {
    // Nobody looks at it.
  }

  async run(input: ScreenInput): Promise<ChatEnd> {
    const reader = createInterface({ input: this.#io.stdin, terminal: false });
    reader.on('line', (line) => input.lines([line]));
    reader.on('close', () => this.#finish('done'));
    const how = await this.#ended;
    reader.close();
    return how;
  }

  end(how: ChatEnd): void {
    this.#finish(how);
  }

  /** A reader that went away ends the chat. */
  #wrote(written: Promise<void>): void {
    written.catch(() => this.end('done'));
  }
}

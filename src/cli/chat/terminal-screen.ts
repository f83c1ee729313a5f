/** The chat screen of a terminal, line by line: incoming lines go above the one being typed, which stays as it is. */
import { createInterface, clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { Interface } from 'node:readline';
import type { ProcessIo } from '../../ops/process-io.ts';
import { CHAT_PASTE_WINDOW_MS, CHAT_QUIT_WINDOW_MS } from '../../protocol/limits.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import type { Message } from '../../client/api.ts';
import type { ChatEnd, Screen, ScreenInput } from './screen.ts';

const DIM = '\u001b[2m';
const RESET = '\u001b[0m';

/** Gathers the lines of one paste: the terminal hands them over in one or a few pieces, faster than anybody types. */
class PasteBuffer {
  readonly #io: ProcessIo;
  readonly #take: (lines: readonly string[]) => void;
  #lines: string[] = [];

  constructor(io: ProcessIo, take: (lines: readonly string[]) => void) {
    this.#io = io;
    this.#take = take;
  }

  add(line: string): void {
    this.#lines.push(line);
    const count = this.#lines.length;
    const flushIfDone = (): void => {
      if (this.#lines.length === count) this.flush();
    };
    // A single line waits only for the rest of its own piece of input.
    if (count === 1) this.#io.clock.soon(flushIfDone);
    else this.#io.clock.after(CHAT_PASTE_WINDOW_MS, flushIfDone);
  }

  flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#take(lines);
  }
}

export class TerminalScreen implements Screen {
  readonly isInteractive = true;
  readonly #io: ProcessIo;
  readonly #hasColor: boolean;
  #reader: Interface | undefined;
  #prompt = '';
  #interruptedAtMs = -Infinity;
  #finish: (how: ChatEnd) => void = () => undefined;
  /** Made at once: a chat can end before it runs. */
  readonly #ended = new Promise<ChatEnd>((resolve) => (this.#finish = resolve));

  constructor(io: ProcessIo, hasColor: boolean) {
    this.#io = io;
    this.#hasColor = hasColor;
  }

  print(lines: readonly string[]): void {
    const text = `${lines.join('\n')}\n`;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#io.stdout.write(text);
      return;
    }
    // The line being typed may wrap over several rows: up to its first one, and everything below is drawn again.
    moveCursor(this.#io.stdout, 0, -reader.getCursorPos().rows);
    cursorTo(this.#io.stdout, 0);
    clearScreenDown(this.#io.stdout);
    this.#io.stdout.write(text);
    reader.prompt(true);
  }

  row(_message: Message, columns: readonly string[]): void {
    this.print([columns.map(safeLine).join('  ')]);
  }

  notice(text: string): void {
    const line = `-- ${safeLine(text)}`;
    this.print([this.#hasColor ? DIM + line + RESET : line]);
  }

  setPrompt(prompt: string): void {
    this.#prompt = prompt;
    this.#reader?.setPrompt(prompt);
    this.#reader?.prompt(true);
  }

  async run(input: ScreenInput): Promise<ChatEnd> {
    const reader = createInterface({
      input: this.#io.stdin,
      output: this.#io.stdout,
      terminal: true,
      completer: (line: string) => {
        const [candidates, replaced] = input.complete(line);
        return [[...candidates], replaced];
      },
    });
    const paste = new PasteBuffer(this.#io, (lines) => {
      input.lines(lines);
      reader.prompt(true);
    });
    this.#reader = reader;
    reader.on('line', (line) => paste.add(line));
    reader.on('SIGINT', () => this.#interrupt(reader));
    reader.on('close', () => {
      paste.flush();
      this.#finish('done');
    });
    reader.setPrompt(this.#prompt);
    reader.prompt();
    const how = await this.#ended;
    this.#reader = undefined;
    reader.close();
    this.#io.stdout.write('\n');
    return how;
  }

  end(how: ChatEnd): void {
    this.#finish(how);
  }

  /** The first Ctrl+C clears what is typed, a second one soon after leaves. */
  #interrupt(reader: Interface): void {
    const nowMs = this.#io.clock.mono();
    if (nowMs - this.#interruptedAtMs < CHAT_QUIT_WINDOW_MS) {
      this.end('interrupted');
      return;
    }
    this.#interruptedAtMs = nowMs;
    reader.write(null, { ctrl: true, name: 'e' });
    reader.write(null, { ctrl: true, name: 'u' });
    this.notice('Ctrl+C again leaves');
  }
}

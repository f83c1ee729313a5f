/** The chat screen of a terminal, line by line: incoming lines go above the one being typed, which stays as it is. */
import { createInterface, clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { Interface, Key } from 'node:readline';
import type { ProcessIo } from '../../ops/process-io.ts';
import { CHAT_QUIT_WINDOW_MS } from '../../protocol/limits.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import type { Message } from '../../client/api.ts';
import { styleFor } from '../style.ts';
import type { Style } from '../style.ts';
import { rowsBelow, wrapWords } from '../text-layout.ts';
import { LineBatch } from './line-batch.ts';
import type { ProcessHooks } from './process-hooks.ts';
import type { ChatEnd, Screen, ScreenInput } from './screen.ts';

const BRACKETED_PASTE_ON = '\u001b[?2004h';
const BRACKETED_PASTE_OFF = '\u001b[?2004l';

/** What readline keeps and its types do not tell. */
interface Drawn {
  /** Where it believes its cursor to be, in rows below the first one of the prompt. */
  prevRows?: number;
  /** False for all but the last of the keys that came in one piece. */
  isCompletionEnabled?: boolean;
}

export class TerminalScreen implements Screen {
  readonly isInteractive = true;
  readonly style: Style;
  readonly #io: ProcessIo;
  readonly #hooks: ProcessHooks;
  /** Without control of the cursor every line is simply printed. */
  readonly #isDumb: boolean;
  readonly #lines: LineBatch;
  #input: ScreenInput | undefined;
  #reader: Interface | undefined;
  #prompt = '';
  #interruptedAtMs = -Infinity;
  #finish: (how: ChatEnd) => void = () => undefined;
  /** Made at once: a chat can end before it runs. */
  readonly #ended = new Promise<ChatEnd>((resolve) => (this.#finish = resolve));
  #hasEnded = false;

  constructor(io: ProcessIo, hooks: ProcessHooks, hasColor: boolean) {
    this.#io = io;
    this.#hooks = hooks;
    this.#isDumb = io.env['TERM'] === 'dumb';
    this.style = styleFor(hasColor);
    this.#lines = new LineBatch({
      clock: io.clock,
      take: (lines) => this.#input?.lines(lines),
      takeRest: () => this.#clearLine(),
    });
  }

  get columns(): number {
    return this.#io.stdout.columns ?? Infinity;
  }

  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#erasePrompt();
    this.#io.stdout.write(`${lines.join('\n')}\n`);
    this.#drawPrompt();
  }

  row(_message: Message, columns: readonly string[]): void {
    this.print([columns.map(safeLine).join('  ')]);
  }

  notice(text: string): void {
    this.print(this.#marked('--', text).map((line) => this.style.dim(line)));
  }

  alert(text: string): void {
    this.print(this.#marked('!!', text).map((line) => this.style.alert(line)));
  }

  setPrompt(prompt: string): void {
    this.#erasePrompt();
    this.#prompt = prompt;
    this.#reader?.setPrompt(prompt);
    this.#drawPrompt();
  }

  async run(input: ScreenInput): Promise<ChatEnd> {
    const { stdin, stdout } = this.#io;
    this.#input = input;
    const onKey = (_text: string | undefined, key: Key): void => this.#pressed(key);
    const onResize = (): void => this.#noteCursor();
    // Both before readline listens: it completes, wraps and redraws by what they note.
    stdin.on('keypress', onKey);
    stdout.on('resize', onResize);
    const reader = this.#open(input);
    const resumed = this.#hooks.onResume(() => this.#resume(reader));
    const exited = this.#hooks.onExit(() => this.#control(BRACKETED_PASTE_OFF));
    this.#control(BRACKETED_PASTE_ON);
    try {
      return await this.#ended;
    } finally {
      this.#erasePrompt();
      this.#reader = undefined;
      reader.close();
      resumed.off();
      exited.off();
      stdin.off('keypress', onKey);
      stdout.off('resize', onResize);
      this.#control(BRACKETED_PASTE_OFF);
    }
  }

  end(how: ChatEnd): void {
    this.#hasEnded = true;
    this.#finish(how);
  }

  #open(input: ScreenInput): Interface {
    const reader = createInterface({
      input: this.#io.stdin,
      output: this.#io.stdout,
      terminal: true,
      completer: (line: string) => {
        const [candidates, replaced] = input.complete(line);
        return [[...candidates], replaced];
      },
    });
    this.#reader = reader;
    reader.on('line', (line) => this.#entered(line));
    reader.on('SIGINT', () => this.#interrupt(reader));
    // After Ctrl+Z readline stays paused unless somebody asks for more.
    reader.on('SIGCONT', () => reader.resume());
    reader.on('close', () => {
      this.#lines.flush();
      this.end('done');
    });
    reader.setPrompt(this.#prompt);
    reader.prompt();
    return reader;
  }

  /** The echo goes away: what becomes of the line is shown above the prompt, a message with its time. */
  #entered(line: string): void {
    if (!this.#isDumb) {
      moveCursor(this.#io.stdout, 0, -rowsBelow(this.#prompt + line, this.columns) - 1);
      clearScreenDown(this.#io.stdout);
    }
    this.#lines.add(line);
    this.#drawPrompt();
  }

  #pressed(key: Key): void {
    if (key.name === 'paste-start') this.#lines.begin();
    else if (key.name === 'paste-end') this.#lines.end();
    // Keys that come in one piece are drawn without counting their rows.
    if ((this.#reader as Drawn | undefined)?.isCompletionEnabled !== false) this.#noteCursor();
    // Whoever types on has thought better of leaving.
    if (key.ctrl !== true || key.name !== 'c') this.#interruptedAtMs = -Infinity;
  }

  /** `text` behind a mark that no message begins with, in lines that fit. */
  #marked(mark: string, text: string): readonly string[] {
    const [first = '', ...rest] = wrapWords(safeLine(text), this.columns - mark.length - 1);
    return [`${mark} ${first}`, ...rest.map((line) => `${' '.repeat(mark.length)} ${line}`)];
  }

  /** From the first row of the line being typed on, which may wrap, nothing stays. */
  #erasePrompt(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#isDumb) return;
    moveCursor(this.#io.stdout, 0, -reader.getCursorPos().rows);
    cursorTo(this.#io.stdout, 0);
    clearScreenDown(this.#io.stdout);
    // The next drawing begins where the cursor is now.
    (reader as Drawn).prevRows = 0;
  }

  #drawPrompt(): void {
    if (!this.#hasEnded) this.#reader?.prompt(true);
  }

  /** Tells readline the row of its cursor, where it would be wrong: the terminal broke the line anew, to its new width. */
  #noteCursor(): void {
    const reader = this.#reader;
    if (reader !== undefined) (reader as Drawn).prevRows = reader.getCursorPos().rows;
  }

  #resume(reader: Interface): void {
    const { stdin } = this.#io;
    // A mode that node believes to be set already is set only after another one.
    stdin.setRawMode?.(false);
    stdin.setRawMode?.(true);
    this.#control(BRACKETED_PASTE_ON);
    (reader as Drawn).prevRows = 0;
    reader.resume();
    this.#drawPrompt();
  }

  /** The first Ctrl+C clears what is typed, a second one soon after leaves. */
  #interrupt(reader: Interface): void {
    const nowMs = this.#io.clock.mono();
    const isSecond = nowMs - this.#interruptedAtMs < CHAT_QUIT_WINDOW_MS;
    if (isSecond && reader.line === '') return this.end('interrupted');
    this.#interruptedAtMs = nowMs;
    this.#clearLine();
    this.notice('Ctrl+C again leaves');
  }

  /** Empties the line being typed. @returns what stood there */
  #clearLine(): string {
    const reader = this.#reader;
    const line = reader?.line ?? '';
    reader?.write(null, { ctrl: true, name: 'e' });
    reader?.write(null, { ctrl: true, name: 'u' });
    return line;
  }

  #control(sequence: string): void {
    if (!this.#isDumb) this.#io.stdout.write(sequence);
  }
}

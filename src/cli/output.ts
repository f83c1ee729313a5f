/** Where commands write: data to stdout, everything else to stderr. Nothing untrusted gets there without `safe`. */
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import { safe, safeLine } from '../protocol/safe-text.ts';
import type { OutputStream, ProcessIo } from '../ops/process-io.ts';
import { Interrupted, OutputClosed } from './exit-codes.ts';
import { jsonLine } from './json-line.ts';
import { textWidth } from './text-layout.ts';

/** Version of the JSON lines; programs check it. */
const JSON_VERSION = 1;

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

/** The fields of one line. */
export type Row = readonly string[];

/** Ways to say the same result to a program and to a person; plain lines go through `safe`. */
export interface Shown {
  readonly json: object;
  /** One row a line, its fields separated by TABs. None: a person needs no answer. */
  readonly plain: readonly Row[];
}

function writeError(cause: Error): Error {
  const isGone =
    'code' in cause && (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED');
  if (isGone) return new OutputClosed('nobody reads the output');
  return new FastChatError('E_IO', 'cannot write to stdout', { cause });
}

function write(stream: OutputStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (cause) => {
      if (cause) reject(writeError(cause));
      else resolve();
    });
  });
}

/** Every column as wide as its widest field; a row of one field is no part of the table. */
function alignedRows(rows: readonly Row[]): readonly string[] {
  const shown = rows.map((row) => row.map(safeLine));
  const table = shown.filter((row) => row.length > 1);
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => textWidth(row[column] ?? ''))),
  );
  const pad = (field: string, column: number): string =>
    field + ' '.repeat((widths[column] ?? 0) - textWidth(field));
  return shown.map((row) => (row.length > 1 ? row.map(pad).join('  ').trimEnd() : row.join('')));
}

export class Output {
  readonly options: OutputOptions;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  /** Resolves when stdout breaks: nobody will read what is still to come. */
  readonly closed: Promise<void>;

  constructor(io: ProcessIo, options: OutputOptions) {
    this.options = options;
    this.#stdout = io.stdout;
    this.#stderr = io.stderr;
    // Without a listener a reader that went away would end the process with a stack trace.
    this.closed = new Promise((resolve) => void this.#stdout.on('error', () => resolve()));
    this.#stderr.on('error', () => undefined);
  }

  /** Resolves when the text, which may have several lines, has been taken. @throws OutputClosed, E_IO */
  line(text: string): Promise<void> {
    return write(this.#stdout, `${safe(text)}\n`);
  }

  /** One line of TAB-separated fields; no field can bring a TAB or a line feed of its own. */
  row(fields: Row): Promise<void> {
    return write(this.#stdout, `${fields.map(safeLine).join('\t')}\n`);
  }

  /** One entry a line; people get a header and columns that stand below each other. */
  async table(header: Row, entries: ReadonlyArray<{ json: object; plain: Row }>): Promise<void> {
    if (!this.options.json && !this.options.quiet && this.#stdout.isTTY === true)
      return this.columns([header, ...entries.map(({ plain }) => plain)]);
    for (const { json, plain } of entries) await this.result({ json, plain: [plain] });
  }

  /** Rows below each other for people, TAB-separated for programs. */
  async columns(rows: readonly Row[]): Promise<void> {
    if (this.#stdout.isTTY !== true) for (const row of rows) await this.row(row);
    else for (const line of alignedRows(rows)) await this.line(line);
  }

  /** One JSON object on a line, with the version of the format in front. */
  json(value: object): Promise<void> {
    return this.raw(jsonLine({ v: JSON_VERSION, ...value }));
  }

  /** A line that is already fit for output. */
  raw(text: string): Promise<void> {
    return write(this.#stdout, `${text}\n`);
  }

  /** `--json` decides which of the two is printed; plain ones not under `--quiet`. */
  async result(shown: Shown): Promise<void> {
    if (this.options.json) return this.json(shown.json);
    if (this.options.quiet) return;
    for (const fields of shown.plain) await this.row(fields);
  }

  /** Tells a person what goes on; silent under `--quiet`. */
  note(text: string): void {
    if (!this.options.quiet) this.#stderr.write(`fastchat: ${safe(text)}\n`);
  }

  /** Says why the command failed; an interruption and a closed pipe need no words. */
  fail(cause: unknown): void {
    if (cause instanceof Interrupted || cause instanceof OutputClosed) return;
    const error = asFastChatError(cause);
    const { code, message, retry, retryAfterMs } = error;
    if (this.options.json) {
      const shown = { v: JSON_VERSION, type: 'error', code, message, retry, retryAfterMs };
      this.#stderr.write(`${jsonLine(shown)}\n`);
      return;
    }
    const wait =
      retryAfterMs === undefined ? '' : `, try again in ${Math.ceil(retryAfterMs / 1000)} s`;
    const text = `${message} (${code}${wait})`;
    for (const line of safe(text).split('\n')) this.#stderr.write(`fastchat: ${line}\n`);
  }
}

/** Bytes into lines, bounded: a line that is too long is reported once and skipped, and the next one is read again. */

export type SplitLine =
  { readonly kind: 'line'; readonly bytes: Uint8Array } | { readonly kind: 'tooLong' };

const LINE_FEED = 0x0a;

export class LineSplitter {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #isSkipping = false;

  /** `bytesMax` counts a line without its line feed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that `chunk` completes. */
  *push(chunk: Buffer): Generator<SplitLine> {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      yield* this.#take(chunk.subarray(from, at));
      yield* this.end();
      from = at + 1;
    }
    yield* this.#take(chunk.subarray(from));
  }

  /** What is left after the last line feed, if anything. */
  *end(): Generator<SplitLine> {
    if (!this.#isSkipping && this.#size > 0)
      yield { kind: 'line', bytes: Buffer.concat(this.#chunks, this.#size) };
    this.#chunks = [];
    this.#size = 0;
    this.#isSkipping = false;
  }

  *#take(part: Buffer): Generator<SplitLine> {
    if (this.#isSkipping) return;
    this.#size += part.length;
    if (this.#size <= this.#bytesMax) {
      this.#chunks.push(part);
      return;
    }
    this.#isSkipping = true;
    this.#chunks = [];
    yield { kind: 'tooLong' };
  }
}

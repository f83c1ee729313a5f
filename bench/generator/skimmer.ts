/** Reads just what a load generator needs of a frame and steps over the rest: decoding it all would cost more than serving it. */

export class Skimmer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(frame: Uint8Array) {
    this.#bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  }

  /** The head of an array: how many values follow. */
  array(): number {
    const head = this.#byte();
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    if (head === 0xdc) return this.#number(2);
    if (head === 0xdd) return this.#number(4);
    throw new Error(`expected an array, not 0x${head.toString(16)}`);
  }

  uint(): number {
    const head = this.#byte();
    if (head < 0x80) return head;
    if (head === 0xcc) return this.#number(1);
    if (head === 0xcd) return this.#number(2);
    if (head === 0xce) return this.#number(4);
    if (head === 0xcf) return this.#number(4) * 2 ** 32 + this.#number(4);
    if (head === 0xcb) return this.#double();
    throw new Error(`expected a number, not 0x${head.toString(16)}`);
  }

  text(): string {
    const start = this.#at;
    const length = this.#textBytes(this.#byte());
    if (length === undefined) throw new Error(`expected text at ${start}`);
    this.#step(length);
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  /** A byte string, as a view of the frame. */
  binary(): Buffer {
    const head = this.#byte();
    if (head < 0xc4 || head > 0xc6) throw new Error(`expected bytes, not 0x${head.toString(16)}`);
    const length = this.#number(2 ** (head - 0xc4));
    this.#step(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  skip(values: number): void {
    for (let left = values; left > 0; left -= 1) left += this.#skipOne();
  }

  /** Answers how many values are inside. */
  #skipOne(): number {
    const head = this.#byte();
    if (head < 0x80 || head >= 0xe0 || (head >= 0xc0 && head <= 0xc3)) return 0;
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    const text = this.#textBytes(head);
    if (text !== undefined) this.#step(text);
    else if (head >= 0xc4 && head <= 0xc6) this.#step(this.#number(2 ** (head - 0xc4)));
    else if (head === 0xca) this.#step(4);
    else if (head === 0xcb) this.#step(8);
    else if (head >= 0xcc && head <= 0xcf) this.#step(2 ** (head - 0xcc));
    else if (head >= 0xd0 && head <= 0xd3) this.#step(2 ** (head - 0xd0));
    else if (head === 0xdc) return this.#number(2);
    else if (head === 0xdd) return this.#number(4);
    else throw new Error(`cannot skip 0x${head.toString(16)}`);
    return 0;
  }

  #step(bytes: number): void {
    this.#at += bytes;
  }

  #textBytes(head: number): number | undefined {
    if ((head & 0xe0) === 0xa0) return head & 0x1f;
    return head >= 0xd9 && head <= 0xdb ? this.#number(2 ** (head - 0xd9)) : undefined;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error('a frame ends too soon');
    this.#at += 1;
    return byte;
  }

  #number(bytes: number): number {
    this.#at += bytes;
    return this.#bytes.readUIntBE(this.#at - bytes, bytes);
  }

  #double(): number {
    this.#at += 8;
    return this.#bytes.readDoubleBE(this.#at - 8);
  }
}

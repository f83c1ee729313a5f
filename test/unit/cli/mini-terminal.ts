/** As much of a terminal as readline and the chat screen use: what a person would see. */

export class MiniTerminal {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get lines(): readonly string[] {
    return this.#rows.map((row) => row.join('').trimEnd());
  }

  write(output: string): void {
    // oxlint-disable-next-line no-control-regex -- that is what terminals read
    for (const [token] of output.matchAll(/\u001b\[[0-9;?]*[A-Za-z]|[\s\S]/gu))
      if (token.startsWith('\u001b')) this.#control(token);
      else this.#put(token);
  }

  #control(sequence: string): void {
    const count = Number(sequence.slice(2, -1)) || (sequence.endsWith('J') ? 0 : 1);
    switch (sequence.slice(-1)) {
      case 'A':
        this.#row = Math.max(0, this.#row - count);
        break;
      case 'G':
        this.#column = count - 1;
        break;
      case 'J':
        this.#rows.length = Math.min(this.#rows.length, this.#row + 1);
        this.#cells().length = Math.min(this.#cells().length, this.#column);
        break;
      case 'K':
        this.#cells().length = Math.min(this.#cells().length, this.#column);
        break;
    }
  }

  #put(point: string): void {
    if (point === '\r') this.#column = 0;
    else if (point === '\n') this.#down();
    else this.#print(point);
  }

  #print(point: string): void {
    const width = /[\p{Script=Han}]/u.test(point) ? 2 : 1;
    if (this.#column + width > this.#columns) this.#down();
    const cells = this.#cells();
    while (cells.length < this.#column) cells.push(' ');
    cells[this.#column] = point;
    if (width === 2) cells[this.#column + 1] = '';
    this.#column += width;
  }

  #down(): void {
    this.#row += 1;
    this.#column = 0;
  }

  #cells(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([]);
    return this.#rows[this.#row] ?? [];
  }
}

/** First in, first out in constant time: an array whose front is cut off in blocks. */
export class MessageQueue<T> {
  #items: Array<T | undefined> = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#first === this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first += 1;
    this.#trim();
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }

  #trim(): void {
    if (this.#first === this.#items.length) {
      this.#items.length = 0;
      this.#first = 0;
    } else if (this.#first >= 1024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}

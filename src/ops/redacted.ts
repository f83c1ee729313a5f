/** A value that must not be printed: passwords, tokens, keys on their way through commands and configuration. */
import { inspect } from 'node:util';

const SHOWN = '[redacted]';

/** Prints as `[redacted]` in logs, JSON, templates and the debugger; only `reveal` gives the value. */
export class Redacted<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** Works on one thing at a time, in the order in which it was asked for; each key has a line of its own. */
import { FastChatError } from '../protocol/errors.ts';

interface Line {
  readonly length: number;
  /** Settles when the last one in the line has had its turn. Never rejects. */
  readonly end: Promise<void>;
}

const ignore = (): void => undefined;

export class Turns<Key> {
  readonly #waitingMax: number;
  readonly #lines = new Map<Key, Line>();

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  /** Does `work` when those before it have had their turn, however that ended. @throws E_RATE_LIMITED when too many wait */
  take<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(key) ?? { length: 0, end: Promise.resolve() };
    if (line.length >= this.#waitingMax) {
      const full = new FastChatError('E_RATE_LIMITED', 'too much is waiting for its turn');
      return Promise.reject(full);
    }
    const turn = line.end.then(work);
    const end = turn.then(ignore, ignore).then(() => this.#leave(key));
    this.#lines.set(key, { length: line.length + 1, end });
    return turn;
  }

  #leave(key: Key): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    if (line.length === 1) this.#lines.delete(key);
    else this.#lines.set(key, { ...line, length: line.length - 1 });
  }
}

/**
 * Gathers the lines of one paste. A terminal that brackets pastes says where one begins and ends; any other hands it over
 * in one or a few pieces, faster than anybody types.
 */
import type { Clock } from '../../ops/clock.ts';
import { CHAT_PASTE_LINES_MAX, CHAT_PASTE_WINDOW_MS } from '../../protocol/limits.ts';

export interface LineBatchPorts {
  readonly clock: Clock;
  readonly take: (lines: readonly string[]) => void;
  /** Takes what stands in the input line after the last Enter out of it. */
  readonly takeRest: () => string;
}

export class LineBatch {
  readonly #ports: LineBatchPorts;
  #lines: string[] = [];
  #isBracketed = false;

  constructor(ports: LineBatchPorts) {
    this.#ports = ports;
  }

  /** A bracketed paste begins. */
  begin(): void {
    this.flush();
    this.#isBracketed = true;
  }

  /** It ends; its last line may have no Enter of its own. */
  end(): void {
    this.#isBracketed = false;
    this.flush();
  }

  add(line: string): void {
    this.#lines.push(line);
    if (this.#isBracketed) return;
    const count = this.#lines.length;
    const flushIfDone = (): void => {
      if (this.#lines.length === count && !this.#isBracketed) this.flush();
    };
    // A single line waits only for the rest of its own piece of input.
    if (count === 1) this.#ports.clock.soon(flushIfDone);
    else this.#ports.clock.after(CHAT_PASTE_WINDOW_MS, flushIfDone);
  }

  /** Hands over what is there; a paste that is worth a question is handed over whole. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length === 0) return;
    const rest = lines.length >= CHAT_PASTE_LINES_MAX ? this.#ports.takeRest() : '';
    this.#ports.take(rest === '' ? lines : [...lines, rest]);
  }
}

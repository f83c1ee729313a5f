/** Many lines at once may be an accident: they wait here for a yes or a no, and nothing else drops them. */
import { counted } from '../text-layout.ts';

export type PasteAnswer =
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'drop' }
  | { readonly kind: 'again' };

export class PasteQuestion {
  #lines: readonly string[] = [];

  get isOpen(): boolean {
    return this.#lines.length > 0;
  }

  /** What stands in the prompt while it is open. */
  get prompt(): string {
    return `send ${counted(this.#lines.length, 'line')} as one message? y/n `;
  }

  ask(lines: readonly string[]): void {
    this.#lines = lines;
  }

  /** Another paste belongs to the first one; anything but y or n is no answer. */
  answer(lines: readonly string[]): PasteAnswer {
    const [word = ''] = lines;
    if (lines.length > 1) this.#lines = [...this.#lines, ...lines];
    else if (/^y(es)?$/i.test(word.trim())) return { kind: 'send', text: this.#close() };
    else if (/^no?$/i.test(word.trim())) {
      this.#close();
      return { kind: 'drop' };
    }
    return { kind: 'again' };
  }

  #close(): string {
    const text = this.#lines.join('\n');
    this.#lines = [];
    return text;
  }
}

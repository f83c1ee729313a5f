/** A chat screen made of memory: what is shown, line by line, and the prompt. */
import type { ChatEnd, Screen, ScreenInput } from '../../src/cli/chat/screen.ts';
import { styleFor } from '../../src/cli/style.ts';
import type { Message } from '../../src/client/api.ts';

export class MemoryScreen implements Screen {
  readonly isInteractive: boolean;
  readonly columns = 80;
  readonly style = styleFor(false);
  readonly shown: string[] = [];
  prompt = '';
  ended: ChatEnd | undefined;

  constructor(isInteractive = true) {
    this.isInteractive = isInteractive;
  }

  print(lines: readonly string[]): void {
    this.shown.push(...lines);
  }

  row(_message: Message, columns: readonly string[]): void {
    this.shown.push(columns.join('\t'));
  }

  notice(text: string): void {
    this.shown.push(`-- ${text}`);
  }

  alert(text: string): void {
    this.shown.push(`!! ${text}`);
  }

  setPrompt(prompt: string): void {
    this.prompt = prompt;
  }

  run(_input: ScreenInput): Promise<ChatEnd> {
    throw new Error('not used');
  }

  end(how: ChatEnd): void {
    this.ended = how;
  }
}

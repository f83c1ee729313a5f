/** Where a chat happens: a terminal, a pipe, a test. */
import type { Message } from '../../client/api.ts';
import type { Style } from '../style.ts';
import type { Completion } from './complete.ts';

/** Why a chat ended: `/quit` or the end of input; Ctrl+C twice or a signal. */
export type ChatEnd = 'done' | 'interrupted';

/** What a screen hands over. */
export interface ScreenInput {
  /** Lines that came at once: one that was typed, or several that were pasted. */
  lines(lines: readonly string[]): void;
  complete(line: string): Completion;
}

export interface Screen {
  /** True for people: acknowledgements, day lines, a prompt. A pipe gets messages and nothing else. */
  readonly isInteractive: boolean;
  /** Columns that lines may take. */
  readonly columns: number;
  readonly style: Style;
  /** Lines that are safe to print. */
  print(lines: readonly string[]): void;
  /** One message, in columns: for a pipe. */
  row(message: Message, columns: readonly string[]): void;
  /** What goes on around the messages. */
  notice(text: string): void;
  /** What went wrong or needs care; cannot be taken for a message. `code` is for programs. */
  alert(text: string, code: string): void;
  setPrompt(prompt: string): void;
  /** Runs until the input ends, the person leaves or `end` is called. */
  run(input: ScreenInput): Promise<ChatEnd>;
  end(how: ChatEnd): void;
}

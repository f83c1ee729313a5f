/** Asks before what cannot be undone. */
import { FastChatError } from '../protocol/errors.ts';
import type { CommandContext } from './command.ts';
import { askLine, isInteractive } from './prompt.ts';

export interface Danger {
  /** What will happen. */
  readonly warning: string;
  readonly question: string;
  /** What a no leaves as it was. */
  readonly declined: string;
}

/** Resolves when the person, or `--yes`, says so; without a terminal nobody is asked. @throws E_USAGE unless they do */
export async function confirm(context: CommandContext, danger: Danger): Promise<void> {
  const { warning, question, declined } = danger;
  if (context.args.flag('yes')) return;
  if (!isInteractive(context.io))
    throw new FastChatError('E_USAGE', `${warning}; --yes if that is meant`);
  const answer = await askLine(context.io, `${warning}. ${question} y/n `);
  if (!/^y(es)?$/i.test(answer)) throw new FastChatError('E_USAGE', declined);
}

/** `fastchat help`. */
import type { CommandContext } from '../command.ts';
import { COMMANDS } from '../commands.ts';
import { EXIT, EXIT_CODES } from '../exit-codes.ts';
import { helpFor } from '../help.ts';

export async function help(context: CommandContext): Promise<number> {
  const { out, args } = context;
  const text = helpFor(COMMANDS, args.words);
  if (!out.options.json) await out.line(text);
  else if (args.words[0] === 'exit-codes')
    for (const [code, meaning] of EXIT_CODES) await out.json({ code, meaning });
  else await out.json({ help: text });
  return EXIT.ok;
}

/** Tab completion, in the form that readline wants. */
import { SLASH_WORDS } from './slash-commands.ts';

/** What could be there, and the part of the line that it replaces. */
export type Completion = readonly [candidates: readonly string[], replaced: string];

/** Completes a command at the start of the line, a name anywhere. */
export function completeLine(line: string, names: readonly string[]): Completion {
  const word = /\S*$/.exec(line)?.[0] ?? '';
  if (word === line && word.startsWith('/')) {
    const matches = [...SLASH_WORDS.keys()].map((known) => `/${known} `);
    return [matches.filter((known) => known.startsWith(word)).sort(), word];
  }
  if (word === '') return [[], word];
  const isBare = !/^[@#]/.test(word);
  const matches = names.filter((name) => (isBare ? name.slice(1) : name).startsWith(word));
  return [matches.map((name) => `${name} `).sort(), word];
}

/** Tab completion, in the form that readline wants. */
import { SLASH_VERBS, SLASH_WORDS } from './slash-commands.ts';

/** What could be there, and the part of the line that it replaces. */
export type Completion = readonly [candidates: readonly string[], replaced: string];

/** `/group cr`: the verbs of a command that has some. */
function verbsAt(line: string): readonly string[] {
  const command = SLASH_WORDS.get(/^\/(\S+)\s+\S*$/.exec(line)?.[1] ?? '');
  return command === undefined ? [] : (SLASH_VERBS[command] ?? []);
}

/** Completes a command at the start of the line, a name anywhere. */
export function completeLine(line: string, names: readonly string[]): Completion {
  const word = /\S*$/.exec(line)?.[0] ?? '';
  if (word === line && word.startsWith('/')) {
    const matches = [...SLASH_WORDS.keys()].map((known) => `/${known} `);
    return [matches.filter((known) => known.startsWith(word)).sort(), word];
  }
  const verbs = verbsAt(line).filter((verb) => verb.startsWith(word));
  if (word === '') return [verbs.map((verb) => `${verb} `), word];
  const isBare = !/^[@#]/.test(word);
  const matches = names.filter((name) => (isBare ? name.slice(1) : name).startsWith(word));
  return [[...verbs, ...matches].map((name) => `${name} `).sort(), word];
}

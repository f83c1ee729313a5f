/** Options that every command has. */
import type { OptionSpec } from './command.ts';

export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  home: { shape: 'DIR', doc: 'Client home (default: FASTCHAT_HOME, then the XDG data folder)' },
  json: { isFlag: true, doc: 'Print results as JSON, one object a line' },
  quiet: { alias: 'q', isFlag: true, doc: 'Print no notes' },
  'no-color': { isFlag: true, doc: 'No colours (also: NO_COLOR)' },
  help: { alias: 'h', isFlag: true, doc: 'Show this help' },
};

/** For commands that are about one account. */
export const ACCOUNT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  user: { alias: 'u', shape: 'NAME', doc: "Account (default: the home's only one)" },
  server: { shape: 'URL', doc: 'Connect URL (default: FASTCHAT_SERVER, then the one used last)' },
};

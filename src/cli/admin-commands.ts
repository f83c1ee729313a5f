/** The `fastchat admin` commands: what an operator asks a running node over its operations port. */
import type { CommandSpec, OptionSpec } from './command.ts';
import type * as adminModule from './commands/admin.ts';

export const ADMIN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  data: { shape: 'DIR', doc: 'Data folder of a node on this machine' },
  http: { shape: 'URL', doc: 'Operations port of a node: http://host:port' },
  'token-file': {
    shape: 'FILE',
    doc: 'Its admin token (default: DIR/admin.token, FASTCHAT_ADMIN_TOKEN_FILE)',
  },
};

type AdminRun = keyof typeof adminModule;

function admin(
  verb: string,
  words: string,
  summary: string,
  how: { readonly example: string; readonly run: AdminRun },
): CommandSpec {
  return {
    name: `admin ${verb}`,
    words,
    summary,
    examples: [`fastchat admin ${how.example} --data /var/lib/fastchat`],
    options: ADMIN_OPTIONS,
    load: async () => (await import('./commands/admin.ts'))[how.run],
  };
}

export const ADMIN_COMMANDS: readonly CommandSpec[] = [
  admin('status', '', 'Show members, load and shards', { example: 'status', run: 'status' }),
  admin('where', '<address>', 'Show which node owns @user or #group', {
    example: 'where @alice',
    run: 'where',
  }),
  admin('mailbox', '<user>', 'Show what waits for a user: counts, never contents', {
    example: 'mailbox @alice',
    run: 'mailbox',
  }),
  admin('balancer explain', '<user>', 'Show where a login of a user would go now, and why', {
    example: 'balancer explain @alice',
    run: 'explain',
  }),
  admin('user list', '', 'Show the accounts', { example: 'user list', run: 'listUsers' }),
  admin('user invite', '<user>', 'Make an invitation for a new user of that name', {
    example: 'user invite @dave',
    run: 'invite',
  }),
  admin('join rotate', '', 'Make a new join token; the old one is worthless at this node', {
    example: 'join rotate',
    run: 'rotateJoinToken',
  }),
  admin('drain', '', 'Move logins, sessions and shards away, then stop the node', {
    example: 'drain',
    run: 'drain',
  }),
];

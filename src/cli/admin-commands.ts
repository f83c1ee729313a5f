/** The `fastchat admin` commands: what an operator asks a running node over its operations port. */
import type { CommandSpec, OptionSpec } from './command.ts';
import type * as adminModule from './commands/admin.ts';

export const ADMIN_OPTIONS: Options = {
  data: { shape: 'DIR', doc: 'Data folder of a node on this machine' },
  http: { shape: 'URL', doc: 'Operations port of a node: http://host:port' },
  'token-file': {
    shape: 'FILE',
    doc: 'Its admin token (default: DIR/admin.token, FASTCHAT_ADMIN_TOKEN_FILE)',
  },
};

type Options = Readonly<Record<string, OptionSpec>>;
type AdminRun = keyof typeof adminModule;

function admin(
  verb: string,
  words: string,
  summary: string,
  how: { readonly example: string; readonly run: AdminRun; readonly options?: Options },
): CommandSpec {
  return {
    name: `admin ${verb}`,
    words,
    summary,
    examples: [`fastchat admin ${how.example} --data /var/lib/fastchat`],
    options: { ...how.options, ...ADMIN_OPTIONS },
    load: async () => (await import('./commands/admin.ts'))[how.run],
  };
}

export const ADMIN_COMMANDS: readonly CommandSpec[] = [
  admin('status', '', 'Show members, load and shards', { example: 'status', run: 'status' }),
  admin('nodes', '', 'Show the nodes: lease, load, shards owned and held, version', {
    example: 'nodes',
    run: 'nodes',
  }),
  admin('nodes forget', '<node>', 'Give up a dead node for good: its copies are made anew first', {
    example: 'nodes forget n3',
    run: 'forget',
  }),
  admin('rebalance', '', 'Bring copies and owners where they should be, without delay', {
    example: 'rebalance --dry-run',
    run: 'rebalance',
    options: { 'dry-run': { doc: 'Only show what would be done', isFlag: true } },
  }),
  admin('where', '<address>', 'Show who owns @user or #group and how its copies stand', {
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
  admin('user list', '', 'Show the accounts of the whole cluster', {
    example: 'user list',
    run: 'listUsers',
  }),
  admin('user invite', '<user>', 'Make an invitation for a new user of that name', {
    example: 'user invite @dave',
    run: 'invite',
  }),
  admin('join rotate', '', 'Make a new join token; the old one is worthless at this node', {
    example: 'join rotate',
    run: 'rotateJoinToken',
  }),
  admin('rebuild-map', '', 'Write the map that this node knows into an etcd that lost everything', {
    example: 'rebuild-map',
    run: 'rebuildMap',
  }),
  admin('drain', '', 'Move logins, sessions and shards away, then stop the node', {
    example: 'drain',
    run: 'drain',
  }),
];

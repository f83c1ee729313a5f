/** Every command of the program. A module is loaded when its command is asked for, so that the others start fast. */
import { ADMIN_COMMANDS } from './admin-commands.ts';
import type { CommandSpec } from './command.ts';
import type * as contactModule from './commands/contact.ts';
import { ACCOUNT_OPTIONS } from './global-options.ts';
import { GROUP_COMMANDS } from './group-commands.ts';
import { NODE_OPTIONS } from './node-options.ts';
import { PASSWORD_OPTIONS } from './password.ts';

const LOGIN_OPTIONS = { ...ACCOUNT_OPTIONS, ...PASSWORD_OPTIONS };

const ACCOUNT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'register',
    summary: 'Make an account and the keys of this device',
    examples: ['fastchat register -u alice --server fastchat://127.0.0.1:7400'],
    options: {
      ...LOGIN_OPTIONS,
      'invitation-file': { shape: 'FILE', doc: 'The invitation, where the server wants one' },
    },
    load: async () => (await import('./commands/register.ts')).register,
  },
  {
    name: 'login',
    summary: 'Log in with the password, on this device or as a new one',
    examples: ['fastchat login -u alice --server fastchat://127.0.0.1:7400'],
    options: LOGIN_OPTIONS,
    load: async () => (await import('./commands/login.ts')).login,
  },
  {
    name: 'logout',
    summary: 'End the session; the device and its messages stay',
    examples: ['fastchat logout -u alice'],
    options: ACCOUNT_OPTIONS,
    load: async () => (await import('./commands/login.ts')).logout,
  },
  {
    name: 'password',
    summary: 'Change the password',
    examples: ['fastchat password -u alice'],
    options: {
      ...LOGIN_OPTIONS,
      'new-password-file': { shape: 'FILE', doc: 'Read the new password from FILE' },
    },
    load: async () => (await import('./commands/login.ts')).changePassword,
  },
  {
    name: 'device list',
    summary: 'Show the devices of the account',
    examples: ['fastchat device list'],
    options: ACCOUNT_OPTIONS,
    load: async () => (await import('./commands/device.ts')).listDevices,
  },
  {
    name: 'device revoke',
    words: '<device>',
    summary: 'Shut a device out: a lost one, an old one',
    examples: ['fastchat device revoke 2'],
    options: {
      yes: { isFlag: true, doc: 'Do not ask, even when it is this very device' },
      ...ACCOUNT_OPTIONS,
    },
    load: async () => (await import('./commands/device.ts')).revokeDevice,
  },
];

const MESSAGE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'send',
    words: '<target..>',
    summary: 'Send a message; stdin is the text when there is no -m (a last word - forces it)',
    examples: [
      'echo deploy ok | fastchat send @bob',
      "fastchat send @bob '#team' -m 'lunch?' --wait delivered",
    ],
    options: {
      message: { alias: 'm', shape: 'TEXT', isVerbatim: true, doc: 'The text' },
      id: {
        shape: 'KEY',
        doc: 'Name the message: sending it again under the same name is harmless',
      },
      wait: { shape: 'STATE', doc: 'Wait for: none, stored (default), delivered, read' },
      timeout: { shape: 'DURATION', doc: 'How long to wait (default 10s)' },
      ...ACCOUNT_OPTIONS,
    },
    load: async () => (await import('./commands/send.ts')).send,
  },
  {
    name: 'read',
    words: '[target]',
    summary: 'Show the history that this device has; needs no connection',
    examples: ['fastchat read @bob --limit 20', "fastchat read '#team'"],
    options: {
      limit: { alias: 'n', shape: 'N', doc: 'Newest N messages (default 50)' },
      ...ACCOUNT_OPTIONS,
    },
    load: async () => (await import('./commands/read.ts')).read,
  },
  {
    name: 'tail',
    words: '[target]',
    summary: 'Connect, send what waits, print what was not printed before',
    examples: ['fastchat tail --json --follow', "fastchat tail '#team'"],
    options: {
      follow: { alias: 'f', isFlag: true, doc: 'Go on printing what arrives' },
      ...ACCOUNT_OPTIONS,
    },
    load: async () => (await import('./commands/tail.ts')).tail,
  },
  {
    name: 'chat',
    words: '[target]',
    summary: 'Chat in the terminal; works in pipes too',
    examples: ['fastchat chat @bob', "fastchat chat '#team'"],
    options: {
      linear: { isFlag: true, doc: 'Line by line, without a full screen' },
      ...ACCOUNT_OPTIONS,
    },
    ownsSignals: true,
    load: async () => (await import('./commands/chat.ts')).chat,
  },
  {
    name: 'rpc',
    summary: 'JSON-RPC 2.0 on stdin and stdout, for programs; many accounts at a time',
    examples: [
      `echo '{"jsonrpc":"2.0","id":1,"method":"login","params":{"account":"alice","password":"…"}}' | fastchat rpc`,
    ],
    options: {
      server: { shape: 'URL', doc: 'Connect URL for accounts that are new in this home' },
    },
    load: async () => (await import('./commands/rpc.ts')).rpc,
  },
];

type ContactRun = keyof typeof contactModule;

function contact(
  verb: string,
  words: string,
  summary: string,
  example: { readonly text: string; readonly run: ContactRun },
): CommandSpec {
  return {
    name: `contact ${verb}`,
    words,
    summary,
    examples: [example.text],
    options: ACCOUNT_OPTIONS,
    load: async () => (await import('./commands/contact.ts'))[example.run],
  };
}

const CONTACT_COMMANDS: readonly CommandSpec[] = [
  contact('list', '', 'Show contacts: who is online, verified, blocked', {
    text: 'fastchat contact list',
    run: 'listContacts',
  }),
  contact('add', '<user>', 'Add a contact', {
    text: 'fastchat contact add @bob',
    run: 'addContact',
  }),
  contact('remove', '<user>', 'Remove a contact', {
    text: 'fastchat contact remove @bob',
    run: 'removeContact',
  }),
  contact('block', '<user>', 'Take no more messages from a user; they are not told', {
    text: 'fastchat contact block @mallory',
    run: 'blockContact',
  }),
  contact('unblock', '<user>', 'Take messages from a user again', {
    text: 'fastchat contact unblock @mallory',
    run: 'unblockContact',
  }),
  contact('fingerprint', '[user]', 'Show the fingerprint of a user, or your own', {
    text: 'fastchat contact fingerprint @bob',
    run: 'showFingerprint',
  }),
  contact(
    'verify',
    '<user> <fingerprint..>',
    'Compare a fingerprint that you were told, and remember it',
    {
      text: "fastchat contact verify @bob '12345 67890 …'",
      run: 'verifyContact',
    },
  ),
];

const SERVER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'node',
    summary: 'Run a node, or a whole cluster on this machine (--dev 3)',
    examples: ['fastchat node --data /var/lib/fastchat', 'fastchat node --dev 3'],
    options: NODE_OPTIONS,
    ownsSignals: true,
    load: async () => (await import('./node-command.ts')).node,
  },
  ...ADMIN_COMMANDS,
];

const OTHER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'demo',
    summary: 'See it work: a small cluster, two people, a node that dies',
    examples: ['fastchat demo'],
    ownsSignals: true,
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  {
    name: 'help',
    words: '[topic..]',
    summary: 'Explain a command, or exit-codes',
    examples: ['fastchat help send', 'fastchat help exit-codes'],
    load: async () => (await import('./commands/help.ts')).help,
  },
  {
    name: 'version',
    summary: 'Show the version',
    examples: ['fastchat version --json'],
    load: async () => (await import('./commands/version.ts')).version,
  },
];

/** In the order in which the help lists them. */
export const COMMANDS: readonly CommandSpec[] = [
  ...MESSAGE_COMMANDS,
  ...ACCOUNT_COMMANDS,
  ...CONTACT_COMMANDS,
  ...GROUP_COMMANDS,
  ...SERVER_COMMANDS,
  ...OTHER_COMMANDS,
];

/** Every method of `fastchat rpc`, declared once: parameters, result, handler. docs/RPC.md is made from this table. */
import { DEVICES_MAX, HISTORY_MESSAGES_MAX, REQUEST_TIMEOUT_MS } from '../../protocol/limits.ts';
import { sendRefusal } from '../group-words.ts';
import { messageFields } from '../message-format.ts';
import type { Message } from '../../client/api.ts';
import { given, method } from './method.ts';
import type { Method } from './method.ts';
import { GROUP_METHODS } from './group-methods.ts';
import { address, count, device, messageId, oneOf, optional, text, user } from './params.ts';

const account = user;
const WAIT_MS_MAX = 24 * 60 * 60 * 1000;

function shown(messages: readonly Message[]): readonly object[] {
  return messages.map((message) => ({ ...messageFields(message), state: message.state }));
}

const ACCOUNT_METHODS = {
  register: method({
    params: { account, password: text },
    result: '{account, fingerprint}',
    doc: 'Makes an account and the keys of this device; opens no session.',
    run: async (accounts, { account, password }) => {
      const { fingerprint } = await accounts.register(account, password);
      return { account, fingerprint };
    },
  }),
  login: method({
    params: { account, password: text },
    result: '{account, node, pending}',
    doc: 'Opens a session; `node` is where the balancer put it, `pending` how many messages wait. Again: logs in anew.',
    run: async (accounts, { account, password }) => {
      const { node, pending } = await accounts.login(account, password);
      return { account, node, pending };
    },
  }),
  logout: method({
    params: { account },
    result: '{}',
    doc: 'Ends the session; the device and its messages stay.',
    run: async (accounts, { account }) => {
      await accounts.logout(account);
      return {};
    },
  }),
  password: method({
    params: { account, old: text, new: text },
    result: '{}',
    doc: 'Changes the password.',
    run: async (accounts, { account, old, new: next }) => {
      await (await accounts.session(account)).changePassword(old, next);
      return {};
    },
  }),
  devices: method({
    params: { account },
    result: '[{device, name, lastSeen, current}]',
    doc: `The devices of the account, at most ${DEVICES_MAX}.`,
    run: async (accounts, { account }) => {
      const views = await (await accounts.session(account)).devices();
      return views.map(({ device, name, lastSeen, current }) => ({
        device,
        name,
        lastSeen,
        current,
      }));
    },
  }),
  revokeDevice: method({
    params: { account, device },
    result: '{}',
    doc: 'Shuts a device out.',
    run: async (accounts, { account, device }) => {
      await (await accounts.session(account)).revokeDevice(device);
      return {};
    },
  }),
} as const;

const MESSAGE_METHODS = {
  send: method({
    params: {
      account,
      to: address,
      text,
      id: optional(messageId),
      wait: optional(oneOf(['none', 'stored', 'delivered', 'read'])),
      timeoutMs: optional(count(WAIT_MS_MAX)),
    },
    result: '{id, conversation, seq, timestamp, state}',
    doc: `Sends a text and waits until it is \`wait\` (default stored), at most \`timeoutMs\` (default ${REQUEST_TIMEOUT_MS}); after that it stays in the outbox. The same \`id\` is the same message.`,
    run: async (accounts, { account, to, text, id, wait, timeoutMs }) => {
      const client = await accounts.session(account);
      const sent = await client
        .send(to, text, given({ id, wait, timeoutMs }))
        .catch((cause: unknown) => {
          throw sendRefusal(cause, to);
        });
      const { conversation, seq, timestamp, state } = sent;
      return { id: sent.id, conversation, seq, timestamp, state };
    },
  }),
  markRead: method({
    params: { account, conversation: address, id: messageId },
    result: '{}',
    doc: 'Everything up to this message was read by a person.',
    run: async (accounts, { account, conversation, id }) => {
      await (await accounts.session(account)).markRead(conversation, id);
      return {};
    },
  }),
  conversations: method({
    params: { account },
    result: '[{conversation, unread, lastTimestamp}]',
    doc: 'The conversations in the store of this device.',
    run: async (accounts, { account }) => {
      const found = await (await accounts.session(account)).conversations();
      return found.map(({ conversation, unread, lastTimestamp }) => ({
        conversation,
        unread,
        lastTimestamp,
      }));
    },
  }),
  history: method({
    params: {
      account,
      conversation: address,
      limit: optional(count(HISTORY_MESSAGES_MAX)),
      before: optional(messageId),
    },
    result: '[message]',
    doc: 'The newest `limit` messages (before message `before`), oldest first.',
    run: async (accounts, { account, conversation, limit, before }) => {
      const client = await accounts.session(account);
      return shown(await client.history(conversation, given({ limit, before })));
    },
  }),
  search: method({
    params: {
      account,
      query: text,
      conversation: optional(address),
      limit: optional(count(HISTORY_MESSAGES_MAX)),
    },
    result: '[message]',
    doc: 'Messages of this device that contain the query.',
    run: async (accounts, { account, query, conversation, limit }) => {
      const client = await accounts.session(account);
      return shown(await client.search(query, given({ conversation, limit })));
    },
  }),
} as const;

type ContactChange = 'addContact' | 'removeContact' | 'block' | 'unblock';

function contactChange(change: ContactChange, doc: string): Method {
  return method({
    params: { account, user },
    result: '{}',
    doc,
    run: async (accounts, { account, user }) => {
      await (await accounts.session(account))[change](user);
      return {};
    },
  });
}

const PEOPLE_METHODS = {
  'contact.add': contactChange('addContact', 'Adds a contact.'),
  'contact.remove': contactChange('removeContact', 'Removes a contact.'),
  'contact.block': contactChange('block', 'Takes no more messages from a user, who is not told.'),
  'contact.unblock': contactChange('unblock', 'Takes messages from a user again.'),
  'contact.list': method({
    params: { account },
    result: '[{user, online, lastSeen, verified, blocked}]',
    doc: 'Contacts and blocked users.',
    run: async (accounts, { account }) => {
      const views = await (await accounts.session(account)).contacts();
      return views.map(({ user, online, lastSeen, verified, blocked }) => ({
        user,
        online,
        lastSeen,
        verified,
        blocked,
      }));
    },
  }),
  presence: method({
    params: { account, user },
    result: '{user, online, lastSeen}',
    doc: 'Whether a user is online; `lastSeen` 0 is unknown.',
    run: async (accounts, { account, user }) => {
      const { online, lastSeen } = await (await accounts.session(account)).presence(user);
      return { user, online, lastSeen };
    },
  }),
  fingerprint: method({
    params: { account, user },
    result: '{user, fingerprint, verified}',
    doc: 'The fingerprint that people compare.',
    run: async (accounts, { account, user }) => {
      const found = await (await accounts.session(account)).fingerprint(user);
      return { user, fingerprint: found.fingerprint, verified: found.verified };
    },
  }),
  verify: method({
    params: { account, user, fingerprint: text },
    result: '{verified}',
    doc: 'Compares a fingerprint that a person was told; a right one is remembered and accepts a changed key.',
    run: async (accounts, { account, user, fingerprint }) => {
      const { verified } = await (await accounts.session(account)).verify(user, fingerprint);
      return { verified };
    },
  }),
} as const;

export const METHODS: Readonly<Record<string, Method>> = {
  ...ACCOUNT_METHODS,
  ...MESSAGE_METHODS,
  ...PEOPLE_METHODS,
  ...GROUP_METHODS,
};

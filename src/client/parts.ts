/** Makes the parts of a client and ties them together; nothing here decides anything. */
import { AccountBook } from './account/account-book.ts';
import { DeviceLogin } from './account/device-login.ts';
import { Revocations } from './account/revocations.ts';
import { VaultKeeper } from './account/vault-keeper.ts';
import { Connection } from './connection/connection.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import type { ConnectionListener } from './connection/connection.ts';
import { Contacts } from './contacts.ts';
import { Directory } from './directory.ts';
import type { TrustedKeys } from './directory.ts';
import { EventHub } from './events.ts';
import { Admission } from './inbox/admission.ts';
import { HeldEntries } from './inbox/held-entries.ts';
import { Inbox } from './inbox/inbox.ts';
import { Opener } from './inbox/opener.ts';
import { Messages } from './messages.ts';
import { Outbox } from './outbox/outbox.ts';
import { SendWaiters } from './outbox/send-waiters.ts';
import { Sender } from './outbox/sender.ts';
import { OwnDevices } from './own-devices.ts';
import type { ClientOptions, ClientPorts } from './ports.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { Reads } from './reads.ts';
import { Receipts } from './receipts.ts';
import { GateBook } from './store/gate-book.ts';
import { History } from './store/history.ts';
import { StoreKeys } from './store/keys.ts';
import { LocalStore } from './store/local-store.ts';
import { Watermarks } from './store/watermarks.ts';

/** What lies on the disk, and the parts that need nothing else. */
export interface Base {
  readonly ports: ClientPorts;
  readonly self: UserId;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly events: EventHub;
  readonly waiters: SendWaiters;
  readonly book: AccountBook;
  readonly gates: GateBook;
  readonly history: History;
  readonly watermarks: Watermarks;
}

/** The parts that need a node. */
export interface Online {
  readonly vaults: VaultKeeper;
  readonly revocations: Revocations;
  readonly device: DeviceLogin;
  readonly connection: Connection;
  readonly directory: Directory;
  readonly contacts: Contacts;
}

/** The parts that move messages. */
export interface Flow {
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly receipts: Receipts;
  readonly reads: Reads;
  readonly ownDevices: OwnDevices;
  readonly inbox: Inbox;
  readonly messages: Messages;
}

export type Parts = Base & Online & Flow;

export function makeBase(ports: ClientPorts, options: ClientOptions): Base {
  const { clock, suite, kv } = ports;
  const store = new LocalStore(kv, suite, options.storeKey);
  const keys = new StoreKeys(store);
  const self = options.account;
  return {
    ports,
    self,
    store,
    keys,
    events: new EventHub(clock),
    waiters: new SendWaiters(clock),
    book: new AccountBook(self, { store, keys, suite }),
    gates: new GateBook(store, keys, options),
    history: new History({ clock, store, keys, self }),
    watermarks: new Watermarks(store, keys),
  };
}

export function makeOnline(
  base: Base,
  deviceName: string,
  hooks: { readonly listener: ConnectionListener; readonly onNewDevice: () => void },
): Online {
  const { store, keys, events, book, gates } = base;
  const { clock, random, network, suite } = base.ports;
  const vaults = new VaultKeeper({ clock, suite, book, events });
  const revocations = new Revocations({ book, vaults, events });
  const { listener, onNewDevice } = hooks;
  const secrets = { suite, book, vaults, revocations };
  const device = new DeviceLogin({ ...secrets, deviceName, onNewDevice });
  const connection = new Connection({ clock, random, network, gates }, device, listener);
  const directory = new Directory({
    suite,
    store,
    keys,
    events,
    fetchKeys: (user) => connection.call('keys', { user }, { repeat: true }),
  });
  const contacts = new Contacts({ connection, directory, store, keys, events });
  return { vaults, revocations, device, connection, directory, contacts };
}

export function makeFlow(base: Base, online: Online): Flow {
  const { store, keys, history, watermarks, self, events, waiters } = base;
  const { clock, random } = base.ports;
  const { connection } = online;
  const outbox = makeOutbox(base);
  const receipts = new Receipts({
    store,
    history,
    watermarks,
    events,
    waiters,
    fetch: (user) => connection.call('receipts', { user }, { repeat: true }),
  });
  const reads: Reads = new Reads({ self, store, history, onUntold: () => ownDevices.read() });
  const sender: Sender = makeSender(base, online, outbox, {
    stored: (tx, draft, seal) => {
      const record = receipts.stored(tx, draft, seal);
      if (record !== undefined) ownDevices.sent(tx, record);
    },
    failed: (tx, draft, error) => receipts.failed(tx, draft, error),
    stuck: (draft, error) => receipts.stuck(draft, error),
  });
  const submit: Sender['submit'] = (tx, draft) => sender.submit(tx, draft);
  const isOnline = (): boolean => connection.session !== undefined;
  const told = { self, clock, random, events, store, keys, history, reads, submit, isOnline };
  const ownDevices = new OwnDevices(told);
  const isBlocked = (user: UserId): boolean => online.contacts.isBlocked(user);
  const inbox = makeInbox(base, online, { receipts, reads });
  const textBytesMax = (): number =>
    connection.session?.attachment.textBytes ?? DEFAULT_LIMITS.textBytes;
  const shown = { self, clock, random, store, history, watermarks, waiters, submit, isBlocked };
  const messages = new Messages({ ...shown, textBytesMax });
  return { outbox, sender, receipts, reads, ownDevices, inbox, messages };
}

function makeOutbox({ book, self, store, keys, ports }: Base): Outbox {
  const author = (): ReturnType<ConstructorParameters<typeof Outbox>[0]['author']> => ({
    user: self,
    device: book.device?.device,
    identityPrivateKey: book.vault.identity.privateKey,
  });
  const outbox = new Outbox({ suite: ports.suite, store, keys, author });
  // Without a device there was never anything to send.
  if (book.isRegistered) outbox.load();
  return outbox;
}

function makeSender(
  base: Base,
  { connection, directory, vaults, device }: Online,
  outbox: Outbox,
  outcomes: ConstructorParameters<typeof Sender>[0]['outcomes'],
): Sender {
  const { self, store, book, events } = base;
  const { clock, random } = base.ports;
  /**
   * Keys to write to one's own devices: nobody need be asked, only the life of the log comes from the node. While the
   * vault is locked there are none that the other devices still use: what is for them waits for the login.
   */
  const ownKeys = (): TrustedKeys | undefined => {
    const attachment = connection.session?.attachment;
    if (attachment === undefined || vaults.lock !== undefined) return undefined;
    const { incarnation, minBoxEpoch } = attachment;
    const identity = book.vault.identity.publicKey;
    return {
      keys: { identity, box: book.publishedBox, minBoxEpoch, incarnation },
      trust: 'pinned',
    };
  };
  return new Sender({
    clock,
    random,
    events,
    store,
    outbox,
    outcomes,
    session: () => connection.session,
    onOutdatedStore: () => {
      device.replaceNext();
      connection.restart('the store is older than what the node knows');
    },
    cachedKeys: (user) => (user === self ? ownKeys() : directory.cached(user)),
    fetchKeys: async (user, isFresh) => {
      if (user !== self) return await directory.keysOf(user, isFresh);
      if (isFresh && vaults.lock === undefined)
        await vaults.refresh((await connection.online(0)).link, Infinity);
      const keys = ownKeys();
      if (keys === undefined)
        throw new FastChatError('E_UNREACHABLE', 'no session, or the vault is locked');
      return keys;
    },
  });
}

function makeInbox(
  base: Base,
  { connection, directory, vaults }: Online,
  { receipts, reads }: Pick<Flow, 'receipts' | 'reads'>,
): Inbox {
  const { self, store, keys, events, history, watermarks, book } = base;
  const { clock, random, suite } = base.ports;
  const admission = new Admission({
    self,
    keys,
    history,
    watermarks,
    receipts,
    reads,
    events,
    incarnationOf: (peer) => directory.cached(peer)?.keys.incarnation,
  });
  const refreshVault = async (): Promise<void> =>
    await vaults.refresh((await connection.online(0)).link, Infinity);
  return new Inbox({
    self,
    clock,
    random,
    store,
    keys,
    events,
    admission,
    held: new HeldEntries(store, keys),
    session: () => connection.session,
    lock: () => vaults.lock,
    opener: (incarnation) =>
      new Opener({ suite, store, book, directory, vaults, refreshVault }, incarnation),
  });
}

/** Makes the parts of a client and ties them together; nothing here decides anything. */
import { AccountBook } from './account/account-book.ts';
import { DeviceLogin } from './account/device-login.ts';
import { Revocations } from './account/revocations.ts';
import type { GroupKeys } from './account/revocations.ts';
import { VaultKeeper } from './account/vault-keeper.ts';
import { Connection } from './connection/connection.ts';
import { GateTrials } from './connection/gate-trials.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import type { ConnectionListener } from './connection/connection.ts';
import { Contacts } from './contacts.ts';
import { Directory } from './directory.ts';
import type { TrustedKeys } from './directory.ts';
import { fetchGroupSealing, makeGroups } from './groups/make-groups.ts';
import type { GroupParts } from './groups/make-groups.ts';
import { EventHub } from './events.ts';
import { Admission } from './inbox/admission.ts';
import { HeldEntries } from './inbox/held-entries.ts';
import { Inbox } from './inbox/inbox.ts';
import { MessageChains } from './inbox/message-chains.ts';
import { Opener } from './inbox/opener.ts';
import { Messages } from './messages.ts';
import { Outbox } from './outbox/outbox.ts';
import { directSealing } from './outbox/sealing.ts';
import type { TrustedSealing } from './outbox/sealing.ts';
import { SendWaiters } from './outbox/send-waiters.ts';
import { Sender } from './outbox/sender.ts';
import { OwnDevices } from './own-devices.ts';
import type { ClientOptions, ClientPorts } from './ports.ts';
import { FastChatError } from '../protocol/errors.ts';
import { isGroup } from '../protocol/ids.ts';
import type { Address, UserId } from '../protocol/ids.ts';
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

export type Parts = Base & Online & Flow & GroupParts;

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
  hooks: {
    readonly listener: ConnectionListener;
    readonly onNewDevice: () => void;
    readonly groupKeys: GroupKeys;
  },
): Online {
  const { store, keys, events, book, gates } = base;
  const { clock, random, network, suite } = base.ports;
  const vaults = new VaultKeeper({ clock, suite, book, events });
  const { listener, onNewDevice, groupKeys } = hooks;
  const revocations = new Revocations({ book, vaults, events, groupKeys });
  const secrets = { suite, book, vaults, revocations };
  const device = new DeviceLogin({ ...secrets, deviceName, onNewDevice });
  const trials = new GateTrials(clock, random);
  const connection = new Connection({ clock, random, network, gates, trials }, device, listener);
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

export function makeFlow(base: Base, online: Online): Flow & GroupParts {
  const { store, keys, history, watermarks, self, events, waiters } = base;
  const { clock, random } = base.ports;
  const { connection } = online;
  const outbox = makeOutbox(base);
  const receipts = new Receipts({
    self,
    store,
    history,
    watermarks,
    events,
    waiters,
    fetch: (user) => connection.call('receipts', { user }, { repeat: true }),
  });
  const reads: Reads = new Reads({
    self,
    store,
    history,
    onUntold: () => ownDevices.read(),
    onGroupRead: (group, upTo) => events.background(groupParts.groups.read(group, upTo)),
  });
  const chains = new MessageChains({ keys, events });
  const onOutdated = (to: Address): void => sender.outdated(to);
  const groupParts: GroupParts = makeGroups(base, online, { chains, reads, onOutdated });
  const { groups, groupReceipts } = groupParts;
  const sender: Sender = makeSender(
    base,
    online,
    { outbox, groupParts },
    {
      stored: (tx, draft, seal, seq) => {
        if (isGroup(draft.to))
          return groupReceipts.stored(tx, groups.feed(draft.to)?.local, { draft, seal, seq });
        const record = receipts.stored(tx, draft, seal);
        if (record !== undefined) ownDevices.sent(tx, record);
      },
      failed: (tx, draft, error) => receipts.failed(tx, draft, error),
      stuck: (draft, error) => receipts.stuck(draft, error),
    },
  );
  const submit: Sender['submit'] = (tx, draft) => sender.submit(tx, draft);
  const isOnline = (): boolean => connection.session !== undefined;
  const told = { self, clock, random, events, store, keys, history, reads, submit, isOnline };
  const ownDevices = new OwnDevices(told);
  const isBlocked = (user: UserId): boolean => online.contacts.isBlocked(user);
  const inbox = makeInbox(base, online, { receipts, reads, chains });
  const textBytesMax = (): number =>
    connection.session?.attachment.textBytes ?? DEFAULT_LIMITS.textBytes;
  const shown = { self, clock, random, store, history, watermarks, waiters, submit, isBlocked };
  const messages = new Messages({ ...shown, groups, groupReceipts, textBytesMax });
  return { outbox, sender, receipts, reads, ownDevices, inbox, messages, ...groupParts };
}

function makeOutbox({ book, self, store, keys }: Base): Outbox {
  const author = (): ReturnType<ConstructorParameters<typeof Outbox>[0]['author']> => ({
    user: self,
    device: book.device?.device,
    identityPrivateKey: book.vault.identity.privateKey,
  });
  const outbox = new Outbox({ store, keys, author });
  // Without a device there was never anything to send.
  if (book.isRegistered) outbox.load();
  return outbox;
}

function makeSender(
  base: Base,
  { connection, directory, vaults, device }: Online,
  { outbox, groupParts }: { readonly outbox: Outbox; readonly groupParts: GroupParts },
  outcomes: ConstructorParameters<typeof Sender>[0]['outcomes'],
): Sender {
  const { self, store, book, events } = base;
  const { clock, random, suite } = base.ports;
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
  const fetchKeys = async (user: UserId, isFresh: boolean): Promise<TrustedKeys> => {
    if (user !== self) return await directory.keysOf(user, isFresh);
    if (isFresh && vaults.lock === undefined)
      await vaults.refresh((await connection.online(0)).link, Infinity);
    const keys = ownKeys();
    if (keys === undefined)
      throw new FastChatError('E_UNREACHABLE', 'no session, or the vault is locked');
    return keys;
  };
  const sealingWith = ({ keys, trust }: TrustedKeys): TrustedSealing => {
    return { sealing: directSealing(suite, keys), trust };
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
    cachedSealing: (to) => {
      if (isGroup(to)) return groupParts.groups.cachedSealing(to);
      const known = to === self ? ownKeys() : directory.cached(to);
      return known === undefined ? undefined : sealingWith(known);
    },
    fetchSealing: async (to, isFresh) => {
      if (isGroup(to)) return await fetchGroupSealing(groupParts, to, isFresh);
      return sealingWith(await fetchKeys(to, isFresh));
    },
  });
}

function makeInbox(
  base: Base,
  { connection, directory, vaults }: Online,
  {
    receipts,
    reads,
    chains,
  }: Pick<Flow, 'receipts' | 'reads'> & { readonly chains: MessageChains },
): Inbox {
  const { self, store, keys, events, history, watermarks, book } = base;
  const { clock, random, suite } = base.ports;
  const admission = new Admission({
    self,
    chains,
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

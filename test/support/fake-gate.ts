/**
 * A cluster in one object for tests of the client: real accounts, logs, counters and receipts behind gates on memory
 * links, and hooks through which a test makes it slow, deaf, lossy or malicious.
 */
import { verifyDeviceProof } from '../../src/crypto/proofs.ts';
import type { PasswordServer } from '../../src/crypto/password-auth.ts';
import type { OpeningSuite } from '../../src/crypto/suite.ts';
import { createTransparentPasswordServer } from '../../src/crypto/transparent-password-server.ts';
import type { ClientLink, ClientLinkEvents } from '../../src/net/client-link.ts';
import type { MemoryLinks } from '../../src/net/memory-links.ts';
import type { Clock } from '../../src/ops/clock.ts';
import type { Random } from '../../src/ops/random.ts';
import type {
  Attachment,
  BoxKey,
  ContactInfo,
  NewDevice,
  PublicKeys,
  SealedVault,
  StoreTokens,
} from '../../src/protocol/account.ts';
import { REFUSAL_TAG, REPLY_TAG, clientCalls, push } from '../../src/protocol/client-calls.ts';
import type { ClientRequest, Push } from '../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../src/protocol/codec.ts';
import type { Envelope, LogEntry } from '../../src/protocol/envelope.ts';
import { FastChatError, asFastChatError } from '../../src/protocol/errors.ts';
import { groupClientCalls } from '../../src/protocol/group-client-calls.ts';
import { parseDeviceId, parseIncarnation, parseNodeId } from '../../src/protocol/ids.ts';
import type { DeviceId, Incarnation, NodeId, UserId } from '../../src/protocol/ids.ts';

type Named<K extends ClientRequest['type']> = Extract<ClientRequest, { type: K }>;

/**
 * What becomes of a call: served; never answered (`ignore`: nor done, `mute`: done); the link cut before (`cutBefore`)
 * or after (`cut`) it was done; or refused.
 */
export type Verdict = 'serve' | 'ignore' | 'mute' | 'cut' | 'cutBefore' | FastChatError;

export interface FakeDevice {
  readonly publicKey: Uint8Array;
  readonly name: string;
  token: Uint8Array;
}

export interface FakeAccount {
  readonly user: UserId;
  readonly identity: Uint8Array;
  record: Uint8Array;
  vault: SealedVault;
  box: BoxKey;
  minBoxEpoch: number;
  incarnation: Incarnation;
  readonly devices: Map<DeviceId, FakeDevice>;
  lastDevice: number;
  log: LogEntry[];
  /** Newest entry ever, so that an emptied log goes on counting. */
  head: number;
  readonly pairs: Map<string, { counter: number; tag: Uint8Array; seq: number; at: number }>;
  readonly delivered: Map<string, { device: DeviceId; counter: number }>;
  readonly cursors: Map<DeviceId, number>;
  readonly contacts: Map<UserId, ContactInfo>;
  readonly sessions: Set<FakeSession>;
}

export interface FakeClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly suite: OpeningSuite;
  readonly links: MemoryLinks;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function refuse(code: ConstructorParameters<typeof FastChatError>[0]): never {
  throw new FastChatError(code, `refused: ${code}`);
}

type GroupCall = Extract<ClientRequest, { type: keyof typeof groupClientCalls }>;

/** The fake has no groups: what speaks of them runs against whole nodes. */
function isAboutGroups(request: ClientRequest): request is GroupCall {
  return Object.hasOwn(groupClientCalls, request.type);
}

export class FakeCluster {
  readonly options: FakeClusterOptions;
  readonly passwords: PasswordServer;
  readonly fingerprint: Uint8Array;
  readonly accounts = new Map<UserId, FakeAccount>();
  readonly gates: Array<{ node: NodeId; host: string; port: number }> = [];
  readonly tickets = new Map<string, { user: UserId; device: DeviceId; node: NodeId }>();
  /** Every call that reached a gate, in order. */
  readonly calls: Array<{ user: UserId | undefined; request: ClientRequest }> = [];
  /** Decides what becomes of each call. */
  script: (request: ClientRequest, user: UserId | undefined) => Verdict = () => 'serve';
  /** Changes the keys that are served. */
  servedKeys: (user: UserId, keys: PublicKeys) => PublicKeys = (_user, keys) => keys;
  /** Changes the vaults that are served. */
  servedVault: (user: UserId, vault: SealedVault) => SealedVault = (_user, vault) => vault;
  /** Which node a login is placed at; undefined: the one that was dialled. */
  placeAt: NodeId | undefined;
  /** Whether entries are pushed, or only found by pulling. */
  isPushing = true;
  /** Whether receipts are pushed, or lost on the way. */
  tellsReceipts = true;

  constructor(options: FakeClusterOptions) {
    this.options = options;
    this.fingerprint = options.random.bytes(32);
    this.passwords = createTransparentPasswordServer('fake', options.random);
  }

  async addGate(name: string): Promise<{ host: string; port: number }> {
    const node = parseNodeId(name);
    const network = this.options.links.at(name, this.fingerprint);
    const bootId = this.options.random.bytes(16);
    const listener = await network.listen({
      host: name,
      port: 0,
      onLink: (link) => new FakeSession(this, node, bootId, link).events(),
    });
    const gate = { node, host: name, port: listener.port };
    this.gates.push(gate);
    return gate;
  }

  account(user: UserId): FakeAccount {
    return this.accounts.get(user) ?? refuse('E_NO_SUCH_USER');
  }

  keysOf(user: UserId): PublicKeys {
    const { identity, box, minBoxEpoch, incarnation } = this.account(user);
    return this.servedKeys(user, { identity, box, minBoxEpoch, incarnation });
  }

  /** Appends to a log whatever the counters say, as only a malicious node would. */
  inject(user: UserId, envelope: Envelope): LogEntry {
    const account = this.account(user);
    account.head += 1;
    const entry = { seq: account.head, at: this.options.clock.now(), envelope };
    account.log.push(entry);
    this.announce(account, entry);
    return entry;
  }

  /** Takes an entry out of a log, as expiry or a malicious node does. */
  withhold(user: UserId, seq: number): void {
    const account = this.account(user);
    account.log = account.log.filter((entry) => entry.seq !== seq);
  }

  push(user: UserId, item: Push): void {
    for (const session of this.account(user).sessions) session.push(item);
  }

  /** Ends every link without a word. */
  cutAll(): void {
    for (const account of this.accounts.values())
      for (const session of account.sessions) session.cut();
  }

  /** As at a node, the same key again is the device that it is. */
  newDevice(account: FakeAccount, device: NewDevice): DeviceId {
    for (const [known, { publicKey }] of account.devices)
      if (hex(publicKey) === hex(device.publicKey)) return known;
    account.lastDevice += 1;
    const id = parseDeviceId(account.lastDevice);
    account.devices.set(id, {
      publicKey: device.publicKey,
      name: device.name,
      token: device.token,
    });
    account.cursors.set(id, (account.log[0]?.seq ?? account.head + 1) - 1);
    return id;
  }

  append(envelope: Envelope): { seq: number; at: number; last: number } {
    if (!this.accounts.has(envelope.to as UserId)) refuse('E_NO_SUCH_USER');
    const account = this.account(envelope.to as UserId);
    const name = `${envelope.from} ${envelope.device} ${envelope.incarnation}`;
    const pair = account.pairs.get(name);
    if (pair !== undefined && envelope.counter <= pair.counter) {
      if (envelope.counter === pair.counter && hex(envelope.tag) !== hex(pair.tag))
        refuse('E_COUNTER');
      return { ...pair, last: pair.counter };
    }
    if (envelope.incarnation !== account.incarnation) refuse('E_STALE_EPOCH');
    if (envelope.boxEpoch < account.minBoxEpoch) refuse('E_STALE_EPOCH');
    if (envelope.counter !== (pair?.counter ?? 0) + 1) refuse('E_COUNTER');
    const at = this.options.clock.now();
    account.head += 1;
    const entry = { seq: account.head, at, envelope };
    account.log.push(entry);
    const { counter, tag } = envelope;
    const stored = { counter, tag, seq: account.head, at };
    account.pairs.set(name, stored);
    this.announce(account, entry);
    return { ...stored, last: counter };
  }

  announce(account: FakeAccount, entry: LogEntry): void {
    if (!this.isPushing) return;
    this.push(account.user, { type: 'entries', log: account.user, entries: [entry] });
  }

  acknowledge(account: FakeAccount, device: DeviceId, upTo: number): void {
    const before = Math.max(0, ...account.cursors.values());
    account.cursors.set(device, Math.max(upTo, account.cursors.get(device) ?? 0));
    for (const { seq, envelope } of account.log) {
      if (seq <= before || seq > upTo) continue;
      const name = `${envelope.from} ${envelope.device}`;
      account.delivered.set(name, { device: envelope.device, counter: envelope.counter });
      const sender = this.accounts.get(envelope.from);
      if (sender === undefined || envelope.quiet || !this.tellsReceipts) continue;
      const { device: by, counter: delivered } = envelope;
      const { user, incarnation } = account;
      this.push(sender.user, { type: 'receipt', user, incarnation, device: by, delivered });
    }
  }
}

export class FakeSession {
  readonly #cluster: FakeCluster;
  readonly #node: NodeId;
  readonly #bootId: Uint8Array;
  readonly #link: ClientLink;
  readonly #nonce: Uint8Array;
  #account: FakeAccount | undefined;
  #device: DeviceId | undefined;
  #login: { user: UserId; state: Uint8Array } | undefined;
  #outgoing: unknown[] = [];

  constructor(cluster: FakeCluster, node: NodeId, bootId: Uint8Array, link: ClientLink) {
    this.#cluster = cluster;
    this.#node = node;
    this.#bootId = bootId;
    this.#link = link;
    this.#nonce = cluster.options.random.bytes(32);
  }

  events(): ClientLinkEvents {
    return {
      onFrame: (frame) => this.#receive(Uint8Array.from(frame)),
      onWritable: () => undefined,
      onClose: () => this.#gone(),
    };
  }

  push(item: Push): void {
    this.#say(push.pack(item));
  }

  cut(): void {
    this.#gone();
    this.#link.destroy('cut');
  }

  #gone(): void {
    this.#account?.sessions.delete(this);
  }

  #receive(frame: Uint8Array): void {
    for (const raw of decodeRaw(frame) as unknown[][]) this.#item(raw);
  }

  #item(raw: unknown[]): void {
    const request = clientCalls.parseRequest(raw);
    const id = raw[1] as number;
    const cluster = this.#cluster;
    cluster.calls.push({ user: this.#account?.user, request });
    const verdict = cluster.script(request, this.#account?.user);
    if (verdict === 'ignore') return;
    if (verdict === 'cutBefore') return this.cut();
    const answer = verdict instanceof FastChatError ? verdict : this.#try(request);
    if (verdict === 'cut') return this.cut();
    if (verdict === 'mute' || id === 0) return;
    if (answer instanceof FastChatError)
      return this.#say([REFUSAL_TAG, id, answer.code, answer.message, answer.retryAfterMs ?? null]);
    this.#say([REPLY_TAG, id, ...clientCalls.packReply(request.type, answer as never)]);
  }

  #say(item: unknown): void {
    this.#outgoing.push(item);
    if (this.#outgoing.length > 1) return;
    this.#cluster.options.clock.soon(() => {
      const items = this.#outgoing;
      this.#outgoing = [];
      this.#link.send(encodeRaw(items));
    });
  }

  #try(request: ClientRequest): unknown {
    try {
      if (!isAboutGroups(request)) return this.#serve(request);
      return request.type === 'groups' ? { groups: [] } : refuse('E_NO_SUCH_GROUP');
    } catch (cause) {
      return asFastChatError(cause);
    }
  }

  #me(): { account: FakeAccount; device: DeviceId } {
    if (this.#account === undefined || this.#device === undefined) refuse('E_NOT_LOGGED_IN');
    return { account: this.#account, device: this.#device };
  }

  #serve(request: Exclude<ClientRequest, GroupCall>): unknown {
    const cluster = this.#cluster;
    const now = cluster.options.clock.now();
    switch (request.type) {
      case 'hello': {
        const { fingerprint } = cluster;
        const [node, bootId, nonce] = [this.#node, this.#bootId, this.#nonce];
        const modes = { registration: 'open', stretching: 'weak' } as const;
        return { version: 1, node, bootId, nonce, fingerprint, ...modes, now };
      }
      case 'registerStart':
        return { response: cluster.passwords.registrationResponse(request.user, request.request) };
      case 'registerFinish':
        return this.#register(request);
      case 'loginStart': {
        const record = cluster.accounts.get(request.user)?.record;
        const started = cluster.passwords.startLogin(request.user, record, request.request);
        this.#login = { user: request.user, state: started.state };
        return { response: started.response };
      }
      case 'loginFinish':
        return this.#loginFinish(request);
      case 'deviceLogin':
        return this.#deviceLogin(request);
      case 'ticketLogin': {
        const ticket = cluster.tickets.get(hex(request.ticket)) ?? refuse('E_TICKET_FORGED');
        cluster.tickets.delete(hex(request.ticket));
        if (ticket.node !== this.#node) refuse('E_TICKET_NODE');
        this.#checkProof(cluster.account(ticket.user), request.proof);
        return this.#attach(cluster.account(ticket.user), ticket.device, request.proof.tokens);
      }
      case 'send': {
        const { account, device } = this.#me();
        const { envelope } = request;
        if (envelope.from !== account.user || envelope.device !== device) refuse('E_BAD_FRAME');
        const { seq, at, last } = cluster.append(envelope);
        return { seq, at, last };
      }
      case 'pull': {
        const { account } = this.#me();
        const entries = account.log
          .filter(({ seq }) => seq >= request.from)
          .slice(0, request.limit);
        const isAll = entries.length < request.limit;
        const upTo = isAll ? account.head : (entries.at(-1)?.seq ?? account.head);
        return { entries, upTo, head: account.head };
      }
      case 'ack': {
        const { account, device } = this.#me();
        cluster.acknowledge(account, device, request.upTo);
        return {};
      }
      case 'keys':
        return cluster.keysOf(request.user);
      case 'receipts': {
        const peer = cluster.account(request.user);
        const sender = this.#me().account.user;
        const marks = [...peer.delivered]
          .filter(([name]) => name.startsWith(`${sender} `))
          .map(([, { device, counter }]) => ({ device, delivered: counter, expired: [] }));
        return { incarnation: peer.incarnation, marks };
      }
      case 'probe':
        return {};
      case 'ping':
        return { head: this.#me().account.head, now, memberships: 0 };
      case 'vault': {
        const { account } = this.#me();
        return cluster.servedVault(account.user, account.vault);
      }
      case 'putVault':
        return this.#putVault(request);
      case 'reauthStart': {
        const { account } = this.#me();
        const started = cluster.passwords.startLogin(account.user, account.record, request.request);
        this.#login = { user: account.user, state: started.state };
        return { response: started.response };
      }
      case 'reauthFinish': {
        if (!cluster.passwords.finishLogin(this.#login?.state ?? refuse('E_AUTH'), request.finish))
          refuse('E_AUTH');
        const { user } = this.#me().account;
        return { response: cluster.passwords.registrationResponse(user, request.request) };
      }
      case 'changePassword': {
        const { account } = this.#me();
        if (request.expected !== account.vault.version) refuse('E_VAULT_CONFLICT');
        account.record = request.record;
        const { vault, passwordWrap } = request;
        const version = request.expected + 1;
        account.vault = { ...account.vault, version, vault, passwordWrap };
        return {};
      }
      case 'devices': {
        const { account } = this.#me();
        const devices = [...account.devices].map(([device, { name }]) => ({
          device,
          name,
          lastSeen: now,
        }));
        return { devices };
      }
      case 'revokeDevice': {
        const { account } = this.#me();
        if (!account.devices.delete(request.device)) refuse('E_NO_SUCH_DEVICE');
        const goAway = {
          type: 'goAway',
          reason: 'revoked',
          afterMs: 0,
          redirect: undefined,
        } as const;
        for (const session of account.sessions)
          if (session.#device === request.device) session.push(goAway);
        return {};
      }
      case 'contacts':
        return { contacts: [...this.#me().account.contacts.values()] };
      case 'putContact': {
        const { user, contact, blocked } = request;
        this.#me().account.contacts.set(user, { user, contact, blocked });
        return {};
      }
      case 'presence': {
        const { sessions } = cluster.account(request.user);
        return { user: request.user, online: sessions.size > 0, lastSeen: now };
      }
      case 'watch':
        return {};
      case 'typing':
        cluster.push(request.to, { type: 'typing', user: this.#me().account.user });
        return {};
    }
  }

  #register(request: Named<'registerFinish'>): { device: DeviceId } {
    const { accounts, options } = this.#cluster;
    if (accounts.has(request.user)) refuse('E_NAME_TAKEN');
    const account: FakeAccount = {
      user: request.user,
      identity: request.identity,
      record: request.record,
      vault: request.vault,
      box: request.box,
      minBoxEpoch: 1,
      incarnation: parseIncarnation(hex(options.random.bytes(16))),
      devices: new Map(),
      lastDevice: 0,
      log: [],
      head: 0,
      pairs: new Map(),
      delivered: new Map(),
      cursors: new Map(),
      contacts: new Map(),
      sessions: new Set(),
    };
    accounts.set(request.user, account);
    return { device: this.#cluster.newDevice(account, request.device) };
  }

  #loginFinish(request: Named<'loginFinish'>): unknown {
    const login = this.#login ?? refuse('E_BAD_FRAME');
    if (!this.#cluster.passwords.finishLogin(login.state, request.finish)) refuse('E_AUTH');
    const account = this.#cluster.account(login.user);
    if (request.newDevice !== undefined) {
      const { token } = request.newDevice;
      const device = this.#cluster.newDevice(account, request.newDevice);
      return this.#place(account, device, { previous: token, next: token });
    }
    const proof = request.proof ?? refuse('E_BAD_FRAME');
    this.#checkProof(account, proof);
    return this.#place(account, proof.device, proof.tokens);
  }

  #deviceLogin(request: Named<'deviceLogin'>): unknown {
    const account = this.#cluster.accounts.get(request.user) ?? refuse('E_AUTH');
    this.#checkProof(account, request.proof);
    if (request.replacement === undefined)
      return this.#place(account, request.proof.device, request.proof.tokens);
    const { token } = request.replacement;
    const device = this.#cluster.newDevice(account, request.replacement);
    return this.#place(account, device, { previous: token, next: token });
  }

  #checkProof(account: FakeAccount, proof: Named<'ticketLogin'>['proof']): void {
    const { suite } = this.#cluster.options;
    const known = account.devices.get(proof.device) ?? refuse('E_AUTH');
    const here = { nonce: this.#nonce, node: this.#node, bootId: this.#bootId };
    const { fingerprint } = this.#cluster;
    const context = { ...here, fingerprint, user: account.user, device: proof.device };
    if (!verifyDeviceProof(suite, context, proof.signature, known.publicKey)) refuse('E_AUTH');
  }

  #place(account: FakeAccount, device: DeviceId, tokens: StoreTokens): unknown {
    const { placeAt, gates, tickets, options } = this.#cluster;
    if (placeAt === undefined || placeAt === this.#node)
      return this.#attach(account, device, tokens);
    const ticket = options.random.bytes(32);
    tickets.set(hex(ticket), { user: account.user, device, node: placeAt });
    const gate = gates.find(({ node }) => node === placeAt);
    return { device, attachment: undefined, redirect: { ticket, gate } };
  }

  #attach(account: FakeAccount, device: DeviceId, tokens: StoreTokens): unknown {
    const known = account.devices.get(device) ?? refuse('E_AUTH');
    const isKnown = [tokens.previous, tokens.next].some((token) => hex(token) === hex(known.token));
    if (!isKnown) refuse('E_STORE_CLONED');
    known.token = tokens.next;
    this.#account = account;
    this.#device = device;
    this.#link.trust();
    account.sessions.add(this);
    const furthest = Math.max(0, ...account.cursors.values());
    const attachment: Attachment = {
      node: this.#node,
      device,
      incarnation: account.incarnation,
      head: account.head,
      cursor: account.cursors.get(device) ?? 0,
      pending: account.log.filter(({ seq, envelope }) => seq > furthest && !envelope.quiet).length,
      boxEpoch: account.box.epoch,
      minBoxEpoch: account.minBoxEpoch,
      vaultVersion: this.#cluster.servedVault(account.user, account.vault).version,
      textBytes: 64 * 1024,
      now: this.#cluster.options.clock.now(),
    };
    return { device, attachment, redirect: undefined };
  }

  #putVault(request: Named<'putVault'>): { version: number } {
    const { account } = this.#me();
    if (request.expected !== account.vault.version) refuse('E_VAULT_CONFLICT');
    const version = request.expected + 1;
    account.vault = { ...account.vault, ...request.wraps, version, vault: request.vault };
    account.box = request.box ?? account.box;
    account.minBoxEpoch = request.minBoxEpoch;
    for (const session of account.sessions)
      if (session !== this) session.push({ type: 'vaultChanged', version });
    return { version };
  }
}

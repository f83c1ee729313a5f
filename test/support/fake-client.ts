/* oxlint-disable typescript/require-await -- its answers are promises because the interface says so */
/** A client of scripted answers, for tests of what uses one: no server, no store, no keys. */
import type {
  Client,
  ClientEvent,
  ContactView,
  DeviceView,
  Message,
  SentMessage,
  WaitFor,
} from '../../src/client/api.ts';
import type { GroupSummary } from '../../src/client/group-api.ts';
import { FastChatError } from '../../src/protocol/errors.ts';
import { parseAddress, parseMessageId, parseUserId } from '../../src/protocol/ids.ts';
import type { Address, MessageId, UserId } from '../../src/protocol/ids.ts';
import { FakeGroups } from './fake-groups.ts';

export interface SentCall {
  readonly to: Address;
  readonly text: string;
  readonly id: string | undefined;
  readonly wait: WaitFor;
}

export function message(fields: {
  readonly id: string;
  readonly from: string;
  readonly conversation: string;
  readonly text: string;
  readonly timestamp?: number;
  readonly seq?: number;
}): Message {
  return {
    id: parseMessageId(fields.id),
    conversation: parseAddress(fields.conversation),
    from: parseUserId(fields.from),
    seq: fields.seq ?? 1,
    timestamp: fields.timestamp ?? Date.UTC(2026, 0, 31, 9, 12, 3, 412),
    text: fields.text,
    state: 'delivered',
  };
}

export class FakeClient implements Client {
  readonly account: UserId;
  readonly group: FakeGroups;
  registered = true;
  readonly sent: SentCall[] = [];
  readonly calls: string[] = [];
  readonly messages: Message[] = [];
  readonly contactViews: ContactView[] = [];
  readonly deviceViews: DeviceView[] = [];
  /** By method: what it rejects with, once or always. */
  readonly failures = new Map<string, FastChatError[]>();
  /** How far messages get; further than that a send times out. */
  reaches: 'queued' | 'stored' | 'delivered' | 'read' = 'read';
  password = 'secret';
  closedWith: number | undefined;
  printed = 0;
  readonly #listeners = new Set<(event: ClientEvent) => void>();

  constructor(account: string) {
    this.account = parseUserId(account);
    this.group = new FakeGroups({
      account: this.account,
      called: (method, ...args) => this.#called(method, ...args),
      emit: (event) => this.emit(event),
    });
  }

  /** The next calls of `method` reject, one error each. */
  fail(method: string, ...errors: FastChatError[]): void {
    this.failures.set(method, errors);
  }

  emit(event: ClientEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** A message arrives: it is in the history and an event. */
  receive(arrived: Message): void {
    this.messages.push(arrived);
    const { state: _, ...fields } = arrived;
    this.emit({ type: 'message', ...fields });
  }

  async #called(method: string, ...args: readonly unknown[]): Promise<void> {
    this.calls.push([method, ...args].join(' '));
    const error = this.failures.get(method)?.shift();
    if (error !== undefined) throw error;
  }

  async register(
    password: string,
    options?: { readonly invitation?: string },
  ): Promise<{ readonly fingerprint: string; readonly recoveryCode: string }> {
    await this.#called('register', password, options?.invitation ?? '');
    this.registered = true;
    return { fingerprint: 'FP-OWN', recoveryCode: 'RECOVER-ME' };
  }

  async login(password: string): Promise<{ readonly node: string; readonly pending: number }> {
    await this.#called('login', password);
    if (password !== this.password) throw new FastChatError('E_AUTH', 'wrong name or password');
    this.registered = true;
    return { node: 'n2', pending: 3 };
  }

  async connect(): Promise<{ readonly node: string; readonly pending: number }> {
    await this.#called('connect');
    return { node: 'n2', pending: 0 };
  }

  logout(): Promise<void> {
    return this.#called('logout');
  }

  caughtUp(): Promise<void> {
    return this.#called('caughtUp');
  }

  async send(
    to: Address,
    text: string,
    options: { readonly id?: string; readonly wait?: WaitFor } = {},
  ): Promise<SentMessage> {
    const { id, wait = 'stored' } = options;
    this.sent.push({ to, text, id, wait });
    const shown = parseMessageId(id ?? `M${this.sent.length}`);
    const steps = ['queued', 'stored', 'delivered', 'read'] as const;
    const wanted = wait === 'none' ? 'queued' : wait;
    if (wait !== 'none') await this.#called('send', to);
    if (steps.indexOf(wanted) > steps.indexOf(this.reaches))
      throw new FastChatError('E_TIMEOUT', 'no answer in time');
    if (wait !== 'none') this.emit({ type: 'sent', id: shown, conversation: to, state: 'stored' });
    return { id: shown, conversation: to, seq: 7, timestamp: 1000, state: wanted };
  }

  queued(): number {
    return 0;
  }

  flushed(): Promise<void> {
    return this.#called('flushed');
  }

  markRead(conversation: Address, id: MessageId): Promise<void> {
    return this.#called('markRead', conversation, id);
  }

  async conversations(): Promise<
    ReadonlyArray<{ conversation: Address; unread: number; lastTimestamp: number }>
  > {
    const names = [...new Set(this.messages.map((one) => one.conversation))];
    return names.map((conversation) => ({ conversation, unread: 1, lastTimestamp: 5 }));
  }

  async history(
    conversation: Address,
    options: { readonly limit?: number } = {},
  ): Promise<readonly Message[]> {
    const found = this.messages.filter((one) => one.conversation === conversation);
    return options.limit === undefined ? found : found.slice(-options.limit);
  }

  async search(query: string): Promise<readonly Message[]> {
    return this.messages.filter((one) => one.text?.includes(query));
  }

  async unprinted(
    conversation: Address | undefined,
    limit: number,
  ): Promise<{ messages: readonly Message[]; mark(): Promise<void> }> {
    const fresh = this.messages
      .slice(this.printed)
      .filter((one) => conversation === undefined || one.conversation === conversation)
      .slice(0, limit);
    const next = this.messages.length;
    return {
      messages: fresh,
      mark: async () => {
        this.printed = next;
      },
    };
  }

  async fingerprint(user: UserId): Promise<{ fingerprint: string; verified: boolean }> {
    await this.#called('fingerprint', user);
    return { fingerprint: user === this.account ? 'FP-OWN' : 'FP-OTHER', verified: false };
  }

  async verify(user: UserId, fingerprint: string): Promise<{ verified: boolean }> {
    await this.#called('verify', user, fingerprint);
    return { verified: fingerprint === 'FP-OTHER' };
  }

  async contacts(): Promise<readonly ContactView[]> {
    await this.#called('contacts');
    return this.contactViews;
  }

  addContact(user: UserId): Promise<void> {
    return this.#called('addContact', user);
  }

  removeContact(user: UserId): Promise<void> {
    return this.#called('removeContact', user);
  }

  block(user: UserId): Promise<void> {
    return this.#called('block', user);
  }

  unblock(user: UserId): Promise<void> {
    return this.#called('unblock', user);
  }

  async presence(user: UserId): Promise<{ user: UserId; online: boolean; lastSeen: number }> {
    await this.#called('presence', user);
    return { user, online: true, lastSeen: 0 };
  }

  typing(): void {
    this.calls.push('typing');
  }

  async groups(): Promise<readonly GroupSummary[]> {
    return this.group.summaries();
  }

  changePassword(old: string, next: string): Promise<void> {
    return this.#called('changePassword', old, next);
  }

  async devices(): Promise<readonly DeviceView[]> {
    await this.#called('devices');
    return this.deviceViews;
  }

  revokeDevice(device: number): Promise<void> {
    return this.#called('revokeDevice', device);
  }

  on(listener: (event: ClientEvent) => void): { off(): void } {
    this.#listeners.add(listener);
    return { off: () => void this.#listeners.delete(listener) };
  }

  async close(graceMs = 0): Promise<void> {
    this.closedWith = graceMs;
  }
}

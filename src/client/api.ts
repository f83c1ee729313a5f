/**
 * The client library as its users see it: the commands, bots, tests and virtual users all speak this interface.
 * Names of methods, fields and events are those of JSON-RPC (docs/RPC.md). Every method rejects with a FastChatError.
 */
import type { Address, DeviceId, MessageId, UserId } from '../protocol/ids.ts';
import type { GroupActions, GroupEvent, GroupSummary } from './group-api.ts';

/** What a sender can see: waiting in the outbox, flushed by the recipient's node, on a device, read by a person. */
export type MessageState = 'queued' | 'stored' | 'delivered' | 'read' | 'expired' | 'failed';
/** How far a `send` waits before it resolves. */
export type WaitFor = 'none' | 'stored' | 'delivered' | 'read';

export interface FileContent {
  readonly name: string;
  readonly bytes: number;
  readonly mime: string;
}

/** A message as this account's store holds it. */
export interface Message {
  readonly id: MessageId;
  /** `@peer` or `#group`, seen from this account. */
  readonly conversation: Address;
  readonly from: UserId;
  /** Position in the conversation in this account's store, from 1. */
  readonly seq: number;
  /** Milliseconds since 1970, the sender's clock. */
  readonly timestamp: number;
  readonly text?: string;
  readonly file?: FileContent;
  readonly state: MessageState;
}

export interface SentMessage {
  readonly id: MessageId;
  readonly conversation: Address;
  readonly seq: number;
  readonly timestamp: number;
  readonly state: MessageState;
}

export interface LoginResult {
  /** Name of the node that the balancer chose. */
  readonly node: string;
  /** Messages waiting for this account, delivered to none of its devices yet. */
  readonly pending: number;
}

export type ClientEvent =
  | ({ readonly type: 'message' } & Omit<Message, 'state'>)
  | {
      readonly type: 'receipt';
      readonly id: MessageId;
      readonly conversation: Address;
      readonly by: UserId;
      readonly state: 'delivered' | 'read' | 'expired';
    }
  | {
      readonly type: 'presence';
      readonly user: UserId;
      readonly online: boolean;
      readonly lastSeen: number;
    }
  | GroupEvent
  | { readonly type: 'typing'; readonly conversation: Address; readonly user: UserId }
  | {
      readonly type: 'warning';
      readonly code: string;
      readonly message: string;
      readonly user?: UserId;
    }
  /** `sent`: a message of this account changed state, by this device or another one. */
  | {
      readonly type: 'sent';
      readonly id: MessageId;
      readonly conversation: Address;
      readonly state: MessageState;
    }
  | {
      readonly type: 'state';
      readonly connected: boolean;
      readonly node: string | undefined;
      readonly retryInMs?: number;
    };

export interface ContactView {
  readonly user: UserId;
  readonly online: boolean;
  /** Milliseconds since 1970; 0: unknown. */
  readonly lastSeen: number;
  readonly verified: boolean;
  readonly blocked: boolean;
}

export interface DeviceView {
  readonly device: DeviceId;
  readonly name: string;
  readonly lastSeen: number;
  readonly current: boolean;
}

export interface Client {
  readonly account: UserId;
  /** True once this home holds a device of the account: `connect` needs no password then. */
  readonly registered: boolean;
  /** Makes the account and this home's device; opens no session. `recoveryCode` is shown once. @throws E_NAME_TAKEN, E_REGISTRATION */
  register(
    password: string,
    options?: { readonly invitation?: string },
  ): Promise<{ readonly fingerprint: string; readonly recoveryCode: string }>;
  /**
   * Logs in with the password, as this home's device or as a new one. Opens a vault that has got a new key meanwhile,
   * after which what waited for it is shown. @throws E_AUTH, E_RATE_LIMITED, E_UNREACHABLE
   */
  login(password: string): Promise<LoginResult>;
  /** Logs in with this home's device key and stays connected, reconnecting by itself until `close`. @throws E_NOT_LOGGED_IN */
  connect(): Promise<LoginResult>;
  /** Ends the session, keeps the device; `connect` wants the password first from now on. */
  logout(): Promise<void>;
  /**
   * Resolves when everything that was pending at login has been displayed (its events have fired).
   * @throws E_AUTH when some of it needs a vault key that only a `login` gives: another device was revoked
   */
  caughtUp(): Promise<void>;
  /** @throws E_TOO_LARGE, E_NO_SUCH_USER, E_MAILBOX_FULL, E_KEY_CHANGED, E_TIMEOUT (kept in the outbox), ... */
  send(
    to: Address,
    text: string,
    options?: { readonly id?: string; readonly wait?: WaitFor; readonly timeoutMs?: number },
  ): Promise<SentMessage>;
  /** Messages in the outbox that no node has acknowledged. */
  queued(): number;
  /** Resolves when the outbox is empty. @throws E_TIMEOUT */
  flushed(timeoutMs: number): Promise<void>;
  markRead(conversation: Address, id: MessageId): Promise<void>;
  conversations(): Promise<
    ReadonlyArray<{
      readonly conversation: Address;
      readonly unread: number;
      readonly lastTimestamp: number;
    }>
  >;
  /** Oldest first; the newest `limit` before message `before`. */
  history(
    conversation: Address,
    options?: { readonly limit?: number; readonly before?: MessageId },
  ): Promise<readonly Message[]>;
  search(
    query: string,
    options?: { readonly conversation?: Address; readonly limit?: number },
  ): Promise<readonly Message[]>;
  /** What no `tail` of this home has printed before, in order of arrival; `mark` makes it printed. */
  unprinted(
    conversation: Address | undefined,
    limit: number,
  ): Promise<{ readonly messages: readonly Message[]; mark(): Promise<void> }>;
  fingerprint(user: UserId): Promise<{ readonly fingerprint: string; readonly verified: boolean }>;
  /** Compares with what was checked in person; remembers success. A pending key change is accepted by a right fingerprint. */
  verify(user: UserId, fingerprint: string): Promise<{ readonly verified: boolean }>;
  contacts(): Promise<readonly ContactView[]>;
  addContact(user: UserId): Promise<void>;
  removeContact(user: UserId): Promise<void>;
  block(user: UserId): Promise<void>;
  unblock(user: UserId): Promise<void>;
  presence(
    user: UserId,
  ): Promise<{ readonly user: UserId; readonly online: boolean; readonly lastSeen: number }>;
  typing(conversation: Address): void;
  /** The groups that this account is a member of, by name. */
  groups(): Promise<readonly GroupSummary[]>;
  readonly group: GroupActions;
  /** @throws E_AUTH when `old` is wrong */
  changePassword(old: string, next: string): Promise<void>;
  devices(): Promise<readonly DeviceView[]>;
  /**
   * Shuts a device out and makes new vault and box keys, so that what it has opens nothing sealed from now on. The other
   * devices have to `login` once (warning E_AUTH); until then they read what was sealed before, and can send.
   * @throws E_NO_SUCH_DEVICE; E_UNREACHABLE and others after which the rest is done at a later login
   */
  revokeDevice(device: DeviceId): Promise<void>;
  on(listener: (event: ClientEvent) => void): { off(): void };
  /** Sends what it can within `graceMs`, saves the rest, closes. */
  close(graceMs?: number): Promise<void>;
}

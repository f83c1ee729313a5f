/** What a session is told, and what its step wants done; `actor.ts` does it and tells the outcome. */
import type { Redirect } from '../../protocol/account.ts';
import type { ActorRequest } from '../../protocol/actor-calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import type {
  ClientCallName,
  ClientReply,
  ClientRequest,
  Push,
} from '../../protocol/client-calls.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { GroupReply } from '../../protocol/group-calls.ts';
import type { GroupMark } from '../../protocol/group-facts.ts';
import type { Address, DeviceId, GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import type { UserReply, UserRequest } from '../../protocol/user-calls.ts';
import type { Gate } from '../balancer/messages.ts';

/** One call of a client; id 0 wants no answer. */
export interface ClientItem {
  readonly id: number;
  readonly request: ClientRequest;
}

/** The request named `K` of a client. */
export type RequestNamed<K extends ClientCallName> = Extract<ClientRequest, { type: K }>;

/** The message named `T`. */
export type MessageNamed<T extends SessionMsg['type']> = Extract<SessionMsg, { type: T }>;

/** Questions whose answers the session itself needs; all others are only passed on to the client. */
export type AskedCall = 'register' | 'loginRecord' | 'addDevice' | 'deviceKey' | 'attach' | 'head';
export type AskedRequest = Extract<UserRequest, { type: AskedCall }>;

/** What the user actor said to the question named `call`; `id` is the client's call it was asked for, 0 for none. */
export type Answered = {
  [K in AskedCall]: {
    readonly type: 'answered';
    readonly call: K;
    readonly id: number;
    readonly outcome: Outcome<UserReply<K>>;
  };
}[AskedCall];

/** What a ticket that was accepted says. */
export interface TicketHolder {
  readonly user: UserId;
  readonly device: DeviceId;
}

/** What the password port gives at the start of a login; `secret` stays on this node. */
export interface LoginChallenge {
  readonly response: Uint8Array;
  readonly secret: Uint8Array;
}

export type SessionMsg =
  /** One frame of the client. */
  | { readonly type: 'batch'; readonly items: readonly ClientItem[] }
  /** The client sent something that is no frame; the link ends. */
  | { readonly type: 'badFrame'; readonly text: string }
  | Answered
  /** 0: the attempt may go on; otherwise how long the source must wait. */
  | { readonly type: 'admitted'; readonly waitMs: number }
  | { readonly type: 'registrationAnswered'; readonly outcome: Outcome<Uint8Array> }
  | { readonly type: 'invitationChecked'; readonly outcome: Outcome<void> }
  | { readonly type: 'loginStarted'; readonly outcome: Outcome<LoginChallenge> }
  | { readonly type: 'loginFinished'; readonly success: boolean }
  | { readonly type: 'ticketUsed'; readonly outcome: Outcome<TicketHolder> }
  | { readonly type: 'proofVerified'; readonly valid: boolean }
  | { readonly type: 'placed'; readonly gate: Gate | undefined }
  | { readonly type: 'ticketSigned'; readonly redirect: Redirect }
  /** From the user actor, by way of the gate. */
  | { readonly type: 'push'; readonly push: Push }
  /** Entries were pushed up to `head` but found the mailbox of this session full. */
  | { readonly type: 'missed'; readonly head: number }
  /** The same of a group. */
  | {
      readonly type: 'missedGroup';
      readonly group: GroupId;
      readonly incarnation: Incarnation;
      readonly head: number;
    }
  /** What each group answered to a subscription; `id` is the client's call. */
  | {
      readonly type: 'subscribed';
      readonly id: number;
      readonly outcomes: ReadonlyArray<
        readonly [group: GroupId, outcome: Outcome<GroupReply<'groupSubscribe'>>]
      >;
    }
  | { readonly type: 'congested' }
  | { readonly type: 'writable' }
  | { readonly type: 'tick' }
  /** The shard of this session's user changed hands: its new owner does not know of this session yet. */
  | { readonly type: 'moved' }
  /** The node drains: go to `gate`, or anywhere else after `afterMs`. */
  | { readonly type: 'leave'; readonly gate: Gate | undefined; readonly afterMs: number }
  | { readonly type: 'linkClosed' };

/** A refusal as the client sees it. */
export interface Refusal {
  readonly code: ErrorCode;
  /** For people: what went wrong and what to do. */
  readonly text: string;
  readonly retryAfterMs?: number | undefined;
}

export type ReplyEffect = {
  [K in ClientCallName]: {
    readonly type: 'reply';
    readonly id: number;
    readonly call: K;
    readonly reply: ClientReply<K>;
  };
}[ClientCallName];

export type SessionEffect =
  | ReplyEffect
  | { readonly type: 'refuse'; readonly id: number; readonly refusal: Refusal }
  /** Answers hello with this node's identity and this link's nonce. */
  | { readonly type: 'greet'; readonly id: number; readonly version: number }
  /** Answers a ping with the time. */
  | {
      readonly type: 'pong';
      readonly id: number;
      readonly head: number;
      readonly memberships: number;
    }
  | { readonly type: 'push'; readonly push: Push }
  /** Asks and hands the answer to the client as it is: the hot path, which never comes back to the step. */
  | {
      readonly type: 'forward';
      readonly id: number;
      readonly to: Address;
      readonly request: ActorRequest;
    }
  /** Asks; the answer comes back as `answered`. */
  | {
      readonly type: 'ask';
      readonly id: number;
      readonly to: UserId;
      readonly request: AskedRequest;
    }
  | { readonly type: 'tell'; readonly to: UserId; readonly request: UserRequest }
  /** `subscribed` */
  | {
      readonly type: 'subscribe';
      readonly id: number;
      readonly user: UserId;
      readonly groups: readonly GroupId[];
    }
  | {
      readonly type: 'acknowledgeGroup';
      readonly group: GroupId;
      readonly incarnation: Incarnation;
      readonly mark: GroupMark;
    }
  /** Draws on the budget of the link's source; `admitted`. */
  | { readonly type: 'admit'; readonly attempt: 'login' | 'registration' }
  /** `registrationAnswered` */
  | { readonly type: 'answerRegistration'; readonly user: UserId; readonly request: Uint8Array }
  /** `invitationChecked` */
  | {
      readonly type: 'checkInvitation';
      readonly user: UserId;
      readonly invitation: string | undefined;
    }
  /** `loginStarted` */
  | {
      readonly type: 'startLogin';
      readonly user: UserId;
      readonly record: Uint8Array | undefined;
      readonly request: Uint8Array;
    }
  /** `loginFinished` */
  | { readonly type: 'finishLogin'; readonly secret: Uint8Array; readonly finish: Uint8Array }
  /** `ticketUsed` */
  | { readonly type: 'useTicket'; readonly ticket: Uint8Array }
  /** `proofVerified`; no key is never valid. */
  | {
      readonly type: 'verifyProof';
      readonly holder: TicketHolder;
      readonly signature: Uint8Array;
      readonly publicKey: Uint8Array | undefined;
    }
  /** `placed` */
  | { readonly type: 'place' }
  /** `ticketSigned` */
  | { readonly type: 'signTicket'; readonly holder: TicketHolder; readonly gate: Gate }
  /** `tick` after `delayMs`; replaces the one before. */
  | { readonly type: 'schedule'; readonly delayMs: number }
  | { readonly type: 'opened'; readonly holder: TicketHolder }
  | { readonly type: 'count'; readonly what: SessionCount }
  /** Sends what is queued, closes the link, ends the actor. Always the last one. */
  | { readonly type: 'close'; readonly reason: string };

/** The effect named `T`. */
export type EffectNamed<T extends SessionEffect['type']> = Extract<SessionEffect, { type: T }>;

/** What a gate counts; the names are those of its metrics. */
export type SessionCount =
  | 'loginsAccepted'
  | 'loginsRefused'
  | 'loginsRedirected'
  | 'loginsLimited'
  | 'passwordsRefused'
  | 'proofsRefused'
  | 'clonesRefused'
  | 'ticketsAccepted'
  | 'ticketsExpired'
  | 'ticketsForged'
  | 'ticketsReplayed'
  | 'ticketsElsewhere'
  | 'registrations'
  | 'registrationsLimited'
  | 'requestsLimited'
  | 'badFrames'
  | 'pushesHeld'
  | 'messagesStored'
  | 'messagesRefused';

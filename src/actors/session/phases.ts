/** Where a session stands. One phase at a time, each with what only it knows. */
import type { StoreTokens } from '../../protocol/account.ts';
import type { DeviceId, UserId } from '../../protocol/ids.ts';
import type { SessionRef } from '../../protocol/user-calls.ts';
import type { GroupWindows } from './group-windows.ts';
import type { RequestNamed } from './messages.ts';
import type { PushWindow } from './push-window.ts';
import type { SessionRates, Spent } from './rates.ts';

export type RegistrationMode = 'open' | 'invite' | 'closed';

/** What never changes in the life of a session. */
export interface SessionSetup {
  readonly session: SessionRef;
  readonly registration: RegistrationMode;
  readonly rates: SessionRates;
  /** When the link was accepted, by the clock of the step. */
  readonly openedAtMs: number;
}

/** Calls that begin something an attacker could try often. */
export type AttemptRequest = RequestNamed<
  'registerStart' | 'loginStart' | 'deviceLogin' | 'ticketLogin'
>;
export type DeviceProof = RequestNamed<'deviceLogin'>['proof'];
export type Replacement = RequestNamed<'deviceLogin'>['replacement'];

/** A device that says who it is, and what happens once that is shown. */
export interface ProofCheck {
  readonly user: UserId;
  readonly proof: DeviceProof;
  /** Registers this device in the name of the proven one. */
  readonly replacement: Replacement;
  /** Where the session will be: wherever the balancer says, or here because a ticket named this node. */
  readonly where: 'anywhere' | 'here';
}

/**
 * What a password is checked with, remembered so that a proof of it is worth nothing once the password is changed;
 * undefined: there is no such user.
 */
export type LoginRecord = Uint8Array | undefined;

/** What the node does for the call that is being answered; the client waits. */
export type Job =
  | { readonly doing: 'admitting'; readonly request: AttemptRequest }
  | { readonly doing: 'answering registration'; readonly user: UserId }
  | { readonly doing: 'checking invitation'; readonly request: RequestNamed<'registerFinish'> }
  | { readonly doing: 'storing account'; readonly user: UserId }
  | {
      readonly doing: 'reading record';
      readonly request: RequestNamed<'loginStart' | 'registerStart'>;
    }
  | { readonly doing: 'starting login'; readonly user: UserId; readonly record: LoginRecord }
  | {
      readonly doing: 'checking password';
      readonly user: UserId;
      readonly record: LoginRecord;
      readonly request: RequestNamed<'loginFinish'>;
    }
  | { readonly doing: 'adding device'; readonly user: UserId; readonly token: Uint8Array }
  | { readonly doing: 'reading ticket'; readonly request: RequestNamed<'ticketLogin'> }
  | ({ readonly doing: 'reading key' } & ProofCheck)
  | ({ readonly doing: 'checking proof' } & ProofCheck);

/** A login that succeeded and looks for its place. */
export interface Login {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly tokens: StoreTokens;
}

export interface ProvenPassword {
  readonly untilMs: number;
  readonly record: LoginRecord;
}

/** The password change of a session that is attached: prove the old one, then set the new one. */
export type Reauth =
  | { readonly at: 'none' }
  | { readonly at: 'reading record'; readonly id: number; readonly request: Uint8Array }
  | { readonly at: 'starting'; readonly id: number; readonly record: LoginRecord }
  | { readonly at: 'challenged'; readonly secret: Uint8Array; readonly record: LoginRecord }
  | {
      readonly at: 'checking';
      readonly id: number;
      readonly request: Uint8Array;
      readonly record: LoginRecord;
    }
  | { readonly at: 'answering'; readonly id: number; readonly proven: ProvenPassword }
  | { readonly at: 'proven'; readonly proven: ProvenPassword };

/** A session that pushes and forwards. Its fields change in place: they are on the path of every message. */
export interface Attached {
  readonly at: 'attached';
  readonly user: UserId;
  readonly device: DeviceId;
  readonly window: PushWindow;
  /** Missing until the client subscribes to a group. */
  groups: GroupWindows | undefined;
  readonly spent: Spent;
  reauth: Reauth;
  watched: readonly UserId[];
  /** The newest entry that the client said it has; 0: none yet. */
  acknowledged: number;
  /** When the user actor is told again that this session lives. */
  announceAtMs: number;
  /** When the leases on `watched` are renewed. */
  watchAtMs: number;
  /** When a session that was sent away is closed; Infinity: it was not. */
  leaveAtMs: number;
}

export type Phase =
  | { readonly at: 'greeting' }
  | { readonly at: 'anonymous' }
  /** The client makes its record for `registerFinish`. */
  | { readonly at: 'registering'; readonly user: UserId }
  /** The client opens the challenge for `loginFinish`. */
  | {
      readonly at: 'authenticating';
      readonly user: UserId;
      readonly secret: Uint8Array;
      readonly record: LoginRecord;
    }
  /** The node works on call `id`. */
  | { readonly at: 'working'; readonly id: number; readonly job: Job }
  | {
      readonly at: 'placing';
      readonly id: number;
      readonly login: Login;
      readonly step: 'choosing' | 'attaching' | 'signing';
      /** Newest entry pushed before the attachment was answered. */
      readonly newest: number;
    }
  | Attached
  | { readonly at: 'closed' };

export interface SessionState {
  readonly setup: SessionSetup;
  phase: Phase;
  /** When the client was last heard of. */
  heardAtMs: number;
  /** When a session that is not attached ends. */
  deadlineMs: number;
}

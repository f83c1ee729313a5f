/** A user actor without a host: its state, the messages it gets, the effects it wants. */
import { emptyState } from '../../../../src/actors/user/state.ts';
import type { UserSettings, UserState } from '../../../../src/actors/user/state.ts';
import { stepUser } from '../../../../src/actors/user/step.ts';
import type { UserEffect, UserMsg } from '../../../../src/actors/user/messages.ts';
import type { AnyUserReply, SessionRef, UserRequest } from '../../../../src/protocol/user-calls.ts';
import type { Outcome } from '../../../../src/protocol/calls.ts';
import type { Push } from '../../../../src/protocol/client-calls.ts';
import type { Envelope } from '../../../../src/protocol/envelope.ts';
import {
  parseDeviceId,
  parseIncarnation,
  parseNodeId,
  parseUserId,
} from '../../../../src/protocol/ids.ts';
import type { DeviceId, UserId } from '../../../../src/protocol/ids.ts';
import { DEFAULT_LIMITS } from '../../../../src/protocol/limits.ts';

export const DAY_MS = 24 * 60 * 60 * 1000;
export const START_MS = Date.UTC(2026, 0, 1);
export const alice = parseUserId('@alice');
export const bob = parseUserId('@bob');
export const carol = parseUserId('@carol');
export const one = parseDeviceId(1);
export const two = parseDeviceId(2);
export const INCARNATION = parseIncarnation('0123456789abcdef0123456789abcdef');
export const n1 = parseNodeId('n1');

export const filled = (length: number, byte = 7): Uint8Array => new Uint8Array(length).fill(byte);
export const session = (number: number): SessionRef => ({ node: n1, session: number });

export const settings: UserSettings = {
  limits: DEFAULT_LIMITS,
  mailboxTtlMs: 30 * DAY_MS,
  historyRetentionMs: 30 * DAY_MS,
};

export function withLimits(limits: Partial<UserSettings['limits']>): UserSettings {
  return { ...settings, limits: { ...DEFAULT_LIMITS, ...limits } };
}

export const newDevice = (key = 1, token = 10) =>
  ({ publicKey: filled(32, key), name: `device ${key}`, token: filled(16, token) }) as const;

export const registration = {
  type: 'register',
  record: filled(192),
  identity: filled(32, 1),
  box: { epoch: 1, publicKey: filled(32, 2), signature: filled(64, 3) },
  vault: { version: 1, vault: filled(500), passwordWrap: filled(72), recoveryWrap: filled(72) },
  device: newDevice(),
} as const;

export interface EnvelopeOptions {
  readonly from?: UserId;
  readonly device?: DeviceId;
  readonly counter: number;
  readonly tag?: number;
  readonly quiet?: boolean;
  readonly bodyBytes?: number;
  readonly boxEpoch?: number;
}

/** An envelope to alice; its tag tells it from others with the same counter. */
export function envelopeOf(options: EnvelopeOptions): Envelope {
  const { counter, tag = counter, bodyBytes = 100 } = options;
  return {
    to: alice,
    incarnation: INCARNATION,
    from: options.from ?? bob,
    device: options.device ?? one,
    counter,
    tag: filled(16, tag),
    boxEpoch: options.boxEpoch ?? 1,
    quiet: options.quiet ?? false,
    body: filled(bodyBytes, counter % 251),
  };
}

/** What a gather phase finds for a user whose sending devices and heads are all in memory. */
const FOUND = {
  pairs: [],
  heads: [],
  entries: [],
  upTo: 0,
  oldest: [],
  undelivered: [],
  seen: undefined,
};

export class Stepper {
  readonly state: UserState;
  nowMs = START_MS;
  #replyTo = 0;

  constructor(user: UserId = alice, userSettings: UserSettings = settings) {
    this.state = emptyState(user, userSettings);
  }

  /** A registered user with device 1. */
  static registered(userSettings: UserSettings = settings): Stepper {
    const stepper = new Stepper(alice, userSettings);
    stepper.ask(registration);
    stepper.flush();
    return stepper;
  }

  step(message: UserMsg): readonly UserEffect[] {
    return stepUser(this.state, message, this.nowMs).effects;
  }

  fact(message: { readonly type: string } & Record<string, unknown>): readonly UserEffect[] {
    return this.step({ found: FOUND, ...message } as unknown as UserMsg);
  }

  /** Asks; the number that the answer carries is the count of questions so far. */
  ask(request: UserRequest, found: object = {}): readonly UserEffect[] {
    this.#replyTo += 1;
    const all = { ...FOUND, incarnation: INCARNATION, vault: registration.vault, ...found };
    return this.step({ ...request, replyTo: this.#replyTo, found: all } as unknown as UserMsg);
  }

  append(options: EnvelopeOptions): readonly UserEffect[] {
    return this.ask({ type: 'append', envelope: envelopeOf(options) });
  }

  /** Every commit begun so far is flushed. */
  flush(): readonly UserEffect[] {
    return this.fact({ type: 'committed', commit: this.state.commits.begun });
  }

  attach(device: DeviceId, number: number, previous = 10, next = previous): readonly UserEffect[] {
    const tokens = { previous: filled(16, previous), next: filled(16, next) };
    const effects = this.ask({ type: 'attach', device, session: session(number), tokens });
    return [...effects, ...this.flush()];
  }
}

export function replies(effects: readonly UserEffect[]): Outcome<AnyUserReply>[] {
  return effects.flatMap((effect) => (effect.type === 'reply' ? [effect.outcome] : []));
}

/** Values of replies; codes of refusals. */
export function answers(effects: readonly UserEffect[]): unknown[] {
  return replies(effects).map((outcome) => (outcome.ok ? outcome.value : outcome.error.code));
}

export function pushes(effects: readonly UserEffect[]): Array<readonly [number, Push]> {
  return effects.flatMap((effect) =>
    effect.type === 'push' ? [[effect.session.session, effect.push] as const] : [],
  );
}

export function of<T extends UserEffect['type']>(
  effects: readonly UserEffect[],
  type: T,
): Array<Extract<UserEffect, { type: T }>> {
  return effects.filter(
    (effect): effect is Extract<UserEffect, { type: T }> => effect.type === type,
  );
}

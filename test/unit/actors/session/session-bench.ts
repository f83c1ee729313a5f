/** A session's step on the bench: says what a client says, tells what the node tells, and shows the effects. */
import type {
  Answered,
  AskedCall,
  EffectNamed,
  SessionEffect,
  SessionMsg,
} from '../../../../src/actors/session/messages.ts';
import type {
  Attached,
  RegistrationMode,
  SessionState,
} from '../../../../src/actors/session/phases.ts';
import { sessionRates } from '../../../../src/actors/session/rates.ts';
import { openSession, stepSession } from '../../../../src/actors/session/state.ts';
import type { ClientRequest } from '../../../../src/protocol/client-calls.ts';
import type { Envelope, LogEntry } from '../../../../src/protocol/envelope.ts';
import { fail, succeed } from '../../../../src/protocol/calls.ts';
import { FastChatError, invariant } from '../../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../../src/protocol/errors.ts';
import {
  parseDeviceId,
  parseIncarnation,
  parseNodeId,
  parseUserId,
} from '../../../../src/protocol/ids.ts';
import { DEFAULT_LIMITS } from '../../../../src/protocol/limits.ts';
import type { UserReply } from '../../../../src/protocol/user-calls.ts';

export const HERE = parseNodeId('n1');
export const THERE = parseNodeId('n2');
export const ALICE = parseUserId('@alice');
export const BOB = parseUserId('@bob');
export const DEVICE = parseDeviceId(3);
export const SESSION = { node: HERE, session: 7 };
export const LIFE = parseIncarnation('0'.repeat(32));

/** `length` bytes of `value`: tells byte strings apart. */
export function bytesOf(value: number, length = 16): Uint8Array {
  return new Uint8Array(length).fill(value);
}

export const TOKENS = { previous: bytesOf(1), next: bytesOf(2) };
export const PROOF = { device: DEVICE, signature: bytesOf(3, 64), tokens: TOKENS };
export const NEW_DEVICE = { publicKey: bytesOf(4, 32), name: 'laptop', token: bytesOf(5) };
export const GATE_HERE = { node: HERE, host: '127.0.0.1', port: 1, bootId: bytesOf(6), nowMs: 0 };
export const GATE_THERE = { node: THERE, host: '127.0.0.1', port: 2, bootId: bytesOf(7), nowMs: 0 };
export const REDIRECT = {
  ticket: bytesOf(8),
  gate: { node: THERE, host: '127.0.0.1', port: 2 },
};

export const HELLO = { type: 'hello', versionMin: 1, versionMax: 1, agent: 'test' } as const;
export const LOGIN_START = { type: 'loginStart', user: ALICE, request: bytesOf(9) } as const;
export const LOGIN_FINISH = {
  type: 'loginFinish',
  finish: bytesOf(10),
  newDevice: undefined,
  proof: PROOF,
} as const;
export const DEVICE_LOGIN = {
  type: 'deviceLogin',
  user: ALICE,
  proof: PROOF,
  replacement: undefined,
} as const;
export const TICKET_LOGIN = { type: 'ticketLogin', ticket: bytesOf(11), proof: PROOF } as const;
export const REGISTER_START = { type: 'registerStart', user: ALICE, request: bytesOf(12) } as const;
export const REGISTER_FINISH = {
  type: 'registerFinish',
  user: ALICE,
  record: bytesOf(13),
  identity: bytesOf(14, 32),
  box: { epoch: 1, publicKey: bytesOf(15, 32), signature: bytesOf(16, 64) },
  vault: { version: 1, vault: bytesOf(17), passwordWrap: bytesOf(18), recoveryWrap: bytesOf(19) },
  device: NEW_DEVICE,
  invitation: undefined,
} as const;

export const ATTACHMENT = {
  node: THERE,
  device: DEVICE,
  incarnation: LIFE,
  head: 100,
  cursor: 90,
  pending: 4,
  boxEpoch: 1,
  minBoxEpoch: 1,
  vaultVersion: 1,
  textBytes: 65_536,
  now: 0,
};

export function envelope(changes: Partial<Envelope> = {}): Envelope {
  return {
    to: BOB,
    incarnation: LIFE,
    from: ALICE,
    device: DEVICE,
    counter: 1,
    tag: bytesOf(20),
    boxEpoch: 1,
    quiet: false,
    body: bytesOf(21, 100),
    ...changes,
  };
}

/** Entries of alice's inbox, both ends inclusive. */
export function entries(from: number, to: number, bodyBytes = 10): readonly LogEntry[] {
  const body = bytesOf(1, bodyBytes);
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    at: 0,
    envelope: envelope({ from: BOB, to: ALICE, body }),
  }));
}

export class SessionBench {
  readonly state: SessionState;
  now = 1000;

  constructor(registration: RegistrationMode = 'open') {
    const rates = sessionRates(DEFAULT_LIMITS);
    const setup = { session: SESSION, registration, rates, openedAtMs: this.now };
    this.state = openSession(setup).state;
  }

  get phase(): string {
    return this.state.phase.at;
  }

  get attached(): Attached {
    const { phase } = this.state;
    invariant(phase.at === 'attached', 'the session is attached');
    return phase;
  }

  /** One frame of the client; ids are 1, 2, … */
  say(...requests: readonly ClientRequest[]): readonly SessionEffect[] {
    const items = requests.map((request, index) => ({ id: index + 1, request }));
    return this.tell({ type: 'batch', items });
  }

  tell(msg: SessionMsg): readonly SessionEffect[] {
    return stepSession(this.state, msg, this.now).effects;
  }

  /** The user actor's answer to the question `call`. */
  answer<K extends AskedCall>(call: K, value: UserReply<K>, id = 1): readonly SessionEffect[] {
    return this.tell({ type: 'answered', call, id, outcome: succeed(value) } as Answered);
  }

  refuse(call: AskedCall, code: ErrorCode, id = 1): readonly SessionEffect[] {
    return this.tell({ type: 'answered', call, id, outcome: fail(new FastChatError(code, 'no')) });
  }

  greeted(): this {
    this.say(HELLO);
    return this;
  }

  /** Up to the challenge of a password login that the client has to open. */
  challenged(): this {
    this.greeted().say(LOGIN_START);
    this.tell({ type: 'admitted', waitMs: 0 });
    this.answer('loginRecord', { record: bytesOf(22) });
    const outcome = succeed({ response: bytesOf(23), secret: bytesOf(24) });
    this.tell({ type: 'loginStarted', outcome });
    return this;
  }

  /** Up to the question where the session shall be. */
  placing(): this {
    this.greeted().say(DEVICE_LOGIN);
    this.tell({ type: 'admitted', waitMs: 0 });
    this.answer('deviceKey', { publicKey: bytesOf(25, 32) });
    this.tell({ type: 'proofVerified', valid: true });
    return this;
  }

  attach(): this {
    this.placing().tell({ type: 'placed', gate: GATE_HERE });
    this.answer('attach', ATTACHMENT);
    return this;
  }
}

/** The effects named `type`. */
export function only<T extends SessionEffect['type']>(
  effects: readonly SessionEffect[],
  type: T,
): ReadonlyArray<EffectNamed<T>> {
  return effects.filter((effect): effect is EffectNamed<T> => effect.type === type);
}

/** `id code` of each refusal. */
export function refusals(effects: readonly SessionEffect[]): readonly string[] {
  return only(effects, 'refuse').map(({ id, refusal }) => `${id} ${refusal.code}`);
}

/** The names of the effects, counting left out. */
export function kinds(effects: readonly SessionEffect[]): readonly string[] {
  return effects.map(({ type }) => type).filter((type) => type !== 'count');
}

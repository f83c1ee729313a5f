/** User actors reduced to what a gate can see of them. */
import type { Courier } from '../../../src/actors/ports.ts';
import type { ActorReply, ActorRequest } from '../../../src/protocol/actor-calls.ts';
import { fail, succeed } from '../../../src/protocol/calls.ts';
import type { Outcome } from '../../../src/protocol/calls.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseDeviceId, parseIncarnation } from '../../../src/protocol/ids.ts';
import type { Address, DeviceId } from '../../../src/protocol/ids.ts';
import type { AnyUserReply, SessionRef, UserRequest } from '../../../src/protocol/user-calls.ts';

interface FakeUser {
  record: Uint8Array;
  readonly devices: Map<DeviceId, Uint8Array>;
}

type Answer = Outcome<AnyUserReply>;
const INCARNATION = parseIncarnation('0'.repeat(32));

export class FakeUsers implements Courier {
  readonly users = new Map<Address, FakeUser>();
  /** `@user type` of everything told. */
  readonly told: string[] = [];
  readonly toldRequests: UserRequest[] = [];
  readonly attached: SessionRef[] = [];
  appended = 0;

  ask<K extends ActorRequest['type']>(
    to: Address,
    request: Extract<ActorRequest, { type: K }>,
    done: (outcome: Outcome<ActorReply<K>>) => void,
  ): void {
    done(this.#answer(to, request as unknown as UserRequest) as Outcome<ActorReply<K>>);
  }

  tell(to: Address, request: ActorRequest): void {
    this.told.push(`${to} ${request.type}`);
    this.toldRequests.push(request as UserRequest);
  }

  push(): void {
    throw new Error('a gate pushes nothing through the courier');
  }

  #answer(to: Address, request: UserRequest): Answer {
    const user = this.users.get(to);
    if (request.type === 'register') return this.#register(to, request);
    if (request.type === 'loginRecord') return succeed({ record: user?.record });
    if (user === undefined) return fail(new FastChatError('E_NO_SUCH_USER', 'no such user'));
    return this.#answerOf(user, request);
  }

  #register(to: Address, request: Extract<UserRequest, { type: 'register' }>): Answer {
    if (this.users.has(to)) return fail(new FastChatError('E_NAME_TAKEN', 'the name is taken'));
    const device = parseDeviceId(1);
    const devices = new Map([[device, request.device.publicKey]]);
    this.users.set(to, { record: request.record, devices });
    return succeed({ device });
  }

  #answerOf(user: FakeUser, request: UserRequest): Answer {
    if (request.type === 'deviceKey')
      return succeed({ publicKey: user.devices.get(request.device) });
    if (request.type === 'attach') return this.#attach(request);
    if (request.type === 'head') return succeed({ head: 0 });
    if (request.type !== 'append')
      return fail(new FastChatError('E_INTERNAL', `not in this test: ${request.type}`));
    this.appended += 1;
    return succeed({ seq: this.appended, at: 5 });
  }

  #attach({ device, session }: Extract<UserRequest, { type: 'attach' }>): Answer {
    this.attached.push(session);
    return succeed({ ...EMPTY_INBOX, node: session.node, device });
  }
}

const EMPTY_INBOX = {
  incarnation: INCARNATION,
  head: 0,
  cursor: 0,
  pending: 0,
  boxEpoch: 1,
  minBoxEpoch: 1,
  vaultVersion: 1,
  textBytes: 65_536,
  now: 0,
};

/**
 * Location-transparent calls: an address is hashed to its shard, the shard's owner carries the call out, here or over
 * the mesh. `Router` is the `Courier` that actors and sessions use.
 *
 * R1  Every `done` is called exactly once, within MESH_REQUEST_TIMEOUT_MS plus one back-off, counted from the ask.
 * R2  A call that is refused because its shard moved was not carried out; it is sent again to the new owner.
 * R3  A call whose fate is unknown is sent again only if it may be carried out twice (`REPEATABLE`).
 * R4  Messages of one sender to one shard are not reordered by waiting.
 */
import { actorCalls } from '../protocol/actor-calls.ts';
import type { ActorReply, ActorRequest } from '../protocol/actor-calls.ts';
import { fail, succeed } from '../protocol/calls.ts';
import type { Outcome } from '../protocol/calls.ts';
import type { Push } from '../protocol/client-calls.ts';
import { encode, encodeRaw } from '../protocol/codec.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { Address, ShardId } from '../protocol/ids.ts';
import { MESH_REQUEST_TIMEOUT_MS } from '../protocol/limits.ts';
import { sessionPush } from '../protocol/node-messages.ts';
import { ownCopy } from '../protocol/own-copy.ts';
import type { SessionRef } from '../protocol/user-calls.ts';
import type { ShardAssignment } from './members.ts';
import { Parking } from './parking.ts';
import type { Waiting } from './parking.ts';
import { decodeAnswer, REPEATABLE } from './router-frames.ts';
import type { RoutedAnswer } from './router-frames.ts';
import { RouterInbound } from './router-inbound.ts';
import { createRouterCounters } from './router-ports.ts';
import type { Done, RouterCounters, RouterPorts } from './router-ports.ts';
import { shardOf } from './shards.ts';

/** What becomes of an errand that waited. */
interface Waits {
  proceed(errand: Errand): void;
  expire(errand: Errand): void;
}

interface Call {
  readonly to: Address;
  readonly shard: ShardId;
  readonly request: ActorRequest;
  /** Undefined for a tell. */
  readonly done: Done | undefined;
}

/** One message on its way to an address. A class, because there is one for every message and few ever wait. */
class Errand implements Waiting {
  readonly to: Address;
  readonly shard: ShardId;
  readonly request: ActorRequest;
  readonly done: Done | undefined;
  readonly deadlineMs: number;
  /** The shard's epoch when it was last sent. */
  sentEpoch = 0;
  waits = 0;
  readonly #waits: Waits;

  constructor({ to, shard, request, done }: Call, deadlineMs: number, waits: Waits) {
    this.to = to;
    this.shard = shard;
    this.request = request;
    this.done = done;
    this.deadlineMs = deadlineMs;
    this.#waits = waits;
  }

  proceed(): void {
    this.#waits.proceed(this);
  }

  expire(): void {
    this.#waits.expire(this);
  }
}

type MeshOutcome = Parameters<Parameters<RouterPorts['mesh']['request']>[3]>[0];

export class Router {
  readonly #ports: RouterPorts;
  readonly #parking: Parking;
  readonly #counters = createRouterCounters();
  readonly #subscription: { cancel(): void };
  readonly #waits: Waits = {
    proceed: (errand) => this.#route(errand),
    expire: (errand) => this.#giveUp(errand, 'nobody serves it'),
  };

  /** Serves the mesh services `actor` and `session`. */
  constructor(ports: RouterPorts) {
    this.#ports = ports;
    this.#parking = new Parking(ports.clock);
    const inbound = new RouterInbound(ports, this.#parking, this.#counters, (to, request) =>
      this.tell(to, request),
    );
    inbound.serve();
    ports.ownership.onChange((shard) => this.#parking.wake(shard));
    this.#subscription = ports.directory.listen({
      onShards: (changed) => {
        for (const shard of changed) this.#parking.wake(shard);
      },
    });
  }

  ask<K extends ActorRequest['type']>(
    to: Address,
    request: Extract<ActorRequest, { type: K }>,
    done: (outcome: Outcome<ActorReply<K>>) => void,
  ): void {
    // The reply belongs to the request by the call table; the union only forgets which.
    this.#post(to, request, done as Done);
  }

  tell(to: Address, request: ActorRequest): void {
    this.#post(to, request, undefined);
  }

  push(session: SessionRef, push: Push): void {
    if (session.node === this.#ports.self) {
      this.#counters.pushesLocal += 1;
      this.#ports.sessions.push(session.session, push);
      return;
    }
    this.#counters.pushesRemote += 1;
    const payload = encode(sessionPush, { session: session.session, push });
    if (!this.#ports.mesh.tell(session.node, 'session', payload)) this.#counters.lost += 1;
  }

  counters(): Readonly<RouterCounters> {
    return this.#counters;
  }

  /** Messages that wait for shards on the move. */
  get waiting(): number {
    return this.#parking.size;
  }

  /** Ends everything that waits, with E_UNREACHABLE. */
  stop(): void {
    this.#subscription.cancel();
    this.#parking.close();
  }

  #post(to: Address, request: ActorRequest, done: Done | undefined): void {
    const shard = shardOf(to, Math.max(1, this.#ports.directory.shards));
    const deadlineMs = this.#ports.clock.mono() + MESH_REQUEST_TIMEOUT_MS;
    this.#route(new Errand({ to, shard, request, done }, deadlineMs, this.#waits));
  }

  #route(errand: Errand): void {
    const { directory, self } = this.#ports;
    const assignment = directory.assignment(errand.shard);
    if (assignment === undefined) this.#giveUp(errand, 'this node is in no cluster yet');
    else if (this.#parking.holds(errand.shard)) this.#park(errand);
    else if (assignment.owner === self) this.#deliver(errand);
    else this.#send(errand, assignment);
  }

  #deliver(errand: Errand): void {
    const { shard, done } = errand;
    const epoch = this.#ports.ownership.servedEpoch(shard);
    if (epoch === undefined) return this.#park(errand);
    if (done === undefined) this.#counters.tellsLocal += 1;
    else this.#counters.asksLocal += 1;
    const settle: Done | undefined =
      done && ((outcome) => this.#onDelivered(errand, epoch, outcome));
    this.#ports.actors.deliver(errand.to, epoch, errand.request, settle);
  }

  #onDelivered(errand: Errand, epoch: number, outcome: Parameters<Done>[0]): void {
    if (outcome.ok || outcome.error.code !== 'E_MOVED') return errand.done?.(outcome);
    this.#counters.moved += 1;
    this.#ports.ownership.refused(errand.shard, epoch);
    this.#park(errand);
  }

  #send(errand: Errand, { owner, epoch }: ShardAssignment): void {
    const { mesh, clock } = this.#ports;
    const call = actorCalls.packRequest(0, errand.request);
    const payload = encodeRaw([errand.shard, epoch, errand.to, call]);
    if (errand.done === undefined) {
      this.#counters.tellsRemote += 1;
      if (!mesh.tell(owner, 'actor', payload)) this.#counters.lost += 1;
      return;
    }
    this.#counters.asksRemote += 1;
    errand.sentEpoch = epoch;
    const remainingMs = Math.max(1, errand.deadlineMs - clock.mono());
    mesh.request(owner, 'actor', payload, (result) => this.#onAnswer(errand, result), remainingMs);
  }

  #onAnswer(errand: Errand, result: MeshOutcome): void {
    if (!result.ok) return this.#onFailure(errand, result.error);
    const answer = readAnswer(errand.request.type, result.payload);
    if (!answer.ok) {
      this.#counters.malformed += 1;
      errand.done?.(answer);
    } else if (answer.value.type === 'moved') {
      this.#onMoved(errand, answer.value.assignment);
    } else {
      errand.done?.(succeed(answer.value.reply));
    }
  }

  #onMoved(errand: Errand, assignment: ShardAssignment): void {
    const { directory } = this.#ports;
    this.#counters.moved += 1;
    directory.adoptAssignment(errand.shard, assignment);
    const known = directory.assignment(errand.shard);
    // With a newer map the next try may be at once; otherwise somebody is behind and needs a moment.
    if (known !== undefined && known.epoch > errand.sentEpoch) this.#route(errand);
    else this.#retry(errand);
  }

  #onFailure(errand: Errand, error: FastChatError): void {
    const { code } = error;
    if (code === 'E_MOVED') {
      this.#counters.moved += 1;
      return this.#retry(errand);
    }
    if (code === 'E_UNREACHABLE' && REPEATABLE.has(errand.request.type)) {
      this.#counters.retried += 1;
      return this.#retry(errand);
    }
    if (code === 'E_TIMEOUT' || code === 'E_UNREACHABLE') this.#counters.unreachable += 1;
    errand.done?.(fail(error));
  }

  #retry(errand: Errand): void {
    this.#ports.refresh();
    this.#park(errand);
  }

  #park(errand: Errand): void {
    this.#counters.parked += 1;
    if (this.#ports.clock.mono() >= errand.deadlineMs) this.#giveUp(errand, 'nobody serves it');
    else if (!this.#parking.park(errand.shard, errand))
      this.#giveUp(errand, 'too many messages wait');
  }

  #giveUp(errand: Errand, why: string): void {
    if (errand.done === undefined) {
      this.#counters.lost += 1;
      return;
    }
    this.#counters.unreachable += 1;
    const text = `${errand.to} cannot be reached: ${why}`;
    errand.done(fail(new FastChatError('E_UNREACHABLE', text)));
  }
}

/** Whoever asked may keep the reply longer than the frame it came in lives: it is read from a copy. */
function readAnswer(type: ActorRequest['type'], payload: Uint8Array): Outcome<RoutedAnswer> {
  try {
    return succeed(decodeAnswer(type, ownCopy(payload)));
  } catch (cause) {
    return fail(asFastChatError(cause));
  }
}

/** The `Courier` of a node. */
export function createRouter(ports: RouterPorts): Router {
  return new Router(ports);
}

/** The receiving half of the router: calls and pushes that other nodes send here. */
import { actorCalls } from '../protocol/actor-calls.ts';
import type { ActorRequest, AnyActorReply } from '../protocol/actor-calls.ts';
import type { Outcome } from '../protocol/calls.ts';
import { decode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { Address, ShardId } from '../protocol/ids.ts';
import { MESH_REQUEST_TIMEOUT_MS } from '../protocol/limits.ts';
import { sessionPush } from '../protocol/node-messages.ts';
import { ownCopy } from '../protocol/own-copy.ts';
import type { ShardAssignment } from './members.ts';
import type { Parking, Waiting } from './parking.ts';
import { encodeMoved, encodeReply, routedCall } from './router-frames.ts';
import type { RouterCounters, RouterPorts } from './router-ports.ts';
import { shardOf } from './shards.ts';

/** How the sender of an ask hears; a tell has none. */
interface AnswerTo {
  reply(payload: Uint8Array): void;
  fail(error: FastChatError): void;
}

interface Arrival extends Waiting {
  readonly shard: ShardId;
  /** In which the sender believes the shard to be. */
  readonly epoch: number;
  readonly address: Address;
  readonly request: ActorRequest;
  readonly answer: AnswerTo | undefined;
}

export class RouterInbound {
  readonly #ports: RouterPorts;
  readonly #parking: Parking;
  readonly #counters: RouterCounters;
  readonly #forward: (to: Address, request: ActorRequest) => void;

  /** `forward` sends a tell on that came to the wrong node. */
  constructor(
    ports: RouterPorts,
    parking: Parking,
    counters: RouterCounters,
    forward: (to: Address, request: ActorRequest) => void,
  ) {
    this.#ports = ports;
    this.#parking = parking;
    this.#counters = counters;
    this.#forward = forward;
  }

  serve(): void {
    const { mesh, sessions } = this.#ports;
    mesh.serve('actor', {
      request: (_, payload, reply, fail) => this.#receive(payload, { reply, fail }),
      tell: (_, payload) => this.#receive(payload, undefined),
    });
    mesh.serve('session', {
      tell: (_, payload) => {
        // The session may hold the push back for a slow client, longer than the frame lives.
        const { session, push } = decode(sessionPush, ownCopy(payload));
        sessions.push(session, push);
      },
    });
  }

  /** @throws E_BAD_FRAME, which the mesh hands to the sender */
  #receive(payload: Uint8Array, answer: AnswerTo | undefined): void {
    // Actors keep what they are given, such as a body until it is flushed: one copy out of the batch's frame.
    const { shard, epoch, address, call } = decode(routedCall, ownCopy(payload));
    const request = actorCalls.parseRequest(call);
    if (shardOf(address, Math.max(1, this.#ports.directory.shards)) !== shard)
      throw new FastChatError('E_BAD_FRAME', `${address} is not in shard ${shard}`);
    this.#counters.arrived += 1;
    const arrival: Arrival = {
      shard,
      epoch,
      address,
      request,
      answer,
      deadlineMs: this.#ports.clock.mono() + MESH_REQUEST_TIMEOUT_MS,
      waits: 0,
      proceed: () => this.#take(arrival),
      expire: () => this.#turnAway(arrival),
    };
    this.#take(arrival);
  }

  #take(arrival: Arrival): void {
    const { directory, ownership, self } = this.#ports;
    const known = directory.assignment(arrival.shard);
    if (known === undefined) return this.#turnAway(arrival);
    const isBehind = arrival.epoch > known.epoch;
    if (known.owner !== self && !isBehind) return this.#refuse(arrival, known);
    const served = ownership.servedEpoch(arrival.shard) ?? 0;
    const since = ownership.servedSince(arrival.shard) ?? 0;
    if (arrival.epoch < since) this.#refuse(arrival, known);
    else if (arrival.epoch > served || this.#parking.holds(arrival.shard))
      this.#park(arrival, isBehind);
    else this.#deliver(arrival, served);
  }

  #deliver(arrival: Arrival, epoch: number): void {
    const { address, request, answer } = arrival;
    const done =
      answer && ((outcome: Outcome<AnyActorReply>) => this.#answer(arrival, epoch, outcome));
    this.#ports.actors.deliver(address, epoch, request, done);
  }

  #answer(arrival: Arrival, epoch: number, outcome: Outcome<AnyActorReply>): void {
    const { answer, shard, request } = arrival;
    if (outcome.ok) return answer?.reply(encodeReply(request.type, outcome.value));
    if (outcome.error.code !== 'E_MOVED') return answer?.fail(outcome.error);
    this.#counters.moved += 1;
    this.#ports.ownership.refused(shard, epoch);
    this.#park(arrival, false);
  }

  /** The sender knows a newer map than this node, or the shard is between two owners: either is over soon. */
  #park(arrival: Arrival, isBehind: boolean): void {
    if (isBehind) this.#ports.refresh();
    this.#counters.parked += 1;
    if (!this.#parking.park(arrival.shard, arrival)) this.#turnAway(arrival);
  }

  /** Nothing was carried out; the sender tries where `known` says. */
  #refuse(arrival: Arrival, known: ShardAssignment): void {
    this.#counters.moved += 1;
    if (arrival.answer !== undefined) arrival.answer.reply(encodeMoved(known));
    // Its epoch was older than ours, and grows with every hop: it cannot go in circles.
    else if (arrival.epoch < known.epoch) this.#forward(arrival.address, arrival.request);
    else this.#counters.lost += 1;
  }

  #turnAway(arrival: Arrival): void {
    if (arrival.answer === undefined) this.#counters.lost += 1;
    const text = `shard ${arrival.shard} is not served here now`;
    arrival.answer?.fail(new FastChatError('E_MOVED', text));
  }
}

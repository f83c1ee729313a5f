/**
 * The cluster's side of joining. A challenge is single-use, lives JOIN_CHALLENGE_LIFETIME_MS and at most
 * JOIN_CHALLENGES_MAX are open: past that the oldest is forgotten, so a flood of starts costs no memory.
 * Whoever fails to prove the token learns nothing but that.
 */
import type { Clock } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { Random } from '../ops/random.ts';
import { REFUSAL_TAG, REPLY_TAG } from '../protocol/client-calls.ts';
import { decode, encode } from '../protocol/codec.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { JOIN_NONCE_BYTES, joinCalls } from '../protocol/join-frames.ts';
import type { JoinReply, JoinRequest } from '../protocol/join-frames.ts';
import { JOIN_CHALLENGE_LIFETIME_MS, JOIN_CHALLENGES_MAX } from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import { isJoinProof, proveJoin, sealGrant } from './join-crypto.ts';
import type { JoinNonces } from './join-crypto.ts';
import { joinGrant } from './join-grant.ts';
import { newJoinSecret } from './join-token.ts';
import { member } from './members.ts';

export interface AdmissionOptions {
  readonly clusterId: Uint8Array;
  readonly keys: () => Uint8Array;
  /** See `JoinGrant.coordinator`. */
  readonly coordinatorNode: NodeId | undefined;
  readonly coordinator: Coordinator;
  /** The secret of the present token. */
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type Start = Extract<JoinRequest, { type: 'joinStart' }>;
type Finish = Extract<JoinRequest, { type: 'joinFinish' }>;

interface Challenge {
  readonly nonces: JoinNonces;
  readonly node: NodeId;
  readonly expiresMs: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** By the cluster's nonce, oldest first. */
  readonly #challenges = new Map<string, Challenge>();
  #secret: Uint8Array;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#secret = options.secret;
  }

  /** Answers one item `[tag, id, ...fields]` of a gate's frame by one item to send back. Never rejects. */
  async answer(raw: readonly unknown[]): Promise<unknown[]> {
    const id = typeof raw[1] === 'number' ? raw[1] : 0;
    try {
      const request = joinCalls.parseRequest(raw);
      const reply = await this.#carryOut(request);
      return [REPLY_TAG, id, ...joinCalls.packReply(request.type, reply)];
    } catch (cause) {
      const error = asFastChatError(cause);
      this.#options.log.event('warn', 'join_refused', errorFields(error));
      return [REFUSAL_TAG, id, error.code, error.message];
    }
  }

  /** Makes a new secret, to be written into the token's file; the old one is worthless here from now on. */
  rotate(): Uint8Array {
    this.#secret = newJoinSecret(this.#options.random);
    this.#challenges.clear();
    return this.#secret;
  }

  async #carryOut(request: JoinRequest): Promise<JoinReply<'joinStart'> | JoinReply<'joinFinish'>> {
    return request.type === 'joinStart' ? this.#start(request) : await this.#finish(request);
  }

  #start({ node, nonce }: Start): JoinReply<'joinStart'> {
    const { random, clock } = this.#options;
    const challenge = random.bytes(JOIN_NONCE_BYTES);
    const expiresMs = clock.mono() + JOIN_CHALLENGE_LIFETIME_MS;
    const nonces = { joining: Uint8Array.from(nonce), cluster: challenge };
    if (this.#challenges.size >= JOIN_CHALLENGES_MAX) {
      const [oldest] = this.#challenges.keys();
      if (oldest !== undefined) this.#challenges.delete(oldest);
    }
    this.#challenges.set(keyOf(challenge), { nonces, node, expiresMs });
    return { nonce: challenge };
  }

  async #finish(request: Finish): Promise<JoinReply<'joinFinish'>> {
    const { coordinator, clusterId, keys, coordinatorNode, log } = this.#options;
    const secret = this.#secret;
    const challenge = this.#redeem(request.nonce);
    const encoded = Uint8Array.from(request.member);
    const expected = proveJoin(secret, challenge.nonces, encoded);
    if (!isJoinProof(expected, request.proof)) throw refused();
    const joining = decode(member, encoded);
    if (joining.node !== challenge.node) throw refused();
    const view = await coordinator.join(joining);
    log.event('info', 'member_joined', { peer: joining.node });
    const granted = { clusterId, keys: keys(), view, coordinator: coordinatorNode };
    return { grant: sealGrant(secret, challenge.nonces, encode(joinGrant, granted)) };
  }

  #redeem(nonce: Uint8Array): Challenge {
    const key = keyOf(nonce);
    const challenge = this.#challenges.get(key);
    this.#challenges.delete(key);
    if (challenge === undefined || this.#options.clock.mono() > challenge.expiresMs)
      throw refused();
    return challenge;
  }
}

function keyOf(nonce: Uint8Array): string {
  return Buffer.from(nonce).toString('base64');
}

/** One answer for a forged proof, a used challenge and an old one. */
function refused(): FastChatError {
  return new FastChatError(
    'E_AUTH',
    'the join token is not (or no longer) the one of this cluster',
  );
}

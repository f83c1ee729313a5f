/** Asks other nodes on behalf of an operator, and answers them: the mesh service `operator`. */
import { itemsOf } from '../cluster/items.ts';
import type { Mesh } from '../net/mesh.ts';
import { encodeRaw } from '../protocol/codec.ts';
import { asFastChatError } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { OPERATOR_ANSWER_TIMEOUT_MS } from '../protocol/limits.ts';
import { peerCalls } from './peer-calls.ts';
import type { AnyPeerReply, PeerCallName, PeerReply, PeerRequest } from './peer-calls.ts';

/** How this node answers each call. */
export type PeerAnswers = {
  readonly [K in PeerCallName]: (
    request: Extract<PeerRequest, { type: K }>,
  ) => Promise<PeerReply<K>> | PeerReply<K>;
};

/** What one node said; undefined: it did not answer. */
export interface PeerAnswer<K extends PeerCallName> {
  readonly node: NodeId;
  readonly reply: PeerReply<K> | undefined;
}

export class Peers {
  readonly #mesh: Mesh;
  readonly #self: NodeId;
  readonly #answers: PeerAnswers;

  /** Answers the others from now on. */
  constructor(ports: {
    readonly mesh: Mesh;
    readonly self: NodeId;
    readonly answers: PeerAnswers;
  }) {
    this.#mesh = ports.mesh;
    this.#self = ports.self;
    this.#answers = ports.answers;
    this.#mesh.serve('operator', {
      request: (_, payload, reply, fail) => {
        this.#answer(payload).then(reply, (cause: unknown) => fail(asFastChatError(cause)));
      },
    });
  }

  /** Asks one node, which may be this one. @throws E_UNREACHABLE, E_TIMEOUT, or what the node answered */
  async ask<K extends PeerCallName>(
    node: NodeId,
    request: Extract<PeerRequest, { type: K }>,
  ): Promise<PeerReply<K>> {
    if (node === this.#self) return (await this.#handle(request)) as PeerReply<K>;
    const payload = encodeRaw(peerCalls.packRequest(0, request));
    const answer = await this.#mesh.requestAsync(
      node,
      'operator',
      payload,
      OPERATOR_ANSWER_TIMEOUT_MS,
    );
    return peerCalls.parseReply(request.type, itemsOf(answer));
  }

  /** Asks several at the same time; never rejects. */
  askAll<K extends PeerCallName>(
    nodes: readonly NodeId[],
    request: Extract<PeerRequest, { type: K }>,
  ): Promise<ReadonlyArray<PeerAnswer<K>>> {
    return Promise.all(
      nodes.map(async (node) => ({
        node,
        reply: await this.ask<K>(node, request).catch(() => undefined),
      })),
    );
  }

  async #answer(payload: Uint8Array): Promise<Uint8Array> {
    const request = peerCalls.parseRequest(itemsOf(payload));
    const reply = await this.#handle(request);
    return encodeRaw(peerCalls.packReply(request.type, reply));
  }

  #handle(request: PeerRequest): Promise<AnyPeerReply> | AnyPeerReply {
    // The table pairs each name with its own request, which the compiler checks above and cannot follow here.
    const handler = this.#answers[request.type] as (
      request: PeerRequest,
    ) => Promise<AnyPeerReply> | AnyPeerReply;
    return handler(request);
  }
}

/** Hands the messages of peers to whoever serves them, and their answers back. */
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import { asFastChatError, FastChatError, invariant, isErrorCode } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { ERROR_TEXT_LENGTH_MAX } from '../protocol/limits.ts';
import { MESH_PAYLOAD_BYTES_MAX, MESH_SERVICES } from './mesh-frames.ts';
import type { MeshMessage, MeshService } from './mesh-frames.ts';
import type { MeshPeer } from './mesh-peer.ts';

export type MeshRequestHandler = (
  from: NodeId,
  payload: Uint8Array,
  /** Answers; later than the asker waits it changes nothing. The first call of `reply` or `fail` counts. */
  reply: (payload: Uint8Array) => void,
  fail: (error: FastChatError) => void,
) => void;

export type MeshTellHandler = (from: NodeId, payload: Uint8Array) => void;

export type HeartbeatListener = (from: NodeId, load: Uint8Array) => void;

export interface MeshHandlers {
  readonly request?: MeshRequestHandler;
  readonly tell?: MeshTellHandler;
}

type Message<T extends MeshMessage['type']> = Extract<MeshMessage, { readonly type: T }>;

export class MeshServices {
  readonly #handlers = new Map<number, MeshHandlers>();
  readonly #heartbeatListeners: HeartbeatListener[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  serve(service: MeshService, handlers: MeshHandlers): void {
    invariant(!this.#handlers.has(MESH_SERVICES[service]), `${service} is served once`);
    this.#handlers.set(MESH_SERVICES[service], handlers);
  }

  listen(listener: HeartbeatListener): void {
    this.#heartbeatListeners.push(listener);
  }

  onHeartbeat(peer: MeshPeer, { load }: Message<'heartbeat'>): void {
    for (const listener of this.#heartbeatListeners) {
      try {
        listener(peer.node, load);
      } catch (cause) {
        this.#threw(peer, 'heartbeat', cause);
      }
    }
  }

  onRequest(peer: MeshPeer, message: Message<'request'>): void {
    const answer = answerOnce(peer);
    const fail = (error: FastChatError): void => answer(failureOf(message.id, error), 0);
    const reply = (payload: Uint8Array): void => {
      if (payload.length > MESH_PAYLOAD_BYTES_MAX)
        return fail(
          new FastChatError('E_TOO_LARGE', 'the answer does not fit into one mesh frame'),
        );
      answer({ type: 'reply', id: message.id, payload }, payload.length);
    };
    const handler = this.#handlers.get(message.service)?.request;
    // A peer may ask before this node has everything running.
    if (handler === undefined)
      return fail(new FastChatError('E_UNREACHABLE', 'not served here yet'));
    try {
      handler(peer.node, message.payload, reply, fail);
    } catch (cause) {
      fail(this.#threw(peer, message.service, cause));
    }
  }

  onTell(peer: MeshPeer, message: Message<'tell'>): void {
    try {
      this.#handlers.get(message.service)?.tell?.(peer.node, message.payload);
    } catch (cause) {
      this.#threw(peer, message.service, cause);
    }
  }

  #threw(peer: MeshPeer, service: number | 'heartbeat', cause: unknown): FastChatError {
    this.#log.event('error', 'frames_dropped', {
      peer: peer.node,
      reason: 'handler',
      service,
      ...errorFields(cause),
    });
    return asFastChatError(cause);
  }
}

/** The error that a peer answered with; a code of a later version is E_INTERNAL here. */
export function errorOf(failure: Message<'failure'>): FastChatError {
  const code = isErrorCode(failure.code) ? failure.code : 'E_INTERNAL';
  return new FastChatError(code, failure.message, { retryAfterMs: failure.retryAfterMs });
}

function failureOf(id: number, error: FastChatError): MeshMessage {
  const { code, retryAfterMs } = error;
  const message = error.message.slice(0, ERROR_TEXT_LENGTH_MAX);
  return { type: 'failure', id, code, message, retryAfterMs };
}

/** Answers on the link the request came by; the asker has given up on any other. */
function answerOnce(peer: MeshPeer): (message: MeshMessage, payloadBytes: number) => void {
  const askedOn = peer.link;
  let isAnswered = false;
  return (message, payloadBytes) => {
    if (isAnswered) return;
    isAnswered = true;
    if (peer.link === askedOn) peer.send(message, payloadBytes);
    else peer.countLate();
  };
}

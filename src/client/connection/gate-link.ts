/** One link to a gate, from its hello to its end: calls with answers, pushes, one frame per turn of the event loop. */
import type { ClientLink, ClientLinkEvents, LinkNetwork } from '../../net/client-link.ts';
import type { Clock } from '../../ops/clock.ts';
import { clientCalls } from '../../protocol/client-calls.ts';
import type {
  ClientCallName,
  ClientReply,
  ClientRequest,
  Push,
} from '../../protocol/client-calls.ts';
import { encodeRaw } from '../../protocol/codec.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import {
  LINK_PROBE_MS,
  PROTOCOL_VERSION,
  PUSHES_HELD_MAX,
  REQUEST_TIMEOUT_MS,
  SESSION_WRITE_BYTES_PAUSE,
} from '../../protocol/limits.ts';
import type { GatePlace } from '../connect-url.ts';
import { OpenCalls } from './open-calls.ts';
import { Silence } from './silence.ts';
import { decodeFrame, packFrames } from './wire.ts';
import type { Incoming } from './wire.ts';

export type Hello = ClientReply<'hello'>;
/** The request named `K`, without its name. */
export type Fields<K extends ClientCallName> = Omit<Extract<ClientRequest, { type: K }>, 'type'>;

/** Who is told what happens on a link. */
export interface LinkListener {
  readonly onPush: (push: Push) => void;
  readonly onWritable: () => void;
  /** Fires once; every open call has failed before. */
  readonly onClose: (reason: string) => void;
}

const AGENT = 'fastchat';

type LinkState =
  | { readonly at: 'open'; readonly link: ClientLink }
  | { readonly at: 'dialling' }
  | { readonly at: 'closed'; readonly reason: string };

export class GateLink {
  readonly place: GatePlace;
  readonly #clock: Clock;
  readonly #calls: OpenCalls;
  #state: LinkState = { at: 'dialling' };
  #listener: LinkListener | undefined;
  /** Pushes that came before anybody listened; past the bound they are dropped, and a pull repairs it. */
  #held: Push[] = [];
  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  readonly #silence: Silence;
  #isProbing = false;
  #hello: Hello | undefined;
  #fingerprint: Uint8Array | undefined;

  private constructor(clock: Clock, place: GatePlace) {
    this.#clock = clock;
    this.#calls = new OpenCalls(clock, (sinceMs) => this.#onWaiting(sinceMs));
    this.#silence = new Silence(clock);
    this.place = place;
  }

  /** Dials and says hello. @throws E_UNREACHABLE, E_TIMEOUT, E_KEY_CHANGED, E_VERSION */
  static async dial(
    ports: { readonly network: LinkNetwork; readonly clock: Clock },
    place: GatePlace,
    fingerprint: Uint8Array | undefined,
  ): Promise<GateLink> {
    const gate = new GateLink(ports.clock, place);
    const target = { host: place.host, port: place.port, fingerprint };
    const dialled = await ports.network.dial(target, gate.#events());
    gate.#fingerprint = Uint8Array.from(dialled.fingerprint);
    gate.#opened(dialled.link);
    try {
      const versions = { versionMin: PROTOCOL_VERSION, versionMax: PROTOCOL_VERSION };
      gate.#hello = await gate.call('hello', { ...versions, agent: AGENT });
    } catch (cause) {
      gate.destroy('no hello');
      throw cause;
    }
    return gate;
  }

  get hello(): Hello {
    if (this.#hello === undefined) throw new FastChatError('E_INTERNAL', 'no hello yet');
    return this.#hello;
  }

  /** SHA-256 of the TLS key that the other side showed. */
  get fingerprint(): Uint8Array {
    if (this.#fingerprint === undefined) throw new FastChatError('E_INTERNAL', 'not dialled yet');
    return this.#fingerprint;
  }

  /** False while so much waits to be written that the sender should wait for `onWritable`. */
  get isWritable(): boolean {
    if (this.#state.at !== 'open') return false;
    return this.#outgoingBytes + this.#state.link.pendingBytes <= SESSION_WRITE_BYTES_PAUSE;
  }

  get isOpen(): boolean {
    return this.#state.at === 'open';
  }

  /** @throws the node's refusal; E_TIMEOUT and E_UNREACHABLE leave open whether the node acted on it. */
  call<K extends ClientCallName>(
    name: K,
    fields: Fields<K>,
    timeoutMs: number = REQUEST_TIMEOUT_MS,
  ): Promise<ClientReply<K>> {
    return new Promise((resolve, reject) => {
      if (this.#state.at === 'closed') throw lost(this.#state.reason);
      const onReply = (raw: readonly unknown[]): void => {
        try {
          resolve(clientCalls.parseReply(name, raw, 2));
        } catch (cause) {
          reject(asFastChatError(cause));
          throw cause;
        }
      };
      const id = this.#calls.add({ onReply, onError: reject }, timeoutMs);
      this.#push(id, { type: name, ...fields } as unknown as ClientRequest);
    });
  }

  /** A call that wants no answer; dropped when the link is gone. */
  tell(request: ClientRequest): void {
    if (this.#state.at === 'open') this.#push(0, request);
  }

  /** From now on pushes go to `listener`, those held so far first. */
  listen(listener: LinkListener): void {
    this.#listener = listener;
    const held = this.#held;
    this.#held = [];
    for (const push of held) listener.onPush(push);
    if (this.#state.at === 'closed') listener.onClose(this.#state.reason);
  }

  /** Sends what is queued, then closes; `onClose` does not fire. */
  close(reason: string): void {
    this.#listener = undefined;
    this.#flush();
    if (this.#state.at === 'open') this.#state.link.close(reason);
    this.#closed(reason);
  }

  /** Closes at once, dropping what is queued; `onClose` fires. */
  destroy(reason: string): void {
    if (this.#state.at === 'open') this.#state.link.destroy(reason);
    this.#closed(reason);
  }

  #events(): ClientLinkEvents {
    return {
      onFrame: (frame) => this.#receive(frame),
      onWritable: () => this.#listener?.onWritable(),
      onClose: (reason) => this.#closed(reason ?? 'closed by the node'),
    };
  }

  #opened(link: ClientLink): void {
    if (this.#state.at === 'closed') throw lost(this.#state.reason);
    this.#state = { at: 'open', link };
  }

  #closed(reason: string): void {
    if (this.#state.at === 'closed') return;
    this.#state = { at: 'closed', reason };
    this.#outgoing = [];
    this.#calls.end(lost(reason));
    this.#listener?.onClose(reason);
  }

  #push(id: number, request: ClientRequest): void {
    const item = encodeRaw(clientCalls.packRequest(id, request));
    this.#outgoing.push(item);
    this.#outgoingBytes += item.length;
    if (this.#outgoing.length === 1) this.#clock.soon(() => this.#flush());
  }

  /** A call waits: a node that is there says something now and then, or answers a probe. */
  #onWaiting(sinceMs: number): void {
    if (this.#state.at !== 'open' || this.#isProbing) return;
    if (!this.#silence.isDoubtful(this.#state.link.receivedBytes, sinceMs)) return;
    this.#isProbing = true;
    void this.#probe(this.#state.link);
  }

  async #probe(link: ClientLink): Promise<void> {
    const before = link.receivedBytes;
    await this.call('probe', {}, LINK_PROBE_MS + this.#silence.allowanceMs).catch(() => undefined);
    // What arrived while this process was busy is read before anybody is declared dead.
    await new Promise<void>((resolve) => this.#clock.soon(resolve));
    this.#isProbing = false;
    if (link.receivedBytes === before) this.destroy('the node does not answer');
  }

  #flush(): void {
    if (this.#state.at !== 'open') return;
    const { link } = this.#state;
    const items = this.#outgoing;
    const wasFull = !this.isWritable;
    this.#silence.sent(this.#outgoingBytes);
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    link.send(...packFrames(items));
    // The link tells when it was full; that it never became so, only we can tell.
    if (wasFull && this.isWritable) this.#listener?.onWritable();
  }

  #receive(frame: Uint8Array): void {
    if (this.#state.at === 'closed') return;
    try {
      for (const item of decodeFrame(frame)) this.#handle(item);
    } catch (cause) {
      this.destroy(asFastChatError(cause).message);
    }
  }

  #handle(item: Incoming): void {
    switch (item.type) {
      case 'reply':
        return this.#calls.answer(item.id, item.raw);
      case 'refusal':
        return this.#refused(item.id, item.error);
      case 'push':
        return this.#pushed(item.push);
    }
  }

  /** Id 0: the node refuses the link, not a call. */
  #refused(id: number, error: FastChatError): void {
    if (id !== 0) return this.#calls.refuse(id, error);
    this.#calls.end(error);
    this.destroy(`refused by the node: ${error.code}`);
  }

  #pushed(push: Push): void {
    if (this.#listener !== undefined) this.#listener.onPush(push);
    else if (this.#held.length < PUSHES_HELD_MAX) this.#held.push(push);
  }
}

function lost(reason: string): FastChatError {
  return new FastChatError('E_UNREACHABLE', `the connection ended: ${reason}`);
}

/** A client's link without a client: TLS 1.3, frames, calls by name. Fast in what load is made of, plain in the rest. */
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { ALPN_FASTCHAT } from '../../src/net/tls-gate.ts';
import { FrameSplitter, streamOf } from '../../src/net/framing.ts';
import type { GatePlace } from '../../src/client/connect-url.ts';
import { REFUSAL_TAG, REPLY_TAG, clientCalls } from '../../src/protocol/client-calls.ts';
import type {
  ClientCallName,
  ClientReply,
  ClientRequest,
} from '../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../src/protocol/codec.ts';
import { packFrames } from '../../src/protocol/frames.ts';
import { CLIENT_FRAME_BYTES_MAX } from '../../src/protocol/limits.ts';

type Fields<K extends ClientCallName> = Omit<Extract<ClientRequest, { type: K }>, 'type'>;

interface OpenCall {
  readonly resolve: (raw: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** A refusal, by its code. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string, text: string) {
    super(`${code}: ${text}`);
    this.code = code;
  }
}

export class RawLink {
  /** Takes over all frames once the session is attached; `onChunk` follows when everything that came is handed over. */
  onFrame: ((frame: Uint8Array) => void) | undefined;
  onChunk: (() => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  isOpen = true;
  /** The newest TLS ticket of this link. */
  ticket: Buffer | undefined;
  readonly #socket: TLSSocket;
  readonly #open = new Map<number, OpenCall>();
  #items: Uint8Array[] = [];
  #lastId = 0xf000_0000;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    const splitter = new FrameSplitter(CLIENT_FRAME_BYTES_MAX, (frame) => {
      if (this.onFrame === undefined) this.#answer(frame);
      else this.onFrame(frame);
    });
    socket.setNoDelay(true);
    socket.on('session', (ticket: Buffer) => (this.ticket = ticket));
    socket.on('data', (chunk: Buffer) => {
      splitter.push(chunk);
      this.onChunk?.();
    });
    socket.on('error', (error) => this.#ended(error.message));
    socket.on('close', () => this.#ended('closed by the node'));
  }

  static dial(gate: GatePlace, ticket?: Buffer): Promise<RawLink> {
    return new Promise((resolve, reject) => {
      const session = ticket === undefined ? {} : { session: ticket };
      const socket = connect({
        ...gate,
        ...session,
        minVersion: 'TLSv1.3',
        ALPNProtocols: [ALPN_FASTCHAT],
        rejectUnauthorized: false,
      });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(new RawLink(socket));
      });
    });
  }

  get isResumed(): boolean {
    return this.#socket.isSessionReused();
  }

  /** @throws Refused */
  async call<K extends ClientCallName>(name: K, fields: Fields<K>): Promise<ClientReply<K>> {
    const raw = await new Promise<readonly unknown[]>((resolve, reject) => {
      if (!this.isOpen) throw new Error('the link is closed');
      this.#lastId += 1;
      this.#open.set(this.#lastId, { resolve, reject });
      const request = { type: name, ...fields } as unknown as ClientRequest;
      this.add(encodeRaw(clientCalls.packRequest(this.#lastId, request)));
      this.flush();
    });
    return clientCalls.parseReply(name, raw, 2);
  }

  /** Queues an encoded item for the next `flush`. */
  add(item: Uint8Array): void {
    this.#items.push(item);
  }

  /** Everything queued, in one write. */
  flush(): void {
    if (this.#items.length === 0 || !this.isOpen) return;
    this.#socket.write(streamOf(packFrames(this.#items)));
    this.#items = [];
  }

  /** From now on nothing is read: what the node answers stays on its side. */
  stopReading(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#ended('closed here');
  }

  #answer(frame: Uint8Array): void {
    for (const raw of decodeRaw(Uint8Array.from(frame)) as readonly (readonly unknown[])[]) {
      const [tag, id, code, text] = raw;
      if (tag !== REPLY_TAG && tag !== REFUSAL_TAG) continue;
      const call = this.#open.get(id as number);
      this.#open.delete(id as number);
      if (tag === REPLY_TAG) call?.resolve(raw);
      else if (call !== undefined) call.reject(new Refused(String(code), String(text)));
      else this.#ended(`refused by the node: ${String(code)}`);
    }
  }

  #ended(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const { reject } of this.#open.values()) reject(new Error(reason));
    this.#open.clear();
    this.onClose?.(reason);
  }
}

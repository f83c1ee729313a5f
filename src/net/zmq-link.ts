/**
 * Our way to one peer: a DEALER socket that dials it, reconnects by itself after a break, and dials anew with growing
 * waits after a refused handshake, which libzmq gives up on.
 */
import { Dealer } from 'zeromq';
import type { Context, Event } from 'zeromq';
import type { Clock, Timer } from '../ops/clock.ts';
import type { NodeId } from '../protocol/ids.ts';
import {
  MESH_CONNECTION_SILENT_MS,
  MESH_FRAME_BYTES_MAX,
  MESH_HANDSHAKE_TIMEOUT_MS,
  MESH_PIPE_FRAMES_MAX,
  MESH_PIPE_RETRY_MS,
  MESH_REDIAL_DELAY_MAX_MS,
  MESH_REDIAL_DELAY_MIN_MS,
} from '../protocol/limits.ts';
import type { PeerAddress, SendOutcome } from './transport.ts';
import { toZ85 } from './zmq-curve.ts';
import type { CurveKeys } from './zmq-curve.ts';

/** libzmq checks the size of what is on the wire: command name 8, nonce 8, authenticator 16, flags 1, then our frame. */
const CURVE_MESSAGE_OVERHEAD_BYTES = 33;

/** What both kinds of mesh socket agree on. */
export const MESH_SOCKET_OPTIONS = {
  linger: 0,
  // Every call settles at once; waiting is ours, so that no promise hangs on a peer that is gone.
  sendTimeout: 0,
  maxMessageSize: MESH_FRAME_BYTES_MAX + CURVE_MESSAGE_OVERHEAD_BYTES,
  sendHighWaterMark: MESH_PIPE_FRAMES_MAX,
  receiveHighWaterMark: MESH_PIPE_FRAMES_MAX,
  handshakeInterval: MESH_HANDSHAKE_TIMEOUT_MS,
  // No heartbeats of libzmq's own: they abort the process when a peer gives up on us while our pipe is full (libzmq
  // issues 3937 and 4767). The mesh has its own; the kernel ends a connection that acknowledges nothing.
  heartbeatInterval: 0,
  tcpMaxRetransmitTimeout: MESH_CONNECTION_SILENT_MS,
  connectTimeout: MESH_CONNECTION_SILENT_MS,
} as const;

export interface ZmqLinkOptions {
  readonly context: Context;
  readonly self: NodeId;
  readonly curve: CurveKeys;
  readonly clock: Clock;
  readonly peer: PeerAddress;
  readonly onWritable: () => void;
  readonly onDown: () => void;
  /** The peer refused our key or did not show its own. */
  readonly onDenied: () => void;
}

export class ZmqLink {
  readonly #options: ZmqLinkOptions;
  readonly #dealer: Dealer;
  #isConnected = false;
  #redialDelayMs = MESH_REDIAL_DELAY_MIN_MS;
  #redial: Timer | undefined;
  #retry: Timer | undefined;

  constructor(options: ZmqLinkOptions) {
    this.#options = options;
    this.#dealer = new Dealer({
      ...MESH_SOCKET_OPTIONS,
      context: options.context,
      routingId: options.self,
      // Nothing is queued for a peer that is not there.
      immediate: true,
      reconnectInterval: MESH_REDIAL_DELAY_MIN_MS,
      reconnectMaxInterval: MESH_REDIAL_DELAY_MAX_MS,
      curvePublicKey: toZ85(options.curve.publicKey),
      curveSecretKey: toZ85(options.curve.secretKey),
      curveServerKey: toZ85(options.peer.curveKey),
    });
    void this.#watch();
    this.#dealer.connect(options.peer.endpoint);
  }

  get peer(): PeerAddress {
    return this.#options.peer;
  }

  /** The monitor says whether there is a link (libzmq never drops its events), the socket whether it takes a frame. */
  send(frame: Uint8Array): SendOutcome {
    if (this.#dealer.closed || !this.#isConnected) return 'down';
    if (this.#dealer.writable) {
      // With sendTimeout 0 the call is done when it returns. If the link broke since the line above, the frame is
      // lost like any other in flight then, and the receiver counts the gap.
      this.#dealer.send(frame).catch(() => this.#retryLater());
      return 'sent';
    }
    this.#retryLater();
    return 'full';
  }

  close(): void {
    this.#redial?.cancel();
    this.#retry?.cancel();
    this.#dealer.close();
  }

  #retryLater(): void {
    this.#retry ??= this.#options.clock.after(MESH_PIPE_RETRY_MS, () => {
      this.#retry = undefined;
      if (this.#dealer.closed || !this.#isConnected) return;
      if (this.#dealer.writable) this.#options.onWritable();
      else this.#retryLater();
    });
  }

  async #watch(): Promise<void> {
    for await (const event of this.#dealer.events) if (!this.#dealer.closed) this.#onEvent(event);
  }

  #onEvent({ type }: Event): void {
    if (type === 'handshake') this.#onHandshake();
    else if (type === 'disconnect') this.#onDisconnect();
    // After these libzmq gives up; every other failure it repairs itself.
    else if (type === 'handshake:error:auth' || type === 'handshake:error:protocol') {
      this.#options.onDenied();
      this.#dialAgainLater();
    }
  }

  #onHandshake(): void {
    this.#isConnected = true;
    this.#redialDelayMs = MESH_REDIAL_DELAY_MIN_MS;
    this.#options.onWritable();
  }

  #onDisconnect(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#options.onDown();
  }

  #dialAgainLater(): void {
    if (this.#redial !== undefined) return;
    const delayMs = this.#redialDelayMs;
    this.#redialDelayMs = Math.min(2 * delayMs, MESH_REDIAL_DELAY_MAX_MS);
    this.#redial = this.#options.clock.after(delayMs, () => {
      this.#redial = undefined;
      if (this.#dealer.closed || this.#isConnected) return;
      this.#dealer.disconnect(this.peer.endpoint);
      this.#dealer.connect(this.peer.endpoint);
    });
  }
}

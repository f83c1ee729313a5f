/** One client link over a TLS socket whose handshake is done: frames in, frames out. */
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../ops/clock.ts';
import { invariant } from '../protocol/errors.ts';
import type { ClientLink, ClientLinkEvents } from './client-link.ts';
import { FrameSplitter, streamOf } from './framing.ts';
import type { LinkLimits } from './link-limits.ts';
import { WriteGuard } from './write-guard.ts';

export interface TlsLinkOptions {
  readonly socket: TLSSocket;
  readonly source: string;
  readonly clock: Clock;
  readonly limits: LinkLimits;
  /** Called by `trust`; undefined on the dialling side, which trusts from the start. */
  readonly onTrust: (() => void) | undefined;
}

type LinkState =
  | { readonly at: 'open' }
  /** Closing in order: nothing more is taken, what is queued goes out. */
  | { readonly at: 'closing'; readonly reason: string | undefined }
  | { readonly at: 'closed'; readonly reason: string | undefined };

export class TlsLink implements ClientLink {
  readonly source: string;
  readonly #options: TlsLinkOptions;
  readonly #socket: TLSSocket;
  readonly #splitter: FrameSplitter;
  /** Made when it has something to guard: most links are read as fast as they are written. */
  #guard: WriteGuard | undefined;
  #receivedBytes = 0;
  #events: ClientLinkEvents | undefined;
  #state: LinkState = { at: 'open' };
  /** The login timeout while the link is not trusted, the close timeout while it closes. */
  #deadline: Timer | undefined;

  constructor(options: TlsLinkOptions) {
    const { socket, clock, limits, onTrust } = options;
    const isGate = onTrust !== undefined;
    this.source = options.source;
    this.#options = options;
    this.#socket = socket;
    const frameBytesMax = isGate ? limits.helloFrameBytesMax : limits.frameBytesMax;
    this.#splitter = new FrameSplitter(frameBytesMax, (frame) => this.#events?.onFrame(frame));
    if (isGate)
      this.#deadline = clock.after(limits.loginTimeoutMs, () =>
        this.destroy('not authenticated in time'),
      );
  }

  /** Connects the socket to the events; before that nothing is read. */
  attach(events: ClientLinkEvents): void {
    this.#events = events;
    if (this.#state.at === 'closed') {
      const { reason } = this.#state;
      this.#options.clock.soon(() => events.onClose(reason));
    }
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#close(`network error ${error.code ?? 'unknown'}`),
    );
    this.#socket.on('close', () => this.#close(undefined));
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get pendingBytes(): number {
    return this.#state.at === 'closed' ? 0 : this.#socket.writableLength;
  }

  send(...frames: readonly Uint8Array[]): boolean {
    const { frameBytesMax, writeBytesPause } = this.#options.limits;
    for (const { length } of frames)
      invariant(length > 0 && length <= frameBytesMax, 'a frame has a legal size');
    if (this.#state.at !== 'open') return false;
    // One write is one TLS record and one system call, which cost more than the bytes in them.
    this.#socket.write(streamOf(frames), this.#onWritten);
    if (this.#guard === undefined && this.pendingBytes <= writeBytesPause) return true;
    this.#guard ??= this.#makeGuard();
    return this.#guard.added();
  }

  trust(): void {
    const { onTrust, limits } = this.#options;
    if (onTrust === undefined || this.#state.at !== 'open') return;
    this.#splitter.raiseMax(limits.frameBytesMax);
    this.#endDeadline();
    onTrust();
  }

  close(reason?: string): void {
    if (this.#state.at !== 'open') return;
    this.#state = { at: 'closing', reason: reason ?? 'closed here' };
    this.#splitter.stop();
    this.#endDeadline();
    const { clock, limits } = this.#options;
    this.#deadline = clock.after(limits.closeTimeoutMs, () => this.#socket.destroy());
    this.#socket.end();
    // What still comes is thrown away; unread, it would hide the other side's end.
    this.#socket.resume();
  }

  destroy(reason?: string): void {
    this.#close(reason ?? 'closed here');
  }

  #makeGuard(): WriteGuard {
    const { clock, limits, onTrust } = this.#options;
    return new WriteGuard({
      clock,
      limits,
      pendingBytes: () => this.pendingBytes,
      // A gate serves no more requests to whoever does not take the answers. The dialling side goes on reading, so
      // that the two never wait for each other.
      onPaused: () => void (onTrust !== undefined && this.#socket.pause()),
      onWritable: () => this.#onWritable(),
      onStalled: (reason) => this.destroy(reason),
    });
  }

  #onData(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    const fault = this.#splitter.push(chunk);
    if (fault !== undefined) this.destroy(fault);
  }

  readonly #onWritten = (): void => {
    if (this.#state.at === 'open') this.#guard?.drained();
  };

  /** Lets go of it, too: most links live long after their login. */
  #endDeadline(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  #onWritable(): void {
    this.#socket.resume();
    this.#events?.onWritable();
  }

  /** The one end of every link; undefined: the other side closed in order. */
  #close(reason: string | undefined): void {
    if (this.#state.at === 'closed') return;
    const first = this.#state.at === 'closing' ? this.#state.reason : reason;
    this.#state = { at: 'closed', reason: first };
    this.#splitter.stop();
    this.#guard?.stop();
    this.#endDeadline();
    this.#socket.destroy();
    this.#events?.onClose(first);
  }
}

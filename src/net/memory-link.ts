/** One side of a client link in memory. What it sends counts as pending until the other side has taken it. */
import type { Clock, Timer } from '../ops/clock.ts';
import { invariant } from '../protocol/errors.ts';
import type { ClientLink, ClientLinkEvents } from './client-link.ts';
import { FRAME_HEAD_BYTES } from './framing.ts';
import type { LinkLimits } from './link-limits.ts';
import { WriteGuard } from './write-guard.ts';

export interface MemoryLinkOptions {
  readonly clock: Clock;
  readonly limits: LinkLimits;
  /** The machine of this side; `source` of the other side. */
  readonly host: string;
  readonly source: string;
  /** Set on the accepting side only. */
  readonly onTrust: (() => void) | undefined;
  /** How long so many bytes take to the other side. */
  readonly travelMs: (bytes: number) => number;
  /** The machine of this side takes frames at the moment. */
  readonly isRunning: () => boolean;
  readonly onEnd: () => void;
}

type LinkState = 'open' | 'closing' | 'closed';

export class MemoryLink implements ClientLink {
  readonly source: string;
  readonly host: string;
  readonly #options: MemoryLinkOptions;
  readonly #guard: WriteGuard;
  #other: MemoryLink | undefined;
  #events: ClientLinkEvents | undefined;
  #state: LinkState = 'open';
  #reason: string | undefined;
  #frameBytesMax: number;
  #isReading = false;
  #queued: Uint8Array[] = [];
  /** The one write under way; the next begins when it has been taken. */
  #flying: Uint8Array[] | undefined;
  #hasArrived = false;
  #isPumpDue = false;
  #pendingBytes = 0;
  #receivedBytes = 0;
  #deadline: Timer | undefined;

  constructor(options: MemoryLinkOptions) {
    const { clock, limits, onTrust } = options;
    const isGate = onTrust !== undefined;
    this.host = options.host;
    this.source = options.source;
    this.#options = options;
    this.#frameBytesMax = isGate ? limits.helloFrameBytesMax : limits.frameBytesMax;
    this.#guard = new WriteGuard({
      clock,
      limits,
      pendingBytes: () => this.#pendingBytes,
      onPaused: () => {
        if (isGate) this.#isReading = false;
      },
      onWritable: () => this.#onWritable(),
      onStalled: (reason) => this.destroy(reason),
    });
    if (isGate)
      this.#deadline = clock.after(limits.loginTimeoutMs, () =>
        this.destroy('not authenticated in time'),
      );
  }

  /** Joins the two sides of one link. @internal */
  static join(left: MemoryLink, right: MemoryLink): void {
    left.#other = right;
    right.#other = left;
  }

  /** From now on frames are handed over. @internal */
  attach(events: ClientLinkEvents): void {
    this.#events = events;
    if (this.#state === 'closed') this.#options.clock.soon(() => events.onClose(this.#reason));
    this.#isReading = true;
    this.readMore();
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  send(...frames: readonly Uint8Array[]): boolean {
    const { frameBytesMax } = this.#options.limits;
    for (const { length } of frames)
      invariant(length > 0 && length <= frameBytesMax, 'a frame has a legal size');
    if (this.#state !== 'open') return false;
    for (const frame of frames) {
      this.#queued.push(frame);
      this.#pendingBytes += FRAME_HEAD_BYTES + frame.length;
    }
    if (!this.#isPumpDue) this.#options.clock.soon(() => this.#pump());
    this.#isPumpDue = true;
    return this.#guard.added();
  }

  trust(): void {
    const { onTrust, limits } = this.#options;
    if (onTrust === undefined || this.#state !== 'open') return;
    this.#frameBytesMax = limits.frameBytesMax;
    this.#deadline?.cancel();
    onTrust();
  }

  close(reason?: string): void {
    if (this.#state !== 'open') return;
    const { clock, limits } = this.#options;
    this.#state = 'closing';
    this.#reason = reason ?? 'closed here';
    this.#deadline?.cancel();
    this.#deadline = clock.after(limits.closeTimeoutMs, () => this.cut(undefined));
    this.#pump();
  }

  destroy(reason?: string): void {
    this.#end(reason ?? 'closed here');
  }

  /** The network ends this side for `reason`. @internal */
  cut(reason: string | undefined): void {
    this.#end(reason);
  }

  /** The machine of this side is gone: no event fires here, the other side is told. @internal */
  vanish(): void {
    this.#events = undefined;
    this.#end('crashed', 'network error ECONNRESET');
  }

  /** This side may take frames again. @internal */
  readMore(): void {
    const other = this.#other;
    if (other !== undefined) other.#arrive();
  }

  #pump(): void {
    this.#isPumpDue = false;
    if (this.#flying !== undefined || this.#state === 'closed') return;
    if (this.#queued.length === 0) {
      if (this.#state === 'closing') this.#end(undefined);
      return;
    }
    this.#flying = this.#queued;
    this.#queued = [];
    this.#hasArrived = false;
    this.#options.clock.after(this.#options.travelMs(this.#pendingBytes), () => {
      this.#hasArrived = true;
      this.#arrive();
    });
  }

  /** Hands over what has arrived, as far as the other side reads. */
  #arrive(): void {
    const other = this.#other;
    if (other === undefined || !this.#hasArrived || this.#state === 'closed') return;
    while (this.#flying !== undefined && other.#isReading && other.#options.isRunning()) {
      const frame = this.#flying.shift();
      if (frame === undefined) this.#flying = undefined;
      else {
        this.#pendingBytes -= FRAME_HEAD_BYTES + frame.length;
        other.#take(frame);
      }
    }
    this.#guard.drained();
    this.#pump();
  }

  #take(frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#receivedBytes += FRAME_HEAD_BYTES + frame.length;
    if (frame.length > this.#frameBytesMax) this.destroy('frame too long');
    else this.#events?.onFrame(frame);
  }

  #onWritable(): void {
    if (this.#state !== 'open') return;
    if (this.#events !== undefined) this.#isReading = true;
    this.#events?.onWritable();
    this.readMore();
  }

  /** The one end of every link; undefined: the other side closed in order, and so it looks from there, too. */
  #end(reason: string | undefined, reasonThere?: string): void {
    if (this.#state === 'closed') return;
    this.#reason = this.#state === 'closing' ? this.#reason : reason;
    this.#state = 'closed';
    this.#guard.stop();
    this.#deadline?.cancel();
    this.#queued = [];
    this.#flying = undefined;
    this.#pendingBytes = 0;
    this.#options.onEnd();
    const other = this.#other;
    this.#options.clock.after(this.#options.travelMs(0), () => other?.cut(reasonThere));
    this.#events?.onClose(this.#reason);
  }
}

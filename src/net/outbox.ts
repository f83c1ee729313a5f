/**
 * What waits to go to one peer: bounded in bytes, batched into numbered frames. One writer: every frame to the peer
 * leaves through `flush`, in order. What is here when the link breaks is dropped; nothing is ever sent twice.
 */
import type { NodeId } from '../protocol/ids.ts';
import { FRAMES_PER_BATCH_MAX } from '../protocol/limits.ts';
import type { MeshDrops, PeerFrames } from './mesh-counters.ts';
import { encodeBatch, MESH_OVERHEAD_BYTES } from './mesh-frames.ts';
import type { PackedMessage } from './mesh-frames.ts';
import type { Transport } from './transport.ts';

interface Waiting {
  readonly message: PackedMessage;
  readonly bytes: number;
}

export interface OutboxOptions {
  readonly transport: Transport;
  readonly peer: NodeId;
  readonly bytesMax: number;
  readonly batchBytes: number;
  readonly link: number;
  readonly frames: PeerFrames;
  readonly dropped: MeshDrops;
  /** Hello and heartbeat as they are now; taken when there is room for them. */
  readonly greeting: () => readonly PackedMessage[];
  /** The transport has no link to the peer. */
  readonly onBroken: () => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: Waiting[] = [];
  #head = 0;
  #waitingBytes = 0;
  /** A frame that the transport did not take yet. */
  #held: Uint8Array | undefined;
  #isGreetingDue = false;
  #link: number;
  #seq = 0;
  #confirmedSeq = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#link = options.link;
  }

  /** How this node's present link to the peer is named. */
  get link(): number {
    return this.#link;
  }

  /** Bytes waiting as a share of the bound. */
  get fill(): number {
    return this.#queuedBytes / this.#options.bytesMax;
  }

  get #queuedBytes(): number {
    return this.#waitingBytes + (this.#held?.length ?? 0);
  }

  /** Takes a message for the next flush; false (and counted) when the bound is reached. */
  push(message: PackedMessage, payloadBytes: number): boolean {
    const bytes = payloadBytes + MESH_OVERHEAD_BYTES;
    if (this.#queuedBytes + bytes > this.#options.bytesMax) {
      this.#options.dropped.hwm += 1;
      return false;
    }
    this.#waiting.push({ message, bytes });
    this.#waitingBytes += bytes;
    return true;
  }

  /** False when a batch is full without this message: no reason to wait for the end of the turn. */
  fitsBatch(payloadBytes: number): boolean {
    const bytes = payloadBytes + MESH_OVERHEAD_BYTES;
    const isHeldUp = this.#held !== undefined || this.#waitingBytes === 0;
    return isHeldUp || this.#waitingBytes + bytes <= this.#options.batchBytes;
  }

  /** Sends hello and heartbeat before anything that waits; at most one pair waits. */
  greet(): void {
    this.#isGreetingDue = true;
    this.flush();
  }

  /** Sends until nothing waits or the transport takes no more. */
  flush(): void {
    const { transport, peer, frames, onBroken } = this.#options;
    for (;;) {
      const frame = this.#held ?? this.#nextFrame();
      if (frame === undefined) return;
      const outcome = transport.send(peer, frame);
      this.#held = outcome === 'full' ? frame : undefined;
      if (outcome === 'full') return;
      if (outcome === 'down') {
        this.#isGreetingDue = false;
        return onBroken();
      }
      frames.out += 1;
      frames.bytesOut += frame.length;
    }
  }

  /** The peer heard frames of the present link up to `seq`. */
  confirm(seq: number): void {
    this.#confirmedSeq = Math.max(this.#confirmedSeq, Math.min(seq, this.#seq));
  }

  /** The link broke: what it carried unconfirmed is counted, what comes next goes under another name. */
  relink(link: number): void {
    this.#options.dropped.unconfirmed += this.#seq - this.#confirmedSeq;
    this.#confirmedSeq = this.#seq;
    this.#link = link;
    this.clear();
  }

  /** Drops (and counts) what waits. */
  clear(): void {
    this.#options.dropped.unreachable += this.#waiting.length - this.#head;
    this.#waiting = [];
    this.#head = 0;
    this.#waitingBytes = 0;
    this.#held = undefined;
  }

  #nextFrame(): Uint8Array | undefined {
    const messages = this.#isGreetingDue ? this.#options.greeting() : this.#nextBatch();
    if (messages.length === 0) return undefined;
    this.#isGreetingDue = false;
    this.#seq += 1;
    return encodeBatch(this.#link, this.#seq, messages);
  }

  /** As many messages as fit into one batch, at least one when any waits. */
  #nextBatch(): readonly PackedMessage[] {
    const batch: PackedMessage[] = [];
    let batchBytes = 0;
    for (; batch.length < FRAMES_PER_BATCH_MAX; this.#head++) {
      const next = this.#waiting[this.#head];
      const isBatchDone =
        batch.length > 0 && batchBytes + (next?.bytes ?? 0) > this.#options.batchBytes;
      if (next === undefined || isBatchDone) break;
      batch.push(next.message);
      batchBytes += next.bytes;
    }
    this.#waitingBytes -= batchBytes;
    // Moving the rest up only when it is the smaller half keeps the cost per message constant.
    if (2 * this.#head >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }
}

/** One peer of a mesh: its state, what was heard of it, what waits to go to it. Turns frames into messages. */
import type { Clock } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { LOAD_REPORT_BYTES_MAX, PROTOCOL_VERSION } from '../protocol/limits.ts';
import { LinkSequence } from './link-sequence.ts';
import type { MeshCounters, PeerFrames } from './mesh-counters.ts';
import { decodeBatch, meshMessage } from './mesh-frames.ts';
import type { MeshBatch, MeshMessage, PackedMessage } from './mesh-frames.ts';
import type { MeshLimits } from './mesh-limits.ts';
import { Outbox } from './outbox.ts';
import { heardLink, stepPeer } from './peer-state.ts';
import type { PeerEffect, PeerEvent, PeerState } from './peer-state.ts';
import type { PeerAddress, Transport } from './transport.ts';

/** What a peer needs from its mesh. */
export interface MeshHost {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly limits: MeshLimits;
  readonly counters: MeshCounters;
  readonly log: Log;
  /** A name for a new link of this node; grows. */
  readonly nextLink: () => number;
  /** The packed hello of this node. */
  readonly hello: PackedMessage;
  readonly loadReport: () => Uint8Array;
  readonly onChange: (peer: MeshPeer, change: 'up' | 'down') => void;
  readonly onMessage: (peer: MeshPeer, message: MeshMessage) => void;
}

/** What others may know of a peer. */
export interface PeerView {
  readonly node: NodeId;
  readonly state: PeerState['at'];
  /** Known while the peer is heard. */
  readonly bootId: string | undefined;
  /** How full the outbox is, 0 to 1. */
  readonly outboxFill: number;
}

export class MeshPeer {
  readonly node: NodeId;
  readonly outbox: Outbox;
  readonly #address: PeerAddress;
  readonly #host: MeshHost;
  readonly #frames: PeerFrames = { in: 0, out: 0, bytesIn: 0, bytesOut: 0 };
  readonly #sequence = new LinkSequence();
  #state: PeerState = { at: 'dialing' };
  #lastBootId: string | undefined;
  #isFlushScheduled = false;

  constructor(address: PeerAddress, host: MeshHost) {
    const { node } = address;
    this.node = node;
    this.#address = address;
    this.#host = host;
    host.counters.frames.set(node, this.#frames);
    this.outbox = new Outbox({
      transport: host.transport,
      peer: node,
      bytesMax: host.limits.outboxBytesMax,
      batchBytes: host.limits.batchBytes,
      link: host.nextLink(),
      frames: this.#frames,
      dropped: host.counters.dropped,
      greeting: () => this.#greeting(),
      onBroken: () => this.apply({ type: 'broken' }),
    });
  }

  isAt({ endpoint, curveKey }: PeerAddress): boolean {
    return (
      this.#address.endpoint === endpoint && Buffer.from(this.#address.curveKey).equals(curveKey)
    );
  }

  get isUp(): boolean {
    return this.#state.at === 'up';
  }

  /** The peer's present link to us: an answer belongs to the link that its request came by. */
  get link(): number | undefined {
    return heardLink(this.#state);
  }

  get view(): PeerView {
    const state = this.#state;
    const bootId = state.at === 'up' || state.at === 'greeting' ? state.bootId : undefined;
    return { node: this.node, state: state.at, bootId, outboxFill: this.outbox.fill };
  }

  /** Queues a message for the end of this event turn; full batches leave at once. False: dropped and counted. */
  send(message: MeshMessage, payloadBytes: number): boolean {
    if (!this.outbox.fitsBatch(payloadBytes)) this.outbox.flush();
    if (!this.isUp) {
      this.#host.counters.dropped.unreachable += 1;
      return false;
    }
    if (!this.outbox.push(meshMessage.pack(message), payloadBytes)) return false;
    this.#flushSoon();
    return true;
  }

  countLate(): void {
    this.#host.counters.dropped.late += 1;
  }

  /** Sends hello and heartbeat. */
  greet(): void {
    this.outbox.greet();
  }

  /** The transport takes frames again, or for the first time. */
  onWritable(): void {
    if (this.isUp) this.outbox.flush();
    else this.greet();
  }

  apply(event: PeerEvent): void {
    const { state, effects } = stepPeer(this.#state, event, this.#host.clock.mono());
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  onFrame(frame: Uint8Array): void {
    const batch = this.#decode(frame);
    if (batch === undefined) return;
    this.#meet(batch);
    const { dropped } = this.#host.counters;
    if (batch.link !== this.link) {
      dropped.stranger += 1;
      return;
    }
    const missing = this.#sequence.accept(batch.seq);
    if (missing < 0) {
      dropped.duplicate += 1;
      return;
    }
    dropped.gap += missing;
    this.#frames.in += 1;
    this.#frames.bytesIn += frame.length;
    this.apply({ type: 'heard' });
    for (const message of batch.messages) this.#take(message);
  }

  #flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#host.clock.soon(() => {
      this.#isFlushScheduled = false;
      this.outbox.flush();
    });
  }

  #decode(frame: Uint8Array): MeshBatch | undefined {
    try {
      return decodeBatch(frame);
    } catch (cause) {
      if (!(cause instanceof FastChatError)) throw cause;
      this.#host.counters.dropped.decode += 1;
      return undefined;
    }
  }

  /** A frame that begins with a hello may begin a link. */
  #meet({ link, seq, messages: [first] }: MeshBatch): void {
    if (first?.type !== 'hello') return;
    if (first.version !== PROTOCOL_VERSION || first.node !== this.node) {
      this.#host.counters.dropped.decode += 1;
      const { version, node: name } = first;
      this.#host.log.event('warn', 'frames_dropped', {
        peer: this.node,
        reason: 'hello',
        version,
        name,
      });
      return;
    }
    const before = this.link;
    this.apply({ type: 'hello', bootId: first.bootId, link });
    if (this.link !== link || before === link) return;
    this.#sequence.begin(seq, first.bootId === this.#lastBootId);
    this.#lastBootId = first.bootId;
  }

  #take(message: MeshMessage): void {
    if (message.type !== 'heartbeat') return this.#host.onMessage(this, message);
    const hearsUs = message.hears === this.outbox.link;
    if (hearsUs) this.outbox.confirm(message.heardSeq);
    this.apply({ type: 'heartbeat', hearsUs });
    this.#host.onMessage(this, message);
  }

  #run(effect: PeerEffect): void {
    switch (effect) {
      case 'greet':
        return this.greet();
      case 'relink':
        return this.outbox.relink(this.#host.nextLink());
      case 'down':
        this.outbox.clear();
        return this.#host.onChange(this, 'down');
      case 'up':
        return this.#host.onChange(this, 'up');
    }
  }

  #greeting(): readonly PackedMessage[] {
    const { hello, loadReport } = this.#host;
    const load = loadReport();
    invariant(load.length <= LOAD_REPORT_BYTES_MAX, 'a load report has a legal size');
    const hears = this.link ?? 0;
    const heardSeq = hears === 0 ? 0 : this.#sequence.last;
    return [hello, meshMessage.pack({ type: 'heartbeat', hears, heardSeq, load })];
  }
}

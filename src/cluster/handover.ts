/**
 * Moves a shard from its owner A (this node) to a learner B (I6). The swap in step 7 is the only moment that counts:
 * before it the shard is A's, after it B's.
 *
 * | step | A                                 | B                          | A crashes after it                     | B crashes after it          |
 * | ---- | --------------------------------- | -------------------------- | -------------------------------------- | --------------------------- |
 * | 1    | begin(epoch e)                    | drops any old copy         | serves again in e+1; B's copy: left-over | A's next message is refused: A serves on in e |
 * | 2    | page, delta, page, delta ...      | installs, flushes          | as 1                                   | as 1                        |
 * | 3    | stops serving, settles            |                            | as 1                                   | A serves again in e         |
 * | 4    | promises e+1                      |                            | may not serve in e again; takes e+1 at its start | as 5              |
 * | 5    | last delta                        | installs, flushes          | as 4                                   | A takes e+1 by a swap of its own |
 * | 6    | finish(head, e+1)                 | same head: promises e+1    | as 4                                   | as 5, or 7: the copy is on disk |
 * | 7    | swap e -> {e+1, B}                |                            | the swap was made or not: A's own swap of the same e at its start tells | B finds itself in the map and takes |
 * | 8    | granted                           | promises, marks, serves    | B hears of it by the map               | as 7                        |
 * | 9    | held? yes: deletes its copy       | has a flushed commit of e+1 | asks again after its start            | A keeps its copy and asks again |
 *
 * The promise comes before the last delta: whatever at A might have missed that it stopped serving is refused by the
 * store from then on, so that nothing is acknowledged which the copy lacks.
 *
 * While A does not know how the swap ended it serves nothing: it tries a swap of its own from the same epoch, which
 * succeeds if the first did not happen, and otherwise tells that it did.
 */
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { Random } from '../ops/random.ts';
import type { Delta, ShardHead, ShardStore, Write } from '../persist/shard-store.ts';
import { decode, encode } from '../protocol/codec.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import {
  HANDOVER_DELTA_ROUNDS_MAX,
  HANDOVER_LAST_DELTA_WRITES,
  STORE_RANGE_MAX,
} from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import {
  ATTEMPT_BYTES,
  granted,
  handoverRequest,
  heldReply,
  noReply,
  paginate,
} from './handover-frames.ts';
import type { LearnerRequest } from './handover-frames.ts';
import type { Learner } from './learner.ts';
import type { MeshPort } from './mesh-port.ts';
import type { Ownership } from './ownership.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface HandoverPorts {
  readonly store: ShardStore;
  readonly mesh: MeshPort;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly ownership: Ownership;
  readonly learner: Learner;
  readonly random: Random;
  readonly log: Log;
}

/** One try to move one shard. */
interface Job {
  readonly shard: ShardId;
  readonly to: NodeId;
  readonly epoch: number;
  readonly attempt: Uint8Array;
}

export class Handover {
  readonly #ports: HandoverPorts;
  /** By shard: the newest commit that the learner has. */
  readonly #moving = new Map<ShardId, number>();

  /** Serves the mesh service `handover`. */
  constructor(ports: HandoverPorts) {
    this.#ports = ports;
    ports.mesh.serve('handover', {
      request: (from, payload, reply, fail) => {
        // What is installed outlives the frame it came in.
        this.#answer(from, Uint8Array.from(payload)).then(reply, (cause: unknown) =>
          fail(asFastChatError(cause)),
        );
      },
      tell: (_, payload) => {
        const { shard, assignment } = decode(granted, payload);
        ports.directory.adoptAssignment(shard, assignment);
      },
    });
  }

  /** Shards that are being handed over now. */
  get moving(): number {
    return this.#moving.size;
  }

  /** The commit after which the store must keep the shard's journal whole; undefined: none. */
  journalFloor(shard: ShardId): number | undefined {
    return this.#moving.get(shard);
  }

  /** Hands a shard over; false when it stays (and is served again, as soon as that is safe). Never rejects. */
  async move(shard: ShardId, to: NodeId): Promise<boolean> {
    const { ownership, random } = this.#ports;
    const epoch = ownership.servedEpoch(shard);
    if (epoch === undefined || this.#moving.has(shard)) return false;
    // Nothing of the journal may go before the first page is read.
    this.#moving.set(shard, 0);
    try {
      return await this.#moveNow({ shard, to, epoch, attempt: random.bytes(ATTEMPT_BYTES) });
    } catch (cause) {
      this.#ports.log.event('warn', 'part_failed', {
        part: 'handover',
        shard,
        ...errorFields(cause),
      });
      return false;
    } finally {
      this.#moving.delete(shard);
    }
  }

  async #moveNow(job: Job): Promise<boolean> {
    const head = await this.#copyWhileServing(job);
    try {
      await this.#ports.ownership.freeze(job.shard, job.epoch);
      // From here on the store itself refuses epoch e: whoever missed the stop can acknowledge nothing the copy lacks.
      await this.#ports.store.fence(job.shard, job.epoch + 1);
      await this.#finishCopy(job, head);
    } catch (cause) {
      await this.#ports.ownership.thaw(job.shard);
      throw cause;
    }
    await this.#swap(job);
    const now = this.#ports.directory.assignment(job.shard);
    if (now?.owner !== job.to) return false;
    const assignment = { ...now };
    this.#ports.mesh.tell(job.to, 'handover', encode(granted, { shard: job.shard, assignment }));
    return true;
  }

  /** Steps 1 and 2; returns up to where the learner has everything. */
  async #copyWhileServing(job: Job): Promise<ShardHead> {
    const { store, ownership } = this.#ports;
    const { shard, attempt, epoch } = job;
    let head = store.head(shard);
    this.#moving.set(shard, head.seq);
    try {
      await this.#ask(job, { type: 'begin', attempt, shard, epoch });
    } catch (cause) {
      // The learner promised a later epoch in a try that came to nothing: with the next epoch it can go on.
      if (asFastChatError(cause).code === 'E_MOVED') await ownership.settle(shard);
      throw cause;
    }
    let from: Uint8Array | undefined;
    do {
      const page = store.snapshotPage(shard, from, STORE_RANGE_MAX);
      await this.#install(job, page.writes, { before: head, after: head });
      // After every page, so that the journal has to reach back no further than one page takes.
      head = (await this.#catchUp(job, head)).head;
      from = page.next;
    } while (from !== undefined);
    for (let round = 0; round < HANDOVER_DELTA_ROUNDS_MAX; round += 1) {
      const delta = await this.#catchUp(job, head);
      head = delta.head;
      if (delta.writes.length <= HANDOVER_LAST_DELTA_WRITES) break;
    }
    return head;
  }

  /** Steps 5 and 6. */
  async #finishCopy(job: Job, copied: ShardHead): Promise<void> {
    const { shard, attempt, epoch } = job;
    const { head } = await this.#catchUp(job, copied);
    await this.#ask(job, { type: 'finish', attempt, shard, head, epoch: epoch + 1 });
  }

  /** Step 7, and whatever follows from how they end. */
  async #swap({ shard, to, epoch }: Job): Promise<void> {
    const { coordinator, directory, ownership, log } = this.#ports;
    try {
      const next = { epoch: epoch + 1, owner: to, replicas: [to] };
      const { current } = await coordinator.swap(shard, epoch, next);
      directory.adoptAssignment(shard, current);
    } catch (cause) {
      log.event('warn', 'coordinator_lost', { shard, ...errorFields(cause) });
    }
    await ownership.settle(shard);
  }

  async #catchUp(job: Job, head: ShardHead): Promise<Delta> {
    const delta = this.#ports.store.since(job.shard, head.seq);
    if (delta === undefined)
      throw new FastChatError('E_IO', `the journal of shard ${job.shard} is too short to follow`);
    const isNew = delta.head.seq !== head.seq || delta.head.epoch !== head.epoch;
    if (isNew) await this.#install(job, delta.writes, { before: head, after: delta.head });
    return delta;
  }

  /** Only with its last page is the copy called by the new head. */
  async #install(
    { shard, attempt, to }: Job,
    writes: readonly Write[],
    heads: { readonly before: ShardHead; readonly after: ShardHead },
  ): Promise<void> {
    const pages = paginate(writes);
    for (const [index, page] of pages.entries()) {
      const head = index === pages.length - 1 ? heads.after : heads.before;
      await this.#ask({ to }, { type: 'install', attempt, shard, head, writes: page });
    }
    this.#moving.set(shard, heads.after.seq);
  }

  async #ask({ to }: Pick<Job, 'to'>, request: LearnerRequest): Promise<void> {
    await this.#ports.mesh.requestAsync(to, 'handover', encode(handoverRequest, request));
  }

  async #answer(from: NodeId, payload: Uint8Array): Promise<Uint8Array> {
    const request = decode(handoverRequest, payload);
    if (request.type === 'held')
      return encode(heldReply, { held: await this.#isHeld(request.shard, request.epoch) });
    await this.#ports.learner.handle(from, request);
    return encode(noReply, {});
  }

  /** False also while the shard is handed over: then the only safe copy may soon be another one. */
  async #isHeld(shard: ShardId, epoch: number): Promise<boolean> {
    const { store, ownership } = this.#ports;
    const marked = store.head(shard).epoch;
    await store.flushed();
    const served = ownership.servedEpoch(shard);
    return served !== undefined && served >= epoch && marked >= epoch;
  }
}

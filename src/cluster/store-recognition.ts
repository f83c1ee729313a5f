/**
 * The node's side of recognising its store: says at the start, and again every minute, which store this is. A store that
 * was put back distrusts its copies before anything is answered from them: they are synced anew from the other replicas.
 * The order of writes makes every crash in between safe: a claim is on disk before it is made, copies are distrusted
 * before the claim to them is given up.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { Random } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import {
  COORDINATOR_RETRY_MS,
  STORE_TOKEN_BYTES,
  STORE_TOKEN_ROTATE_MS,
} from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import type { ShardDirectory } from './shard-map.ts';
import { storeClaim } from './store-tokens.ts';
import type { StoreClaim } from './store-tokens.ts';

export interface StoreRecognitionPorts {
  readonly self: NodeId;
  readonly store: Pick<ShardStore, 'putMeta' | 'getMeta' | 'distrustCopies'>;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const RECORD = 'store-claim';

export class StoreRecognition {
  readonly #ports: StoreRecognitionPorts;
  #claim: StoreClaim | undefined;
  #timer: Timer | undefined;
  #isTrusted = false;
  #isStopped = false;

  constructor(ports: StoreRecognitionPorts) {
    this.#ports = ports;
    const record = ports.store.getMeta(RECORD);
    this.#claim = record === undefined ? undefined : decode(storeClaim, record);
  }

  /** Whether the copies here may count and be served: the coordinator knows the store, or they were distrusted. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Resolves after the first answer or failure; goes on until stopped. */
  async start(): Promise<void> {
    let waitMs = STORE_TOKEN_ROTATE_MS;
    try {
      // What was said before may be on a copy of the disk: from now on it is no longer good.
      if (await this.#present(this.#claim ?? this.#newClaim(1, undefined))) await this.#rotate();
    } catch (cause) {
      waitMs = COORDINATOR_RETRY_MS;
      this.#ports.log.event('debug', 'coordinator_lost', errorFields(cause));
    }
    if (this.#isStopped) return;
    this.#timer = this.#ports.clock.after(waitMs, () => void this.start());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #rotate(): Promise<void> {
    const { count, next } = this.#claim ?? { count: 0, next: undefined };
    await this.#present(this.#newClaim(count + 1, next));
  }

  /** False: another process spoke for this store while this one runs. */
  async #present(claim: StoreClaim): Promise<boolean> {
    const { self, coordinator, log } = this.#ports;
    await this.#save(claim);
    const { isKnown, count } = await coordinator.recognise(self, claim);
    if (isKnown) {
      this.#isTrusted = true;
      return true;
    }
    log.event('error', 'store_put_back', { seen: count, held: claim.count });
    // A second process with the same keys: the next start finds out which is the copy.
    if (this.#isTrusted) return false;
    await this.#distrust();
    return await this.#present(this.#newClaim(count + 1, undefined));
  }

  async #distrust(): Promise<void> {
    const { store, coordinator, directory, self } = this.#ports;
    // By the map of now: the one that was put back with the store may say that nobody else has a copy.
    directory.adopt(await coordinator.view());
    const isElsewhere = (shard: ShardId): boolean =>
      directory.assignment(shard)?.replicas.some((node) => node !== self) ?? false;
    await store.distrustCopies(isElsewhere);
  }

  #newClaim(count: number, previous: Uint8Array | undefined): StoreClaim {
    return { count, previous, next: this.#ports.random.bytes(STORE_TOKEN_BYTES) };
  }

  async #save(claim: StoreClaim): Promise<void> {
    if (claim === this.#claim) return;
    await this.#ports.store.putMeta(RECORD, encode(storeClaim, claim));
    this.#claim = claim;
  }
}

/**
 * Keeps a node's picture of etcd as new as etcd lets it: reads everything, then follows a watch, with a read of
 * everything every COORDINATOR_POLL_MS behind it, because a watch may hang without a word (C4).
 */
import { every } from '../../ops/clock.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import { errorFields } from '../../ops/log.ts';
import type { Log } from '../../ops/log.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { COORDINATOR_POLL_MS, COORDINATOR_RETRY_MS } from '../../protocol/limits.ts';
import type { ClusterView } from '../members.ts';
import type { OnLive, OnView, Subscription } from '../view-listeners.ts';
import { follow, readRange } from './client.ts';
import type { EtcdGateway } from './gateway.ts';
import type { EtcdKeys } from './keys.ts';
import { EtcdLiveness } from './liveness.ts';
import type { EtcdMirror, KeyValue } from './mirror.ts';

export interface EtcdFollowerPorts {
  readonly gateway: EtcdGateway;
  readonly keys: EtcdKeys;
  readonly mirror: EtcdMirror;
  readonly clock: Clock;
  readonly log: Log;
  readonly onView: OnView;
  readonly onLive: OnLive;
  /** After everything that was read or heard. */
  readonly onNews: () => void;
}

export class EtcdFollower {
  readonly liveness: EtcdLiveness;
  readonly #ports: EtcdFollowerPorts;
  readonly #poll: Timer;
  #told: ClusterView | undefined;
  #watch: Subscription | undefined;
  /** What the present watch has brought, or the read before it. */
  #watchedRevision = 0;
  #retry: Timer | undefined;
  #isReached = true;
  #isClosed = false;

  constructor(ports: EtcdFollowerPorts) {
    this.#ports = ports;
    this.liveness = new EtcdLiveness(ports);
    this.#poll = every(ports.clock, COORDINATOR_POLL_MS, () => void this.#checkWatch());
    void this.#catchUp();
  }

  /** Everything as a majority of etcd has it now. @throws E_UNREACHABLE, E_TIMEOUT, E_CONFIG */
  async refresh(): Promise<ClusterView> {
    const { gateway, keys, mirror } = this.#ports;
    const knownBefore = mirror.version;
    const { revision, all } = await readRange(gateway, keys.under(''));
    return this.#learn(() => mirror.load(all, revision, knownBefore));
  }

  close(): void {
    this.#isClosed = true;
    this.#poll.cancel();
    this.#retry?.cancel();
    this.#watch?.cancel();
    this.liveness.stop();
  }

  /** Reads everything and follows from there; tries again until closed. */
  async #catchUp(): Promise<void> {
    this.#retry?.cancel();
    this.#watch?.cancel();
    this.#watch = undefined;
    try {
      await this.refresh();
      if (!this.#isClosed) this.#follow();
    } catch (cause) {
      this.#catchUpLater(cause);
    }
  }

  #follow(): void {
    const { gateway, keys, mirror } = this.#ports;
    this.#note(undefined);
    this.#watchedRevision = mirror.revision;
    const range = { ...keys.under(''), after: mirror.revision };
    this.#watch = follow(gateway, range, {
      onChanges: (changes, revision) => this.#onChanges(changes, revision),
      onEnd: () => this.#catchUpLater(),
    });
  }

  #catchUpLater(cause?: unknown): void {
    if (this.#isClosed) return;
    if (cause !== undefined) this.#note(cause);
    this.#retry?.cancel();
    this.#retry = this.#ports.clock.after(COORDINATOR_RETRY_MS, () => void this.#catchUp());
  }

  #onChanges(changes: readonly KeyValue[], revision: number): void {
    try {
      this.#watchedRevision = revision;
      this.#learn(() => this.#ports.mirror.apply(changes, revision));
    } catch (cause) {
      this.#watch?.cancel();
      this.#catchUpLater(cause);
    }
  }

  /** A watch that lags behind what was to be read an interval ago is a watch no more. */
  async #checkWatch(): Promise<void> {
    const { mirror } = this.#ports;
    const isBehind = this.#watchedRevision < mirror.newestChange;
    try {
      await this.refresh();
      this.#note(undefined);
    } catch (cause) {
      this.#note(cause);
    }
    if (isBehind && this.#watch !== undefined && !this.#isClosed) await this.#catchUp();
  }

  /** Takes something over from etcd and tells of what is new. */
  #learn(take: () => void): ClusterView {
    const { mirror, onView, onNews } = this.#ports;
    take();
    const { view } = mirror;
    if (view === undefined) throw new FastChatError('E_UNREACHABLE', 'etcd was not read yet');
    if (this.#isClosed) return view;
    if (view !== this.#told) {
      this.#told = view;
      onView(view);
    }
    onNews();
    if (!this.#isReached) this.liveness.spare();
    this.liveness.update(view.members, mirror.leases);
    return view;
  }

  /** A word when etcd falls silent, and one when it is back. */
  #note(cause: unknown): void {
    const isReached = cause === undefined;
    if (isReached === this.#isReached || this.#isClosed) return;
    this.#isReached = isReached;
    if (isReached) this.#ports.log.event('info', 'coordinator_found');
    else this.#ports.log.event('warn', 'coordinator_lost', errorFields(cause));
  }
}

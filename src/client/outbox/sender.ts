/**
 * Brings what is in the outbox to the recipients' nodes: asks for keys, seals, sends, and acts on the answers.
 * One lane per recipient, so that one who cannot be written to holds nobody else up.
 */
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { Address } from '../../protocol/ids.ts';
import { OUTBOX_WINDOW_MESSAGES } from '../../protocol/limits.ts';
import { retryDelayMs } from '../connection/backoff.ts';
import type { Session } from '../connection/establish.ts';
import type { EventHub } from '../events.ts';
import type { LocalStore, Transaction } from '../store/local-store.ts';
import type { DraftRecord } from '../store/records.ts';
import { Flow } from './flow.ts';
import type { Seal } from './lane.ts';
import type { Outbox } from './outbox.ts';
import { isPassing, refusalOf } from './refusals.ts';
import { Route } from './route.ts';
import type { TrustedSealing } from './sealing.ts';

/** What became of drafts, told while they leave the outbox. */
export interface Outcomes {
  /** A node has stored it at `seq` of the recipient's log; `tx` takes it out of the outbox. */
  readonly stored: (tx: Transaction, draft: DraftRecord, seal: Seal, seq: number) => void;
  readonly failed: (tx: Transaction, draft: DraftRecord, error: FastChatError) => void;
  /** It stays in the outbox, but only a person can make it go on. */
  readonly stuck: (draft: DraftRecord, error: FastChatError) => void;
}

export interface SenderPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly store: LocalStore;
  readonly outbox: Outbox;
  readonly outcomes: Outcomes;
  readonly session: () => Session | undefined;
  /** A node holds more of this device than this home has sealed: it must go on as another device. */
  readonly onOutdatedStore: () => void;
  readonly cachedSealing: (to: Address) => TrustedSealing | undefined;
  readonly fetchSealing: (to: Address, fresh: boolean) => Promise<TrustedSealing>;
}

const KEY_CHANGED = 'the identity key has changed: verify the fingerprint to go on';

export class Sender {
  readonly #ports: SenderPorts;
  readonly #routes = new Map<Address, Route>();
  readonly #flow = new Flow();
  #isResuming = false;
  /** Something waits for an answer to make room. */
  #isStarved = false;

  constructor(ports: SenderPorts) {
    this.#ports = ports;
  }

  /** Puts a draft into the outbox, sealed at once when nothing stands in the way; it leaves when `tx` is flushed. */
  submit(tx: Transaction, draft: DraftRecord): void {
    this.#ports.outbox.enqueue(tx, draft);
    const route = this.#routeTo(draft.to);
    if (this.#ports.session() !== undefined && route.sealing !== undefined) this.#seal(tx, route);
    tx.after(() => {
      if (route.distrust !== undefined) this.#ports.outcomes.stuck(draft, route.distrust);
      this.#pump(route);
    });
  }

  /** A session is there, or its link takes more again. */
  resume(): void {
    for (const to of this.#ports.outbox.recipients()) this.#pump(this.#routeTo(to));
  }

  /** A session is new: what held messages back on the old one may be over. */
  attached(): void {
    for (const route of this.#routes.values()) route.release();
    this.resume();
  }

  /** What was known of how to seal to this address holds no longer. */
  outdated(to: Address): void {
    const route = this.#routes.get(to);
    if (route !== undefined) route.sealing = undefined;
  }

  /** A person has accepted the user's keys. */
  accepted(to: Address): void {
    const route = this.#routeTo(to);
    route.release();
    route.sealing = undefined;
    this.#pump(route);
  }

  #routeTo(to: Address): Route {
    const known = this.#routes.get(to);
    if (known !== undefined) return known;
    const cached = this.#ports.cachedSealing(to);
    const sealing = cached?.trust === 'pinned' ? cached.sealing : undefined;
    const route = new Route(to, this.#ports.outbox.laneOf(to), sealing);
    this.#routes.set(to, route);
    return route;
  }

  /** Does for one recipient whatever can be done now. */
  #pump(route: Route): void {
    if (this.#ports.session() === undefined || !route.isOpen) return;
    const settlement = route.lane.settle();
    if (settlement?.isStale === true) route.wantFreshKeys();
    if (settlement?.isAhead === true && !this.#maySkip(route)) return;
    if (route.lane.isEmpty) return this.#forget(route);
    if (route.sealing === undefined) return this.#ports.events.background(this.#askKeys(route));
    if (route.lane.sealable().length > 0) this.#sealMore(route);
    this.#sendReady(route);
  }

  /** A node that never agrees on a counter must not keep us busy for ever. */
  #maySkip(route: Route): boolean {
    route.skips += 1;
    if (route.skips <= OUTBOX_WINDOW_MESSAGES) return true;
    const [oldest] = route.lane.ordinals();
    const error = new FastChatError('E_COUNTER', 'the node refuses every counter of this device');
    if (oldest !== undefined) this.#fail(route, [oldest], error);
    route.skips = 0;
    return false;
  }

  #forget(route: Route): void {
    // An answer may come for a way that is no longer in use.
    if (this.#routes.get(route.to) !== route) return;
    this.#routes.delete(route.to);
    this.#ports.outbox.forget(route.to);
  }

  async #askKeys(route: Route): Promise<void> {
    route.ask();
    const isFresh = route.isFreshWanted;
    try {
      const { sealing, trust } = await this.#ports.fetchSealing(route.to, isFresh);
      route.release();
      if (trust === 'changed')
        return this.#stick(route, new FastChatError('E_KEY_CHANGED', KEY_CHANGED));
      route.sealing = sealing;
      // Stale keys that stay the same would be tried again and again: not without a pause.
      if (isFresh && route.keepsFailing()) return this.#retryLater(route, undefined);
    } catch (cause) {
      route.release();
      return this.#keysFailed(route, asFastChatError(cause));
    }
    this.#pump(route);
  }

  #keysFailed(route: Route, error: FastChatError): void {
    if (isPassing(error)) return this.#retryLater(route, error.retryAfterMs);
    if (error.code !== 'E_SIGNATURE') return this.#fail(route, route.lane.ordinals(), error);
    // Keys that do not fit together are the server's doing: the messages wait for better ones.
    this.#stick(route, error);
    this.#retryLater(route, undefined);
  }

  #stick(route: Route, error: FastChatError): void {
    route.block(error);
    const { outbox, outcomes, store } = this.#ports;
    for (const ordinal of route.lane.ordinals())
      outcomes.stuck(outbox.draft(store, ordinal), error);
  }

  #sealMore(route: Route): void {
    const unsealed = route.lane.sealable().length;
    const done = this.#ports.store.transact((tx) => this.#seal(tx, route));
    // Nothing sealed: what is there belongs to an older life of the log and is answered first.
    if (route.lane.sealable().length === unsealed) return;
    this.#ports.events.background(done.then(() => this.#pump(route)));
  }

  #seal(tx: Transaction, route: Route): void {
    if (route.sealing === undefined || !route.isOpen) return;
    const error = this.#ports.outbox.seal(tx, route.to, route.sealing);
    const unsealed = error === undefined ? undefined : route.lane.sealable()[0];
    if (error !== undefined && unsealed !== undefined)
      tx.after(() => this.#fail(route, [unsealed], error));
  }

  #sendReady(route: Route): void {
    for (const { ordinal, seal } of route.lane.sendable()) {
      const session = this.#ports.session();
      if (session === undefined || !session.link.isWritable) return;
      if (!this.#flow.hasRoom(this.#ports.clock.mono())) return this.#starve();
      this.#send(session, route, { ordinal, seal });
    }
  }

  #send(session: Session, route: Route, item: { ordinal: number; seal: Seal }): void {
    route.lane.sent(item.ordinal);
    this.#flow.left();
    session.link.call('send', { envelope: item.seal.envelope }).then(
      ({ seq, last }) => {
        this.#answered(true);
        if (route.lane.isBehind(last)) this.#outdated(route, item.ordinal);
        else this.#stored(route, item.ordinal, seq);
      },
      (cause: unknown) => {
        this.#answered(false);
        this.#refused(route, item.ordinal, asFastChatError(cause));
      },
    );
  }

  #stored(route: Route, ordinal: number, seq: number): void {
    const { outbox, outcomes, store } = this.#ports;
    route.succeeded();
    const flushed = store.transact((tx) => {
      const done = outbox.stored(tx, route.to, ordinal);
      if (done !== undefined) outcomes.stored(tx, done.draft, done.seal, seq);
    });
    this.#ports.events.background(flushed);
    this.#pump(route);
  }

  /** The answer was about a message that this store has forgotten, not about this one. */
  #outdated(route: Route, ordinal: number): void {
    route.lane.refused(ordinal, 'unknown');
    this.#ports.onOutdatedStore();
  }

  #refused(route: Route, ordinal: number, error: FastChatError): void {
    const refusal = refusalOf(error);
    if (refusal === 'never') return this.#fail(route, [ordinal], error);
    route.lane.refused(ordinal, refusal);
    const { clock } = this.#ports;
    if (error.code === 'E_RATE_LIMITED') {
      this.#flow.slowDown(clock.mono(), error.retryAfterMs ?? this.#delayMs(route));
      this.#resumeLater();
    } else if (refusal === 'unknown' || refusal === 'later') {
      this.#retryLater(route, error.retryAfterMs);
    }
    this.#pump(route);
  }

  #fail(route: Route, ordinals: readonly number[], error: FastChatError): void {
    const { outbox, outcomes, store } = this.#ports;
    const done = store.transact((tx) => {
      for (const ordinal of ordinals)
        outcomes.failed(tx, outbox.drop(tx, route.to, ordinal), error);
    });
    this.#ports.events.background(done);
    this.#pump(route);
  }

  #delayMs(route: Route): number {
    return retryDelayMs(route.failures, this.#ports.random);
  }

  /** Without a session there is nothing to wait for: `attached` goes on. */
  #retryLater(route: Route, retryAfterMs: number | undefined): void {
    if (this.#ports.session() === undefined || route.isWaiting) return;
    const delayMs = Math.max(retryAfterMs ?? 0, this.#delayMs(route));
    route.failures += 1;
    const timer = this.#ports.clock.after(delayMs, () => {
      route.release();
      this.#pump(route);
    });
    route.wait(timer);
  }

  #starve(): void {
    if (this.#flow.pauseMs(this.#ports.clock.mono()) > 0) this.#resumeLater();
    else this.#isStarved = true;
  }

  #answered(isStored: boolean): void {
    this.#flow.answered(isStored);
    if (this.#isStarved) this.#resumeLater();
  }

  /** The flow is full or paused: the next answer, or the end of the pause, goes on with all. */
  #resumeLater(): void {
    const pauseMs = this.#flow.pauseMs(this.#ports.clock.mono());
    this.#isStarved = false;
    if (this.#isResuming) return;
    this.#isResuming = true;
    this.#ports.clock.after(pauseMs, () => {
      this.#isResuming = false;
      this.resume();
    });
  }
}

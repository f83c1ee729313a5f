/**
 * What waits for one recipient, in order; decides, does nothing. A lane goes back to its oldest unanswered message
 * after any refusal (go-back-N), because a node stores counters only in order.
 *
 * O1  Sealed messages are the front of the lane and carry contiguous counters after the newest stored one.
 * O2  Bytes that may have left keep their counter until the node said definitely that it has not stored them.
 * O3  After a refusal nothing leaves until every message on its way was answered, so no late copy can pass a new one.
 */
import { NO_PREVIOUS } from '../../crypto/opening/direct-message.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { invariant } from '../../protocol/errors.ts';
import type { DeviceId, Incarnation } from '../../protocol/ids.ts';
import { OUTBOX_WINDOW_MESSAGES } from '../../protocol/limits.ts';

/** The newest message of one device that a recipient's log holds. */
export interface LaneBase {
  readonly incarnation: Incarnation;
  readonly device: DeviceId;
  readonly counter: number;
  readonly hash: Uint8Array;
}

/** A message sealed under its counter. */
export interface Seal {
  readonly envelope: Envelope;
  /** What the next message names as its predecessor. */
  readonly hash: Uint8Array;
}

/** `saving`: its bytes are on their way to the disk. `flying`: sent, no answer yet. */
type Flight = 'resting' | 'saving' | 'flying';

interface LaneItem {
  readonly ordinal: number;
  seal: Seal | undefined;
  flight: Flight;
}

/**
 * Why a message was not stored. `unknown`: nobody can say whether it was. `later`: try the same again. `stale`: seal it
 * to newer keys. `counter`: not the next counter. `never`: it has failed and left the lane.
 */
export type Refusal = 'unknown' | 'later' | 'stale' | 'counter' | 'never';

/** What a lane needs before it goes on. */
export interface Settlement {
  /** The recipient's keys must be asked for again. */
  readonly isStale: boolean;
  /** The oldest message has the wrong counter although nothing is before it: the log holds more than this lane knew. */
  readonly isAhead: boolean;
}

export class Lane {
  #base: LaneBase | undefined;
  readonly #items: LaneItem[] = [];
  #sealed = 0;
  #flying = 0;
  #isSettling = false;
  /** Seals from this counter on are void. */
  #voidFrom = Infinity;
  #isStale = false;
  /** A counter that the log has given to something else; 0: none. */
  #takenCounter = 0;
  /** A node has stored one since this process began: our counters are not those of a store that was put back. */
  #isConfirmed = false;

  constructor(base: LaneBase | undefined) {
    this.#base = base;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** False between a refusal and the next `settle`. */
  get isSettled(): boolean {
    return !this.#isSettling;
  }

  get base(): LaneBase | undefined {
    return this.#base;
  }

  ordinals(): readonly number[] {
    return this.#items.map(({ ordinal }) => ordinal);
  }

  /** Adds a message at the end; `seal` when it was sealed before a restart. */
  add(ordinal: number, seal?: Seal): void {
    const isNext =
      seal !== undefined && this.#sealed === this.#items.length && this.#continues(seal);
    this.#items.push({ ordinal, seal: isNext ? seal : undefined, flight: 'resting' });
    if (!isNext) return;
    this.#sealed += 1;
    this.#base ??= { ...baseOf(seal), counter: 0, hash: NO_PREVIOUS };
  }

  /** Messages to seal now, in order: as many as the window has room for. */
  sealable(): readonly number[] {
    if (this.#isSettling) return [];
    // Until the first answer one message goes alone: its answer shows whether the counters fit (`isBehind`).
    const window = this.#isConfirmed ? OUTBOX_WINDOW_MESSAGES : 1;
    const items = this.#items.slice(this.#sealed, window);
    return items.map(({ ordinal }) => ordinal);
  }

  /**
   * Whether messages can be sealed for this life of the log by this device; starts the count anew when either changed
   * and nothing sealed is left of the old one.
   */
  rebase(incarnation: Incarnation, device: DeviceId): boolean {
    const base = this.#base;
    if (base?.incarnation === incarnation && base.device === device) return true;
    if (this.#sealed > 0) return false;
    this.#base = { incarnation, device, counter: 0, hash: NO_PREVIOUS };
    return true;
  }

  /** What the next message to be sealed has to say: its counter and its predecessor. */
  nextLink(): { readonly counter: number; readonly previous: Uint8Array } {
    const base = this.#base;
    const last = this.#items[this.#sealed - 1]?.seal;
    if (last !== undefined && last.envelope.counter > (base?.counter ?? 0))
      return { counter: last.envelope.counter + 1, previous: last.hash };
    invariant(base !== undefined, 'a lane has a base before it seals');
    return { counter: base.counter + 1, previous: base.hash };
  }

  /** The next unsealed message has this seal; it may leave after `saved`. */
  sealed(ordinal: number, seal: Seal): void {
    const item = this.#items[this.#sealed];
    invariant(item?.ordinal === ordinal, 'messages are sealed in order');
    item.seal = seal;
    item.flight = 'saving';
    this.#sealed += 1;
  }

  /** The seal is on the disk. */
  saved(ordinal: number): void {
    const item = this.#find(ordinal);
    if (item?.flight === 'saving') item.flight = 'resting';
  }

  /** Messages to send now, in order; stops at the first whose bytes are not on the disk. */
  sendable(): ReadonlyArray<{ readonly ordinal: number; readonly seal: Seal }> {
    if (this.#isSettling) return [];
    const ready: Array<{ ordinal: number; seal: Seal }> = [];
    for (const { ordinal, seal, flight } of this.#items.slice(0, this.#sealed)) {
      if (flight === 'saving' || seal === undefined) break;
      if (flight === 'resting') ready.push({ ordinal, seal });
    }
    return ready;
  }

  sent(ordinal: number): void {
    const item = this.#find(ordinal);
    invariant(item?.flight === 'resting', 'a message leaves once at a time');
    item.flight = 'flying';
    this.#flying += 1;
  }

  /** Whether the log holds more of this device than was ever sealed here: this store is older than it should be. */
  isBehind(last: number): boolean {
    const sealed = this.#items[this.#sealed - 1]?.seal?.envelope.counter ?? 0;
    return last > Math.max(sealed, this.#base?.counter ?? 0);
  }

  /** The log holds this message, which leaves the lane. Those before it wait for answers of their own. */
  stored(ordinal: number): Seal | undefined {
    const index = this.#items.findIndex((item) => item.ordinal === ordinal);
    const item = this.#items[index];
    if (item === undefined) return undefined;
    const { seal, flight } = item;
    invariant(seal !== undefined, 'what is stored was sealed');
    if (flight === 'flying') this.#flying -= 1;
    this.#remove(index);
    this.#isConfirmed = true;
    if (seal.envelope.counter > (this.#base?.counter ?? 0)) this.#base = baseOf(seal);
    return seal;
  }

  /** The message was not stored, or nobody knows. From `never` on it is no longer in the lane. */
  refused(ordinal: number, refusal: Refusal): void {
    const index = this.#items.findIndex((item) => item.ordinal === ordinal);
    const item = this.#items[index];
    if (item === undefined) return;
    if (item.flight === 'flying') this.#flying -= 1;
    item.flight = 'resting';
    this.#isSettling = true;
    const counter = item.seal?.envelope.counter ?? Infinity;
    if (refusal === 'stale') this.#isStale = true;
    const isVoid = refusal === 'stale' || refusal === 'never';
    if (isVoid || (refusal === 'counter' && this.#isWrong(counter)))
      this.#voidFrom = Math.min(this.#voidFrom, counter);
    if (refusal === 'never') this.#remove(index);
  }

  /** After a refusal, when nothing is on its way any more: drops void seals and lets the lane go on. */
  settle(): Settlement | undefined {
    if (!this.#isSettling || this.#flying > 0 || this.#isSaving()) return undefined;
    const base = this.#base;
    const isAhead = base !== undefined && base.counter + 1 === this.#takenCounter;
    const settlement = { isStale: this.#isStale, isAhead };
    // The log has a message of this device under the counter we meant to give: that counter is left out.
    if (isAhead) this.#base = { ...base, counter: this.#takenCounter };
    this.#unseal(this.#voidFrom);
    this.#voidFrom = Infinity;
    this.#takenCounter = 0;
    this.#isSettling = this.#isStale = false;
    return settlement;
  }

  /** Voids every seal: this home has a new device, whose counters begin anew. Nothing may be on its way. */
  unsealAll(): void {
    invariant(this.#flying === 0, 'nothing is on its way when the device changes');
    this.#unseal(0);
    this.#base = undefined;
  }

  #find(ordinal: number): LaneItem | undefined {
    return this.#items.find((item) => item.ordinal === ordinal);
  }

  #isSaving(): boolean {
    return this.#items.slice(0, this.#sealed).some(({ flight }) => flight === 'saving');
  }

  #continues({ envelope }: Seal): boolean {
    const last = this.#items.at(-1)?.seal?.envelope ?? this.#base;
    return (
      envelope.counter === (last?.counter ?? 0) + 1 &&
      (last === undefined ||
        (last.incarnation === envelope.incarnation && last.device === envelope.device))
    );
  }

  #remove(index: number): void {
    this.#items.splice(index, 1);
    if (index < this.#sealed) this.#sealed -= 1;
  }

  #unseal(fromCounter: number): void {
    for (const item of this.#items.slice(0, this.#sealed)) {
      if (item.seal === undefined || item.seal.envelope.counter < fromCounter) continue;
      item.seal = undefined;
      item.flight = 'resting';
      this.#sealed -= 1;
    }
  }

  /**
   * Whether a counter was refused for itself, not for want of what comes before it: the one right after the newest
   * stored message is taken, one that is not after it has been passed.
   */
  #isWrong(counter: number): boolean {
    const next = (this.#base?.counter ?? 0) + 1;
    if (counter === next) this.#takenCounter = counter;
    return counter <= next;
  }
}

function baseOf({ envelope, hash }: Seal): LaneBase {
  const { incarnation, device, counter } = envelope;
  return { incarnation, device, counter, hash };
}

/**
 * Who may connect to a gate before anybody knows who they are: so many in all, so many from one source. When all places
 * are taken, the source that holds most of them gives way, so that a crowd from a few addresses shuts nobody else out.
 */
import type { LinkLimits } from './link-limits.ts';

/** The place of one connection that is not authenticated yet. */
export interface AdmissionSlot {
  readonly source: string;
  /** Gives the place back: authenticated, or gone. Once is enough, more does nothing. */
  free(): void;
}

type AdmissionLimits = Pick<LinkLimits, 'unauthenticatedMax' | 'unauthenticatedPerSourceMax'>;

class Place implements AdmissionSlot {
  readonly source: string;
  /** Ends the connection. */
  readonly close: () => void;
  readonly #leave: (place: Place) => void;

  constructor(source: string, close: () => void, leave: (place: Place) => void) {
    this.source = source;
    this.close = close;
    this.#leave = leave;
  }

  free(): void {
    this.#leave(this);
  }
}

export class Admission {
  readonly #limits: AdmissionLimits;
  /** By source, from the oldest to the newest. */
  readonly #places = new Map<string, Set<Place>>();
  #total = 0;
  #refused = 0;
  #evicted = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Connections that hold a place. */
  get waiting(): number {
    return this.#total;
  }

  /** Connections that got none. */
  get refused(): number {
    return this.#refused;
  }

  /** Connections that lost theirs to somebody from elsewhere. */
  get evicted(): number {
    return this.#evicted;
  }

  /** A place for a connection from `address`, which `close` ends when others need it; undefined: close it now. */
  enter(address: string, close: () => void): AdmissionSlot | undefined {
    const source = sourceOf(address);
    const { unauthenticatedMax, unauthenticatedPerSourceMax } = this.#limits;
    const held = this.#places.get(source)?.size ?? 0;
    const mayEnter =
      held < unauthenticatedPerSourceMax &&
      (this.#total < unauthenticatedMax || this.#makeRoom(held));
    if (!mayEnter) {
      this.#refused += 1;
      return undefined;
    }
    const place = new Place(source, close, this.#leave);
    const places = this.#places.get(source) ?? new Set();
    this.#places.set(source, places.add(place));
    this.#total += 1;
    return place;
  }

  /** Ends the oldest connection of the source that holds most, if that is more than the newcomer's `held`. */
  #makeRoom(held: number): boolean {
    let most: ReadonlySet<Place> | undefined;
    for (const places of this.#places.values())
      if (places.size > (most?.size ?? held)) most = places;
    const [oldest] = most ?? [];
    if (oldest === undefined) return false;
    this.#evicted += 1;
    oldest.free();
    oldest.close();
    return true;
  }

  readonly #leave = (place: Place): void => {
    const places = this.#places.get(place.source);
    if (places?.delete(place) !== true) return;
    this.#total -= 1;
    if (places.size === 0) this.#places.delete(place.source);
  };
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
const PREFIX_GROUPS = 4;

/** What counts as one source: an IPv4 address; of IPv6 the /64, which is what one customer gets. */
export function sourceOf(address: string): string {
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [left = '', right] = (address.split('%')[0] ?? '').split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array<string>(Math.max(0, GROUPS - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, PREFIX_GROUPS);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

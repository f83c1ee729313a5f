/** Who may connect to a gate before anybody knows who they are: so many in all, so many from one source. */
import type { LinkLimits } from './link-limits.ts';

/** The place of one connection that is not authenticated yet. */
export interface AdmissionSlot {
  readonly source: string;
  /** Gives the place back: authenticated, or gone. Once is enough, more does nothing. */
  free(): void;
}

type AdmissionLimits = Pick<LinkLimits, 'unauthenticatedMax' | 'unauthenticatedPerSourceMax'>;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #perSource = new Map<string, number>();
  #total = 0;
  #refused = 0;

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

  /** A place for a connection from `address`; undefined when it has to be closed. */
  enter(address: string): AdmissionSlot | undefined {
    const source = sourceOf(address);
    const fromSource = this.#perSource.get(source) ?? 0;
    const { unauthenticatedMax, unauthenticatedPerSourceMax } = this.#limits;
    if (this.#total >= unauthenticatedMax || fromSource >= unauthenticatedPerSourceMax) {
      this.#refused += 1;
      return undefined;
    }
    this.#count(source, 1);
    let isHeld = true;
    const free = (): void => {
      if (isHeld) this.#count(source, -1);
      isHeld = false;
    };
    return { source, free };
  }

  #count(source: string, change: 1 | -1): void {
    const fromSource = (this.#perSource.get(source) ?? 0) + change;
    if (fromSource === 0) this.#perSource.delete(source);
    else this.#perSource.set(source, fromSource);
    this.#total += change;
  }
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

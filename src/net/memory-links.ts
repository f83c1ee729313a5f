/**
 * The twin of the TLS network: machines that dial each other in memory, on a Clock and a Random, and fail on request.
 * Bounds, refusals and order are those of the real one; with a virtual clock and a seed, every run repeats exactly.
 */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { FastChatError } from '../protocol/errors.ts';
import { Admission, sourceOf } from './admission.ts';
import type {
  ClientLinkEvents,
  DialledLink,
  DialTarget,
  GateOptions,
  LinkListener,
  LinkNetwork,
} from './client-link.ts';
import { DEFAULT_LINK_LIMITS } from './link-limits.ts';
import type { LinkLimits } from './link-limits.ts';
import { MemoryLink } from './memory-link.ts';

export interface MemoryLinksOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long anything travels, drawn uniformly; default [1, 1]. */
  readonly delayMs?: readonly [min: number, max: number];
  /** What a link carries; default: without limit. */
  readonly bytesPerMs?: number;
  readonly limits?: Partial<LinkLimits>;
}

const FIRST_FREE_PORT = 40_000;

export class MemoryLinks {
  readonly #options: MemoryLinksOptions;
  readonly #limits: LinkLimits;
  readonly #listeners = new Map<string, MemoryListener>();
  readonly #links = new Set<MemoryLink>();
  readonly #cuts = new Set<string>();
  readonly #paused = new Set<string>();
  #nextPort = FIRST_FREE_PORT;

  constructor(options: MemoryLinksOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LINK_LIMITS, ...options.limits };
  }

  /** The network as the machine `host` sees it: it listens there, showing `fingerprint`, and dials from there. */
  at(host: string, fingerprint: Uint8Array = new Uint8Array(32)): LinkNetwork {
    return {
      listen: (gate) => this.#listen({ ...gate, host }, fingerprint),
      dial: (target, events) => this.#dial(host, target, events),
    };
  }

  /** Cuts the links between two machines; new ones time out until `heal`. */
  partition(left: string, right: string): void {
    this.#cuts.add(pairName(left, right));
    for (const link of this.#links)
      if (this.#cuts.has(pairName(link.host, link.source))) link.cut('network error ETIMEDOUT');
  }

  /** Ends every partition. */
  heal(): void {
    this.#cuts.clear();
  }

  /** Ends a machine: its listeners are gone, its links see no event any more, the other sides lose theirs. */
  crash(host: string): void {
    for (const [name, listener] of this.#listeners)
      if (listener.host === host) this.#listeners.delete(name);
    for (const link of this.#links) if (link.host === host) link.vanish();
    this.#paused.delete(host);
  }

  /** The machine stops reading; what is sent to it stays pending. */
  pause(host: string): void {
    this.#paused.add(host);
  }

  resume(host: string): void {
    this.#paused.delete(host);
    for (const link of this.#links) if (link.host === host) link.readMore();
  }

  async #listen(gate: GateOptions, fingerprint: Uint8Array): Promise<LinkListener> {
    const port = gate.port === 0 ? this.#nextPort++ : gate.port;
    const name = `${gate.host}:${port}`;
    if (this.#listeners.has(name)) throw new FastChatError('E_CONFIG', `cannot listen on ${name}`);
    const listener = new MemoryListener(gate, port, {
      fingerprint,
      admission: new Admission(this.#limits),
      onStop: () => this.#listeners.delete(name),
    });
    this.#listeners.set(name, listener);
    return await Promise.resolve(listener);
  }

  async #dial(host: string, target: DialTarget, events: ClientLinkEvents): Promise<DialledLink> {
    const where = `${target.host}:${target.port}`;
    const unreachable = new FastChatError('E_UNREACHABLE', `cannot connect to ${where}`);
    if (this.#cuts.has(pairName(host, target.host))) {
      await this.#wait(this.#limits.handshakeTimeoutMs);
      throw new FastChatError('E_TIMEOUT', `${where} did not answer in time`);
    }
    await this.#wait(this.#delayMs());
    const listener = this.#listeners.get(where);
    const accepted = listener && this.#accept(host, listener);
    if (listener === undefined || accepted === undefined) throw unreachable;
    await this.#wait(this.#delayMs());
    const { link, greet } = accepted;
    if (target.fingerprint && !Buffer.from(target.fingerprint).equals(listener.fingerprint)) {
      link.destroy('another key');
      throw new FastChatError('E_KEY_CHANGED', `${where} shows another key than the pinned one`);
    }
    if (!this.#links.has(link)) throw unreachable;
    greet();
    // In a later event: whoever awaits this has the link in hand before its first frame.
    this.#options.clock.soon(() => link.attach(events));
    return { link, fingerprint: listener.fingerprint };
  }

  /** Both sides of a link to `listener`, if it has a place; `greet` tells the gate of it. */
  #accept(
    host: string,
    listener: MemoryListener,
  ): { readonly link: MemoryLink; readonly greet: () => void } | undefined {
    if (this.#cuts.has(pairName(host, listener.host))) return undefined;
    if (listener.links.size >= this.#limits.connections) return undefined;
    const slot = listener.admission.enter(host, () => accepted.destroy('others need its place'));
    if (slot === undefined) return undefined;
    const link = this.#link({ host, source: listener.host }, undefined, () => undefined);
    const free = (): void => slot.free();
    const accepted = this.#link({ host: listener.host, source: host }, free, () => {
      free();
      listener.links.delete(accepted);
    });
    MemoryLink.join(link, accepted);
    listener.links.add(accepted);
    return { link, greet: () => accepted.attach(listener.gate.onLink(accepted)) };
  }

  #link(
    place: { readonly host: string; readonly source: string },
    onTrust: (() => void) | undefined,
    onEnd: () => void,
  ): MemoryLink {
    const { clock, bytesPerMs = Infinity } = this.#options;
    const link = new MemoryLink({
      clock,
      limits: this.#limits,
      host: place.host,
      source: sourceOf(place.source),
      onTrust,
      travelMs: (bytes) => this.#delayMs() + bytes / bytesPerMs,
      isRunning: () => !this.#paused.has(place.host),
      onEnd: () => {
        this.#links.delete(link);
        onEnd();
      },
    });
    this.#links.add(link);
    return link;
  }

  #delayMs(): number {
    const [min, max] = this.#options.delayMs ?? [1, 1];
    return min + this.#options.random.fraction() * (max - min);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }
}

interface ListenerParts {
  readonly fingerprint: Uint8Array;
  readonly admission: Admission;
  readonly onStop: () => void;
}

class MemoryListener implements LinkListener {
  readonly gate: GateOptions;
  readonly port: number;
  readonly links = new Set<MemoryLink>();
  readonly #parts: ListenerParts;

  constructor(gate: GateOptions, port: number, parts: ListenerParts) {
    this.gate = gate;
    this.port = port;
    this.#parts = parts;
  }

  get host(): string {
    return this.gate.host;
  }

  get fingerprint(): Uint8Array {
    return this.#parts.fingerprint;
  }

  get admission(): Admission {
    return this.#parts.admission;
  }

  stopAccepting(): void {
    this.#parts.onStop();
  }

  close(): Promise<void> {
    this.stopAccepting();
    for (const link of this.links) link.destroy('the gate closes');
    return Promise.resolve();
  }
}

function pairName(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`;
}

/** What virtual users saw, and the verdict on it: acknowledged = displayed exactly once, in order. */
import { isGroup } from '../../src/protocol/ids.ts';
import type { Address, GroupId, UserId } from '../../src/protocol/ids.ts';

/** Ids of what a device has displayed, in order, by sender and recipient. */
export type Seen = ReadonlyMap<string, readonly string[]>;

export class EventLog {
  /** One line an event, in order; the same seed gives the same lines. */
  readonly lines: string[] = [];
  readonly #nowMs: () => number;
  readonly #sent = new Map<string, string[]>();
  readonly #acknowledged = new Set<string>();
  readonly #refused = new Map<string, string>();
  readonly #displayed = new Map<string, string[]>();
  readonly #orphans = new Set<string>();
  /** Under way when their device was put back. */
  readonly #adrift = new Set<string>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  sent(from: UserId, to: Address, id: string): void {
    this.#push(this.#sent, `${from}>${to}`, id);
    this.#line('sent', from, to, id);
  }

  acknowledged(from: UserId, to: Address, id: string): void {
    if (this.#acknowledged.has(id)) return;
    this.#acknowledged.add(id);
    this.#line('acknowledged', from, to, id);
  }

  refused(from: UserId, to: Address, id: string, code: string): void {
    this.#refused.set(id, code);
    this.#line('refused', from, to, `${id} ${code}`);
  }

  /** `from`: whom it came from, or the group. */
  displayed(at: UserId, from: Address, id: string): void {
    this.#push(this.#displayed, `${from}>${at}`, id);
    this.#line('displayed', from, at, id);
  }

  /** What `at` has seen so far, for `forget`. */
  seenBy(at: UserId): Seen {
    const own = [...this.#displayed].filter(([pair]) => pair.endsWith(`>${at}`));
    return new Map(own.map(([pair, ids]) => [pair, [...ids]]));
  }

  /**
   * The device's disk was put back: what it had seen then is what it has seen, and it may show the rest again. It goes on as
   * another device: what the former one had under way may still be stored, at any place among what the other one sends.
   */
  forget(at: UserId, seen: Seen): void {
    const sent = [...this.#sent].filter(([pair]) => pair.startsWith(`${at}>`));
    const open = sent.flatMap(([, ids]) => ids.filter((id) => !this.#acknowledged.has(id)));
    for (const id of open) this.#adrift.add(id);
    const own = [...this.#displayed.keys()].filter((pair) => pair.endsWith(`>${at}`));
    for (const pair of own) this.#displayed.set(pair, [...(seen.get(pair) ?? [])]);
  }

  /** The sender's process died: nobody will ever say how its open sends ended. */
  orphan(ids: Iterable<string>): void {
    for (const id of ids) this.#orphans.add(id);
  }

  warned(at: UserId, code: string): void {
    this.lines.push(`${this.#nowMs()} warning ${at} ${code}`);
  }

  /** How a change of a group ended, as its author was told. */
  told(what: string): void {
    this.lines.push(`${this.#nowMs()} told ${what}`);
  }

  fault(what: string): void {
    this.lines.push(`${this.#nowMs()} fault ${what}`);
  }

  get counts(): {
    readonly sent: number;
    readonly acknowledged: number;
    readonly displayed: number;
  } {
    const total = (map: ReadonlyMap<string, readonly string[]>): number =>
      [...map.values()].reduce((sum, ids) => sum + ids.length, 0);
    return {
      sent: total(this.#sent),
      acknowledged: this.#acknowledged.size,
      displayed: total(this.#displayed),
    };
  }

  /** Ids of what each user was shown of a group, in order. */
  displays(group: GroupId): ReadonlyArray<readonly [user: UserId, ids: readonly string[]]> {
    const prefix = `${group}>`;
    return [...this.#displayed]
      .filter(([pair]) => pair.startsWith(prefix))
      .map(([pair, ids]) => [pair.slice(prefix.length) as UserId, ids]);
  }

  /** Ids of what a group has taken, as far as the senders know. */
  acknowledgedTo(group: GroupId): readonly string[] {
    const sent = [...this.#sent].filter(([pair]) => pair.endsWith(`>${group}`));
    return sent.flatMap(([, ids]) => ids.filter((id) => this.#acknowledged.has(id)));
  }

  /** Violations that no later event can mend; what is in order in a group, its log decides. */
  safetyViolations(): string[] {
    return [...this.#displayed].flatMap(([pair, ids]) => [
      ...ids
        .filter((id, index) => ids.indexOf(id) !== index)
        .map((id) => `${pair}: ${id} was displayed twice`),
      ...(isGroupPair(pair) ? [] : this.#disorder(pair, ids)),
    ]);
  }

  /** After healing: everything that was acknowledged is displayed. */
  livenessViolations(): string[] {
    const direct = [...this.#sent].filter(([pair]) => !isGroupPair(pair));
    return direct.flatMap(([pair, ids]) => {
      const shown = new Set(this.#displayed.get(pair));
      return ids
        .filter((id) => this.#acknowledged.has(id) && !shown.has(id))
        .map((id) => `${pair}: ${id} was acknowledged and never displayed`);
    });
  }

  /** Messages whose sender never learnt how they ended. */
  unsettled(): string[] {
    return [...this.#sent.values()]
      .flat()
      .filter((id) => !this.#acknowledged.has(id) && !this.#refused.has(id))
      .filter((id) => !this.#orphans.has(id));
  }

  #disorder(pair: string, ids: readonly string[]): string[] {
    const order = new Map((this.#sent.get(pair) ?? []).map((id, index) => [id, index]));
    const ordered = ids.filter((id) => !this.#adrift.has(id));
    const places = ordered.map((id) => order.get(id) ?? -1);
    return places.flatMap((place, index) => {
      if (place < 0) return [`${pair}: ${ordered[index]} was displayed and never sent`];
      const before = places[index - 1];
      const isBehind = before !== undefined && place < before;
      return isBehind
        ? [`${pair}: ${ordered[index]} was displayed after ${ordered[index - 1]}`]
        : [];
    });
  }

  #push(map: Map<string, string[]>, key: string, value: string): void {
    const list = map.get(key);
    if (list === undefined) map.set(key, [value]);
    else list.push(value);
  }

  #line(what: string, from: Address, to: Address, id: string): void {
    this.lines.push(`${this.#nowMs()} ${what} ${from} ${to} ${id}`);
  }
}

function isGroupPair(pair: string): boolean {
  return pair.split('>').some((end) => isGroup(end as Address));
}

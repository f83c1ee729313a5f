/**
 * The verdict on a run, from what its clients saw, after everything was healed and came to rest:
 * what was acknowledged was displayed, once, in the sender's order; and no message was left without an answer.
 */
import { GroupOrders } from './group-orders.ts';
import type { JournalEvent } from './journal.ts';

export type ViolationKind =
  /** Acknowledged to the sender, never displayed to the recipient, or to some member of a group. */
  | 'lost'
  | 'twice'
  /** Displayed after a later message of the same sender in the same conversation. */
  | 'disorder'
  /** Two members of a group were shown two of its messages in different orders. */
  | 'two-orders'
  /** Neither acknowledged nor refused: the sender will never know. */
  | 'unanswered'
  /** The sender was told that it failed, and the recipient has it. */
  | 'refused-yet-displayed'
  | 'invented'
  /** A client told its user that cryptography, counters or the program itself are not as they must be. */
  | 'alarm';

export interface Violation {
  readonly kind: ViolationKind;
  readonly at: number;
  readonly text: string;
}

export interface Counts {
  readonly sent: number;
  readonly acknowledged: number;
  readonly displayed: number;
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly warned: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly counts: Counts;
  readonly violations: readonly Violation[];
}

/** What a client warns of when a server, the network or a bug has changed what it must not change. */
const ALARMS = new Set(['E_INTERNAL', 'E_KEY_CHANGED', 'E_DECRYPT', 'E_SIGNATURE', 'E_COUNTER']);

interface Fate {
  readonly conversation: string;
  readonly from: string;
  readonly to: string;
  /** Place among what its sender sent in the conversation. */
  readonly place: number;
  readonly sentAt: number;
  acknowledgedAt?: number;
  refused?: string;
  refusedAt?: number;
  /** Who was shown it. */
  readonly shownTo: Set<string>;
}

class Trial {
  readonly #fates = new Map<string, Fate>();
  /** Per conversation: how many were sent; per conversation and reader: the greatest place displayed. */
  readonly #sent = new Map<string, number>();
  readonly #shown = new Map<string, number>();
  readonly #groups = new Map<string, readonly string[]>();
  /** Per group: the order in which its messages were shown to each member. */
  readonly #orders = new GroupOrders();
  readonly #violations: Violation[] = [];
  readonly #warned: Record<string, number> = {};

  hear(event: JournalEvent): void {
    switch (event.is) {
      case 'sent':
        return this.#onSent(event);
      case 'acknowledged':
        return this.#onAcknowledged(event);
      case 'refused':
        return this.#onRefused(event);
      case 'displayed':
        return this.#onDisplayed(event);
      case 'warned':
        return this.#onWarned(event);
      case 'group':
        this.#groups.set(event.group, event.members);
        return undefined;
      case 'connected':
      case 'disconnected':
      case 'fault':
      case 'recovered':
        return undefined;
    }
  }

  verdict(): Verdict {
    for (const [id, fate] of this.#fates) this.#judge(id, fate);
    for (const text of this.#orders.contradictions()) this.#accuse('two-orders', 0, text);
    const fates = [...this.#fates.values()];
    const refused: Record<string, number> = {};
    for (const { refused: code } of fates)
      if (code !== undefined) refused[code] = (refused[code] ?? 0) + 1;
    return {
      counts: {
        sent: fates.length,
        acknowledged: fates.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
        displayed: fates.filter(({ shownTo }) => shownTo.size > 0).length,
        refused,
        warned: this.#warned,
      },
      violations: this.#violations.sort((left, right) => left.at - right.at),
    };
  }

  #judge(id: string, fate: Fate): void {
    const { conversation, sentAt, acknowledgedAt, refused, shownTo } = fate;
    const isAnswered = acknowledgedAt !== undefined || refused !== undefined;
    const missing = this.#readersOf(fate).filter((reader) => !shownTo.has(reader));
    if (acknowledgedAt !== undefined && missing.length > 0) {
      const text = `${conversation}: ${id} was acknowledged, not shown to ${missing.join(', ')}`;
      this.#accuse('lost', acknowledgedAt, text);
    }
    if (!isAnswered) this.#accuse('unanswered', sentAt, `${conversation}: ${id} has no answer`);
    if (refused !== undefined && acknowledgedAt === undefined && shownTo.size > 0)
      this.#accuse(
        'refused-yet-displayed',
        fate.refusedAt ?? sentAt,
        `${conversation}: ${id} was refused with ${refused} and shown`,
      );
  }

  #onSent({ at, from, to, id }: JournalEvent & { is: 'sent' }): void {
    const conversation = `${from}>${to}`;
    const place = (this.#sent.get(conversation) ?? 0) + 1;
    this.#sent.set(conversation, place);
    this.#fates.set(id, { conversation, from, to, place, sentAt: at, shownTo: new Set() });
  }

  #onAcknowledged({ at, id }: JournalEvent & { is: 'acknowledged' }): void {
    const fate = this.#fates.get(id);
    if (fate === undefined) return this.#accuse('invented', at, `${id} acknowledged, never sent`);
    fate.acknowledgedAt ??= at;
  }

  #onRefused({ at, id, code }: JournalEvent & { is: 'refused' }): void {
    const fate = this.#fates.get(id);
    if (fate === undefined) return this.#accuse('invented', at, `${id} refused, never sent`);
    fate.refused = code;
    fate.refusedAt = at;
  }

  #onDisplayed({ at, from, to, by, id }: JournalEvent & { is: 'displayed' }): void {
    const fate = this.#fates.get(id);
    const isMeant = fate?.conversation === `${from}>${to}` && this.#readersOf(fate).includes(by);
    if (fate === undefined || !isMeant)
      return this.#accuse('invented', at, `${from}>${to}: ${id} shown to ${by}, never sent so`);
    const { conversation, place, shownTo } = fate;
    if (shownTo.has(by)) return this.#accuse('twice', at, `${conversation}: ${id} again to ${by}`);
    shownTo.add(by);
    const stream = `${conversation}>${by}`;
    const newest = this.#shown.get(stream) ?? 0;
    if (place < newest)
      this.#accuse('disorder', at, `${conversation}: ${id} after number ${newest} to ${by}`);
    this.#shown.set(stream, Math.max(newest, place));
    if (this.#groups.has(to)) this.#orders.shown(to, by, id);
  }

  #readersOf({ from, to }: Fate): readonly string[] {
    return (this.#groups.get(to) ?? [to]).filter((reader) => reader !== from || to === from);
  }

  #onWarned({ at, by, code }: JournalEvent & { is: 'warned' }): void {
    this.#warned[code] = (this.#warned[code] ?? 0) + 1;
    if (ALARMS.has(code)) this.#accuse('alarm', at, `${by} was warned of ${code}`);
  }

  #accuse(kind: ViolationKind, at: number, text: string): void {
    this.#violations.push({ kind, at, text });
  }
}

/** Judges the events of one run, given by time; the run is over and at rest. */
export function judge(events: readonly JournalEvent[]): Verdict {
  const trial = new Trial();
  // A display may be written before the send it belongs to: two files, one millisecond.
  const inOrder = [...events].sort((left, right) => rank(left) - rank(right));
  for (const event of inOrder) trial.hear(event);
  return trial.verdict();
}

/** Sends first: the order among them is the order they were asked for in, whoever answered meanwhile. */
function rank({ is }: JournalEvent): number {
  return is === 'sent' || is === 'group' ? 0 : 1;
}

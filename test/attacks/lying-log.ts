/**
 * What a node that owns the cluster's keys can do to a group's log on its way to one client: a hostile gate shows the
 * same changed log in pushes and in pulls, so that it does not give itself away by contradictions.
 */
import { readOperation } from '../../src/crypto/group-operations.ts';
import type { VerifyingSuite } from '../../src/crypto/suite.ts';
import { clientCalls, push } from '../../src/protocol/client-calls.ts';
import type { GroupEntry, PlacedOperation } from '../../src/protocol/group-log.ts';
import type { GroupId } from '../../src/protocol/ids.ts';
import type { HostileGate, Item } from './hostile-gate.ts';

type Message = Extract<GroupEntry, { type: 'message' }>;
type Operation = Extract<GroupEntry, { type: 'operation' }>;
/** What an entry becomes; undefined: it is not shown. */
type Lie = (entry: GroupEntry) => GroupEntry | undefined;

const ENTRIES_PUSH = 16;
const { groupPull, groupChain } = clientCalls.calls;

export class LyingLog {
  readonly #group: GroupId;
  readonly #suite: VerifyingSuite;
  /** By place in the log: what is shown there instead. */
  readonly #lies = new Map<number, Lie>();
  #next: { readonly fits: (entry: GroupEntry) => boolean; readonly lie: Lie } | undefined;
  /** Entries of the group as they came from the node. */
  readonly seen: GroupEntry[] = [];

  /** Changes the log of one group at one gate from now on; the rest passes as it is. */
  constructor(gate: HostileGate, suite: VerifyingSuite, group: GroupId) {
    this.#group = group;
    this.#suite = suite;
    gate.tamper = (item, call) => this.tamper(item, call);
  }

  /** The next message of the group is shown as something else. */
  insteadOfMessage(lie: (entry: Message) => GroupEntry | undefined): void {
    this.#next = {
      fits: ({ type }) => type === 'message',
      lie: (entry) => (entry.type === 'message' ? lie(entry) : entry),
    };
  }

  /** The same for the next operation. */
  insteadOfOperation(lie: (entry: Operation) => GroupEntry | undefined): void {
    this.#next = {
      fits: ({ type }) => type === 'operation',
      lie: (entry) => (entry.type === 'operation' ? lie(entry) : entry),
    };
  }

  /** A certain place of the log is shown as something else. */
  at(seq: number, lie: Lie): void {
    this.#lies.set(seq, lie);
  }

  /** Tells the truth again: whoever asks gets the log as it is. */
  repent(): void {
    this.#lies.clear();
    this.#next = undefined;
  }

  tamper(item: Item, call: string | undefined): Item {
    if (item[0] === ENTRIES_PUSH) {
      const told = push.parse(item);
      if (told.type !== 'groupEntries' || told.group !== this.#group) return item;
      return push.pack({ ...told, entries: this.#shown(told.entries) }) as Item;
    }
    if (call === 'groupPull') {
      const told = groupPull.reply.parseFrom(item, 2);
      return answer(item, groupPull, { ...told, entries: this.#shown(told.entries) });
    }
    if (call !== 'groupChain') return item;
    const told = groupChain.reply.parseFrom(item, 2);
    return answer(item, groupChain, { ...told, operations: this.#chain(told.operations) });
  }

  #shown(entries: readonly GroupEntry[]): GroupEntry[] {
    return entries.flatMap((entry) => {
      if (this.#groupOf(entry) !== this.#group) return [entry];
      if (!this.seen.some(({ seq }) => seq === entry.seq)) this.seen.push(entry);
      const shown = this.#lieFor(entry)(entry);
      return shown === undefined ? [] : [shown];
    });
  }

  #chain(operations: readonly PlacedOperation[]): PlacedOperation[] {
    return this.#shown(operations.map((placed) => ({ type: 'operation', ...placed }))).flatMap(
      (entry) => (entry.type === 'operation' ? [entry] : []),
    );
  }

  #lieFor(entry: GroupEntry): Lie {
    const told = this.#lies.get(entry.seq);
    if (told !== undefined) return told;
    if (this.#next?.fits(entry) !== true) return (same) => same;
    const { lie } = this.#next;
    this.#lies.set(entry.seq, lie);
    this.#next = undefined;
    return lie;
  }

  #groupOf(entry: GroupEntry): string {
    return entry.type === 'message'
      ? entry.envelope.to
      : readOperation(this.#suite, entry.signed).group;
  }
}

interface Packable<T> {
  readonly reply: { packInto(fields: unknown[], value: T): unknown[] };
}

/** The answer to the same call with another content. */
export function answer<T>(item: Item, { reply }: Packable<T>, value: T): Item {
  return [0, item[1], ...reply.packInto([], value)];
}

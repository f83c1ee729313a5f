/**
 * The journal of a fault run: what clients saw and what was done to the cluster, one JSON object a line, each with the
 * machine's monotonic time, which all processes share. The verdict is read off this and nothing else.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

interface OfMessage {
  readonly from: string;
  readonly to: string;
  /** Unique within the run. */
  readonly id: string;
}

export type JournalEvent = { readonly at: number } & (
  | ({ readonly is: 'sent' } & OfMessage)
  | ({ readonly is: 'acknowledged' } & OfMessage)
  /** The client gave the message up and told its user so. */
  | ({ readonly is: 'refused'; readonly code: string } & OfMessage)
  /** `by`: whom it was shown to. */
  | ({ readonly is: 'displayed'; readonly by: string } & OfMessage)
  | { readonly is: 'group'; readonly group: string; readonly members: readonly string[] }
  | { readonly is: 'connected'; readonly by: string; readonly node: string }
  | { readonly is: 'disconnected'; readonly by: string }
  | { readonly is: 'warned'; readonly by: string; readonly code: string }
  | Fault
  /** The last fault is over and everything asked for since has been answered. */
  | { readonly is: 'recovered'; readonly what: string }
);

export interface Fault {
  readonly is: 'fault';
  readonly what: string;
  /** Nodes that were hurt. */
  readonly nodes: readonly string[];
  /** Users and groups whose shard those nodes owned at that moment. */
  readonly users: readonly string[];
}

export type NewEvent = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, 'at'>
    : never
  : never;

const NS_PER_MS = 1e6;
/** Lines kept back until so many bytes are worth a write; a crash of the journal's writer ends the run anyway. */
const BUFFER_BYTES = 32_768;

/** Milliseconds of CLOCK_MONOTONIC: the same clock in every process of this machine. */
export function monoMs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}

/** Appends events to a file. */
export class JournalWriter {
  readonly #file: number;
  #held = '';

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(event: NewEvent): void {
    this.#held += `${JSON.stringify({ at: Math.round(monoMs() * 10) / 10, ...event })}\n`;
    if (this.#held.length >= BUFFER_BYTES) this.flush();
  }

  flush(): void {
    writeSync(this.#file, this.#held);
    this.#held = '';
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}

/** All events of several journals of one run, by time. */
export function readJournals(paths: readonly string[]): readonly JournalEvent[] {
  const events = paths.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JournalEvent),
  );
  return events.sort((left, right) => left.at - right.at);
}

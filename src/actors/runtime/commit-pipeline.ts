/**
 * Brings the commits of one actor to the store one after the other. Those of one turn go together as one, and while one is
 * under way, those that come meanwhile wait and go together as the next one: a busy actor costs few commits, and no commit
 * is begun before the fate of those before it is known. So a refused one (store full) can never be followed by a flushed
 * one that builds on it.
 */
import { asFastChatError } from '../../protocol/errors.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import { ACTOR_COMMIT_BATCH_BYTES } from '../../protocol/limits.ts';
import type { ActorStore, ActorWrite } from '../ports.ts';

interface WaitingCommit<Write> {
  readonly id: number;
  readonly writes: readonly Write[];
}

/** What the pipeline has to know of the logical writes of one kind of actor. */
export interface WriteKind<Write> {
  /** The physical writes, in order. */
  encode(writes: Iterable<Write>): readonly ActorWrite[];
  /**
   * The record that a write changes: of two writes with one name the later one holds. Undefined for a record that is
   * written only once, such as an entry of a log.
   */
  nameOf(write: Write): string | undefined;
  /** About how many bytes a write takes in a commit. */
  bytesOf(write: Write): number;
  /** One write in the place of two of the same name; the later one when this is missing. */
  join?(earlier: Write, later: Write): Write;
}

export interface PipelineOptions<Write> {
  readonly store: ActorStore;
  readonly kind: WriteKind<Write>;
  /** Every commit up to `id` is flushed. */
  onCommitted(id: number): void;
  /** A commit was refused; the pipeline begins no other one. */
  onFailed(error: FastChatError): void;
}

export class CommitPipeline<Write> {
  readonly #options: PipelineOptions<Write>;
  #waiting: WaitingCommit<Write>[] = [];
  #isUnderWay = false;
  #isEnded = false;

  constructor(options: PipelineOptions<Write>) {
    this.#options = options;
  }

  /** Takes a commit for the next `send`. */
  begin(commit: WaitingCommit<Write>): void {
    if (!this.#isEnded) this.#waiting.push(commit);
  }

  /** Brings what was begun to the store, unless a commit is under way: then it follows by itself. */
  send(): void {
    if (!this.#isUnderWay && this.#waiting.length > 0) this.#start();
  }

  /** Begins nothing more and reports nothing more. */
  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
  }

  #start(): void {
    const { store, kind } = this.#options;
    const { lastId, writes } = this.#takeBatch();
    this.#isUnderWay = true;
    store.commit(kind.encode(writes)).then(
      () => this.#committed(lastId),
      (cause) => this.#failed(asFastChatError(cause)),
    );
  }

  /** Waiting commits as far as they fit one batch, at least one; of a record written twice only the last value. */
  #takeBatch(): { readonly lastId: number; readonly writes: Iterable<Write> } {
    const [only, second] = this.#waiting;
    // The usual case of an actor that is not busy, without the cost of looking for records written twice.
    if (only !== undefined && second === undefined) {
      this.#waiting = [];
      return { lastId: only.id, writes: only.writes };
    }
    return this.#joinCommits();
  }

  #joinCommits(): { readonly lastId: number; readonly writes: Iterable<Write> } {
    const { kind } = this.#options;
    const once: Write[] = [];
    const latest = new Map<string, Write>();
    let count = 0;
    let batchBytes = 0;
    let lastId = 0;
    for (const commit of this.#waiting) {
      for (const write of commit.writes) batchBytes += kind.bytesOf(write);
      if (count > 0 && batchBytes > ACTOR_COMMIT_BATCH_BYTES) break;
      for (const write of commit.writes) {
        const name = kind.nameOf(write);
        if (name === undefined) once.push(write);
        else latest.set(name, joined(latest.get(name), write, kind));
      }
      lastId = commit.id;
      count += 1;
    }
    this.#waiting = this.#waiting.slice(count);
    for (const write of latest.values()) once.push(write);
    return { lastId, writes: once };
  }

  #committed(id: number): void {
    this.#isUnderWay = false;
    if (this.#isEnded) return;
    this.send();
    this.#options.onCommitted(id);
  }

  #failed(error: FastChatError): void {
    this.#isUnderWay = false;
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onFailed(error);
  }
}

function joined<Write>(before: Write | undefined, write: Write, kind: WriteKind<Write>): Write {
  return (before === undefined ? undefined : kind.join?.(before, write)) ?? write;
}

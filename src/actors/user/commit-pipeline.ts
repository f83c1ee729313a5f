/**
 * Brings the commits of one user to the store one after the other. Those of one turn go together as one, and while one is
 * under way, those that come meanwhile wait and go together as the next one: a busy mailbox costs few commits, and no commit is begun before the fate of those
 * before it is known. So a refused one (store full) can never be followed by a flushed one that builds on it.
 */
import { asFastChatError } from '../../protocol/errors.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { USER_COMMIT_BATCH_BYTES } from '../../protocol/limits.ts';
import type { ActorStore, RecordCodec } from '../ports.ts';
import { encodeWrites, estimateBytes, recordName } from './encode-writes.ts';
import type { UserWrite } from './records.ts';

interface WaitingCommit {
  readonly id: number;
  readonly writes: readonly UserWrite[];
}

export interface PipelineOptions {
  readonly user: UserId;
  readonly store: ActorStore;
  readonly codec: RecordCodec;
  /** Every commit up to `id` is flushed. */
  onCommitted(id: number): void;
  /** A commit was refused; the pipeline begins no other one. */
  onFailed(error: FastChatError): void;
}

export class CommitPipeline {
  readonly #options: PipelineOptions;
  #waiting: WaitingCommit[] = [];
  #isUnderWay = false;
  #isEnded = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Takes a commit for the next `send`. */
  begin(commit: WaitingCommit): void {
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
    const { user, store, codec } = this.#options;
    const { lastId, writes } = this.#takeBatch();
    this.#isUnderWay = true;
    store.commit(encodeWrites(user, writes, codec)).then(
      () => this.#committed(lastId),
      (cause) => this.#failed(asFastChatError(cause)),
    );
  }

  /** Waiting commits as far as they fit one batch, at least one; of a record written twice only the last value. */
  #takeBatch(): { readonly lastId: number; readonly writes: Iterable<UserWrite> } {
    const [only, second] = this.#waiting;
    // The usual case of a mailbox that is not busy, without the cost of looking for records written twice.
    if (only !== undefined && second === undefined) {
      this.#waiting = [];
      return { lastId: only.id, writes: only.writes };
    }
    return this.#joinCommits();
  }

  #joinCommits(): { readonly lastId: number; readonly writes: Iterable<UserWrite> } {
    const writes = new Map<string, UserWrite>();
    let count = 0;
    let batchBytes = 0;
    let lastId = 0;
    for (const commit of this.#waiting) {
      for (const write of commit.writes) batchBytes += estimateBytes(write);
      if (count > 0 && batchBytes > USER_COMMIT_BATCH_BYTES) break;
      for (const write of commit.writes) putLast(writes, write);
      lastId = commit.id;
      count += 1;
    }
    this.#waiting = this.#waiting.slice(count);
    return { lastId, writes: writes.values() };
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

/** Of two vaults in one batch, the later one removes what either of them would have. */
function putLast(writes: Map<string, UserWrite>, write: UserWrite): void {
  const name = recordName(write);
  const before = writes.get(name);
  if (write.type === 'vault' && before?.type === 'vault')
    writes.set(name, { ...write, oldBytes: Math.max(write.oldBytes, before.oldBytes) });
  else writes.set(name, write);
}

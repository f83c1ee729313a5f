/** What a host gives each of its actors' cells. */
import type { Clock } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import type { CrashBook } from './crash-book.ts';
import type { MakeTurnRunner } from './turns.ts';

/** What the cells of one host share. */
export interface CellSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly makeRunner: MakeTurnRunner;
  readonly crashes: CrashBook;
  readonly counts: {
    activations: number;
    passivations: number;
    crashes: number;
    deadLetters: number;
    mailboxDepth: number;
  };
  /** The cell has ended and must be found no longer. */
  forget(cell: { readonly id: string }): void;
}

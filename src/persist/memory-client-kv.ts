/** The simulated twin of the client's store: the same code over a MemoryDisk, which outlives simulated crashes. */
import type { Clock } from '../ops/clock.ts';
import type { ClientKv } from './client-kv.ts';
import type { OnFailure } from './environment.ts';
import { createClientKv } from './environment-client-kv.ts';
import { createMemoryEnvironment } from './memory-disk.ts';
import type { MemoryDisk } from './memory-disk.ts';

export interface MemoryClientKvOptions {
  readonly clock: Clock;
  readonly disk: MemoryDisk;
  readonly flushDelayMs: () => number;
  readonly onFailure?: OnFailure;
  /** A planted bug, for the simulator's own tests: says "flushed" before the disk has it. */
  readonly resolveBeforeFlush?: boolean;
}

/** Opens a store on what `disk` holds. After `disk.crash()` it is dead; open another one on the same disk. */
export function createMemoryClientKv(options: MemoryClientKvOptions): ClientKv {
  const { onFailure = ignore } = options;
  return createClientKv(createMemoryEnvironment({ ...options, onFailure }));
}

function ignore(): void {}

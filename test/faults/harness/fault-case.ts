/** A named way to hurt a cluster. */
import type { World, WorldOptions } from './world.ts';

export type Need = 'root' | 'faketime' | 'etcd' | 'replicas';

export interface FaultCase {
  readonly name: string;
  readonly summary: string;
  /** Numbers of the list in docs/FAULTS.md. */
  readonly covers: readonly number[];
  readonly needs?: readonly Need[];
  readonly world?: Partial<WorldOptions>;
  /** How often it is done when nobody says; default 1. */
  readonly rounds?: number;
  /**
   * Hurts the cluster, once per round, while people write. Says `world.fault` right before each fault. What is still
   * broken when it returns is repaired by the harness.
   */
  inject(world: World, round: number): Promise<void>;
  /** Looks at what only this case is about; answers what is wrong. */
  verify?(world: World): Promise<readonly string[]>;
  /** With replicas, and a coordinator that goes on: conversations that were hurt stand still for at most so long. */
  readonly stallP99MaxMs?: number;
}

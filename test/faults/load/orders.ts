/** What the harness asks of its load process, over the channel between parent and child. */
import type { CrowdPlan, CrowdState } from './crowd.ts';

export interface Orders {
  gather(plan: CrowdPlan): Promise<void>;
  start(perSecond: number): void;
  stop(): void;
  recovered(limitMs: number): Promise<boolean>;
  settled(limitMs: number): Promise<boolean>;
  /** Everything heard so far is in the journal. */
  flush(): void;
  state(): CrowdState;
  disperse(): Promise<void>;
}

export type OrderName = keyof Orders;

export interface Order {
  readonly id: number;
  readonly name: OrderName;
  readonly argument: unknown;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

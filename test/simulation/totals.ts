/** What many seeds came to, in a line. */
import type { SeedReport } from './seed-task.ts';

const SHOWN_VIOLATIONS = 5;

export class Totals {
  readonly #counts = { sent: 0, acknowledged: 0, displayed: 0 };
  readonly #faults = new Map<string, number>();
  readonly #failed: number[] = [];
  #seeds = 0;

  get seeds(): number {
    return this.#seeds;
  }

  /** Seeds with violations, in their order. */
  get failed(): readonly number[] {
    return this.#failed.toSorted((left, right) => left - right);
  }

  add({ task, violations, counts, faults }: SeedReport): void {
    this.#seeds += 1;
    for (const key of ['sent', 'acknowledged', 'displayed'] as const)
      this.#counts[key] += counts[key];
    for (const [kind, count] of Object.entries(faults))
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
    if (violations.length > 0) this.#failed.push(task.seed);
  }

  get line(): string {
    const { sent, acknowledged, displayed } = this.#counts;
    const kinds = [...this.#faults].map(([kind, count]) => `${kind} ${count}`).toSorted();
    const failed =
      this.#failed.length === 0 ? '0' : `${this.#failed.length} (${this.failed.join(' ')})`;
    return (
      `${this.#seeds} seeds, ${failed} with violations; ${sent} messages sent, ${acknowledged} acknowledged, ` +
      `${displayed} displayed; faults: ${kinds.join(', ')}`
    );
  }
}

export function violationLines({ task, violations }: SeedReport): string {
  const shown = violations.slice(0, SHOWN_VIOLATIONS).map((violation) => `  ${violation}`);
  return [`seed ${task.seed}: ${violations.length} violations`, ...shown].join('\n');
}

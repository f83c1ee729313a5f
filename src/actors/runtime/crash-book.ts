/** Which actors crashed lately: one that crashes too often rests for a window instead of spinning. */
import { ACTOR_CRASHES_MAX, ACTOR_CRASH_WINDOW_MS } from '../../protocol/limits.ts';

interface CrashRecord {
  /** Moments of the crashes within the window, oldest first. */
  crashedAtMs: number[];
  restUntilMs: number;
}

/** Times are on the monotonic clock. Holds only actors that crashed within the last two windows (`prune`). */
export class CrashBook {
  readonly #records = new Map<string, CrashRecord>();

  /** Notes a crash; answers how long the actor rests now, 0 when it may be activated at once. */
  note(id: string, nowMs: number): number {
    const record = this.#records.get(id) ?? { crashedAtMs: [], restUntilMs: 0 };
    this.#records.set(id, record);
    record.crashedAtMs = record.crashedAtMs.filter((at) => nowMs - at < ACTOR_CRASH_WINDOW_MS);
    record.crashedAtMs.push(nowMs);
    if (record.crashedAtMs.length < ACTOR_CRASHES_MAX) return 0;
    record.crashedAtMs = [];
    record.restUntilMs = nowMs + ACTOR_CRASH_WINDOW_MS;
    return ACTOR_CRASH_WINDOW_MS;
  }

  /** How much longer the actor rests, in milliseconds; 0: not at all. */
  restMs(id: string, nowMs: number): number {
    const record = this.#records.size === 0 ? undefined : this.#records.get(id);
    return record === undefined ? 0 : Math.max(0, record.restUntilMs - nowMs);
  }

  /** Forgets what no longer matters. */
  prune(nowMs: number): void {
    for (const [id, record] of this.#records) {
      const lastCrashMs = record.crashedAtMs.at(-1) ?? -Infinity;
      if (record.restUntilMs <= nowMs && nowMs - lastCrashMs >= ACTOR_CRASH_WINDOW_MS)
        this.#records.delete(id);
    }
  }
}

/** What differs between hosts: when an actor gets to run. */

/** Gives one life of one actor its turns; at most one `turn` of it runs at any time. */
export interface TurnRunner {
  /** Asks for one call of `turn`, after the caller has returned. The caller asks once per call it wants. */
  wake(): void;
  /** No `turn` is called from now on. */
  stop(): void;
}

/** Makes the runner of one life. `turn` never throws. */
export type MakeTurnRunner = (id: string, turn: () => void) => TurnRunner;

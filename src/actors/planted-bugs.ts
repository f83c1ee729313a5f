/** Mistakes of actors that the simulator's own tests plant, to see that they are noticed. */
export interface ActorBugs {
  /** A user's actor recognises a message that comes again only within so many milliseconds. */
  readonly dedupeWindowMs?: number;
  /** A group takes messages under keys that are no longer in use. */
  readonly takesOldKeys?: boolean;
  /** A group goes on pushing to whoever was put out. */
  readonly pushesToFormer?: boolean;
}

/** Mistakes that the simulator's own tests plant, to see that they are noticed. */
export interface PlantedBugs {
  /** Acknowledges what one replica has flushed. */
  readonly acknowledgeAfterOne?: boolean;
  /** Acts on commits that are not acknowledged yet. */
  readonly readBeyondAcknowledged?: boolean;
  /** Serves after a take over without asking the other replicas. */
  readonly takeOverWithoutFence?: boolean;
  /** Goes on with its own log although another replica has a longer one. */
  readonly adoptShorterLog?: boolean;
}

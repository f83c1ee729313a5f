/** Keeps the directory as new as the coordinator lets it: follows its announcements and asks when somebody is lost. */
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { Coordinator } from './coordinator.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface ViewFollowerPorts {
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly log: Log;
}

export class ViewFollower {
  readonly #ports: ViewFollowerPorts;
  readonly #subscription: { cancel(): void };
  #asking: Promise<boolean> | undefined;
  #isReached = true;

  constructor(ports: ViewFollowerPorts) {
    this.#ports = ports;
    this.#subscription = ports.coordinator.watch((view) => {
      this.#ports.directory.adopt(view);
      this.#note(true);
    });
  }

  /** Asks for the present view, once however many want it; false when the coordinator does not answer. */
  refresh(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  stop(): void {
    this.#subscription.cancel();
  }

  async #ask(): Promise<boolean> {
    try {
      this.#ports.directory.adopt(await this.#ports.coordinator.view());
      this.#note(true);
    } catch (cause) {
      this.#note(false, cause);
    }
    return this.#isReached;
  }

  #note(isReached: boolean, cause?: unknown): void {
    if (isReached === this.#isReached) return;
    this.#isReached = isReached;
    if (isReached) this.#ports.log.event('info', 'coordinator_found');
    else this.#ports.log.event('warn', 'coordinator_lost', errorFields(cause));
  }
}

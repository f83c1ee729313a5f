/** Tells the coordinator where this node is, again until it has heard it: it may be away when the node starts. */
import type { Coordinator } from '../cluster/coordinator.ts';
import type { ClusterView, Member } from '../cluster/members.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { asFastChatError } from '../protocol/errors.ts';
import { COORDINATOR_RETRY_MS } from '../protocol/limits.ts';

/** What of a node this needs; `ChatNode` is it. */
export interface AnnouncedNode {
  readonly coordinator: Pick<Coordinator, 'join'>;
  readonly member: Member;
  readonly cluster: { readonly directory: { adopt(view: ClusterView): boolean } };
}

export class Announcement {
  readonly #node: AnnouncedNode;
  readonly #clock: Clock;
  #retry: Timer | undefined;
  #isOver = false;

  constructor(node: AnnouncedNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /** Resolves after the first try. */
  async make(): Promise<void> {
    this.#retry?.cancel();
    try {
      const { coordinator, member, cluster } = this.#node;
      cluster.directory.adopt(await coordinator.join(member));
    } catch (cause) {
      // A definite refusal stays one; whoever started this node has been told by the admission.
      if (this.#isOver || asFastChatError(cause).retry === 'never') return;
      this.#retry = this.#clock.after(COORDINATOR_RETRY_MS, () => void this.make());
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#retry?.cancel();
  }
}

/** Asks the other replicas of a shard to promise an epoch, and gathers what they have (I3). */
import type { ShardId, NodeId } from '../../protocol/ids.ts';
import { decode } from '../../protocol/codec.ts';
import type { CopyStatus } from './catch-up-plan.ts';
import type { Feeds } from './feeds.ts';
import { statusReply } from './frames.ts';
import type { FencedCopy } from './take-over.ts';

export interface FenceRequest {
  readonly shard: ShardId;
  readonly epoch: number;
  readonly nodes: readonly NodeId[];
  /** Whether these will do: the answers of the others are not waited for. */
  readonly isEnough: (fenced: readonly FencedCopy[]) => boolean;
}

export interface FenceOutcome {
  readonly fenced: readonly FencedCopy[];
  /** The highest epoch that anybody has promised. */
  readonly promised: number;
}

/** Ends when enough have promised, or everybody was asked. Never rejects. */
export function fenceOthers(feeds: Feeds, request: FenceRequest): Promise<FenceOutcome> {
  const { shard, epoch, nodes, isEnough } = request;
  const fenced: FencedCopy[] = [];
  let promised = 0;
  let asked = nodes.length;
  return new Promise((resolve) => {
    const check = (): void => {
      if (asked === 0 || isEnough(fenced)) resolve({ fenced: [...fenced], promised });
    };
    const hear = (node: NodeId, status: CopyStatus): void => {
      const { standing, head, floor } = status;
      promised = Math.max(promised, status.promised);
      if (status.promised === epoch) fenced.push({ node, standing, head, floor });
    };
    for (const node of nodes)
      void feeds
        .ask(node, { type: 'status', shard, epoch })
        .then((payload) => hear(node, decode(statusReply, payload)))
        .catch(() => undefined)
        .then(() => {
          asked -= 1;
          check();
        });
    check();
  });
}

/** What a storm acts on. */
import type { MemoryCoordinatorService } from '../../src/cluster/memory-coordinator.ts';
import type { MemoryLinks } from '../../src/net/memory-links.ts';
import type { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { Clock } from '../../src/ops/clock.ts';
import type { Random } from '../../src/ops/random.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import type { EventLog } from './event-log.ts';
import type { SimNode } from './sim-node.ts';
import type { SimUser } from './sim-user.ts';

export interface FaultPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly nodes: readonly SimNode[];
  readonly users: readonly SimUser[];
  readonly mesh: MemoryMesh;
  readonly links: MemoryLinks;
  readonly coordinators: MemoryCoordinatorService | undefined;
  /** Everything is on the disks of two nodes other than this one. */
  readonly isCoveredWithout: (node: NodeId) => boolean;
  /** A restored device store that does not show that it was restored: a planted bug. */
  readonly keepTokens: boolean;
}

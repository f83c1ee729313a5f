/** What nodes count of themselves, from `/metrics`, summed over all of them. */
import type { World } from './world.ts';

/** By name and labels as the page writes them, for example `fastchat_mesh_frames_total{direction="out"}`. */
export type NodeCounts = ReadonlyMap<string, number>;

/** Figures are read after each sample of the event loop; so long they may be old. */
export const METRICS_DELAY_MS = 1500;

export async function nodeCounts({ cluster }: World): Promise<NodeCounts> {
  const sums = new Map<string, number>();
  for (const { ready } of cluster.nodes) {
    const page = await (await fetch(new URL('/metrics', ready.http))).text();
    for (const [, name, value] of page.matchAll(/^(fastchat_\S+) (\S+)$/gm))
      if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

/** By how much each count grew. */
export function difference(before: NodeCounts, after: NodeCounts): NodeCounts {
  return new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
}

/** A CPU profile as two lists: where time is spent, and under which functions. */
import { readFileSync } from 'node:fs';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Cost {
  readonly where: string;
  /** Share of the time in which the thread did anything. */
  readonly share: number;
}

export interface ProfileSummary {
  readonly busyMs: number;
  readonly self: readonly Cost[];
  /** With everything called from there; recursion counts once. */
  readonly total: readonly Cost[];
}

const IDLE = new Set(['(idle)', '(program)', '(root)']);

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const path = url.replace(/^file:\/\//, '').replace(/^.*\/(dist|node_modules)\//, '$1/');
  const name = functionName === '' ? `(anonymous ${lineNumber + 1})` : functionName;
  return path === '' ? name : `${name} ${path}`;
}

function sorted(costs: ReadonlyMap<string, number>, busy: number): readonly Cost[] {
  return [...costs]
    .map(([where, time]) => ({ where, share: time / busy }))
    .sort((left, right) => right.share - left.share);
}

export function summarise(path: string): ProfileSummary {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const selfOf = new Map<number, number>();
  for (const [index, id] of samples.entries())
    selfOf.set(id, (selfOf.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  let busy = 0;
  const visit = (node: ProfileNode, above: ReadonlySet<string>): number => {
    const name = nameOf(node);
    const own = selfOf.get(node.id) ?? 0;
    const within = above.has(name) ? above : new Set([...above, name]);
    let time = own;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) time += visit(child, within);
    }
    if (!IDLE.has(name)) {
      busy += own;
      self.set(name, (self.get(name) ?? 0) + own);
      if (!above.has(name)) total.set(name, (total.get(name) ?? 0) + time);
    }
    return time;
  };
  const [root] = nodes;
  if (root !== undefined) visit(root, new Set());
  return { busyMs: busy / 1000, self: sorted(self, busy), total: sorted(total, busy) };
}

export function printProfile({ busyMs, self, total }: ProfileSummary, rows = 30): void {
  const print = (title: string, costs: readonly Cost[]): void => {
    console.log(`\n${title}`);
    for (const { where, share } of costs.slice(0, rows))
      console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${where}`);
  };
  console.log(`\nMain thread busy for ${Math.round(busyMs)} ms`);
  print('Self', self);
  print('With everything called', total);
}

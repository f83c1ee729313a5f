/** Two owners of one shard in one epoch, as the nodes' own logs tell it: what the fence must make impossible. */

export interface Taking {
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  /** Which start of the node, from 1: one life must not go on with the epoch of another's. */
  readonly life: number;
}

/** One line of a node's log, when it says that a shard was taken. */
export function takingOf(node: string, life: number, line: string): Taking | undefined {
  // What a crash leaves behind in a log is no JSON.
  if (!line.startsWith('{') || !line.includes('"shard_taken"')) return undefined;
  const { shard, epoch } = JSON.parse(line) as { readonly shard?: number; readonly epoch?: number };
  return shard === undefined || epoch === undefined ? undefined : { node, life, shard, epoch };
}

/**
 * An epoch belongs to one life of one node. With `mayResume`, a node goes on in the epoch of its former life: as the
 * only replica of a shard it may, because nobody else can have it.
 */
export function doubleOwners(
  takings: readonly Taking[],
  { mayResume }: { readonly mayResume: boolean },
): readonly string[] {
  const holders = new Map<string, Taking>();
  return takings.flatMap((taking) => {
    const key = `${taking.shard} ${taking.epoch}`;
    const first = holders.get(key);
    holders.set(key, first ?? taking);
    if (first === undefined || isSame(first, taking, mayResume)) return [];
    const [one, other] = [first, taking].map(({ node, life }) => `${node} (start ${life})`);
    return [`shard ${taking.shard}, epoch ${taking.epoch}: taken by ${one} and by ${other}`];
  });
}

function isSame(one: Taking, other: Taking, mayResume: boolean): boolean {
  return one.node === other.node && (mayResume || one.life === other.life);
}

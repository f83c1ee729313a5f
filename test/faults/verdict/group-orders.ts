/** Whether all members of a group were shown its messages in one order: each but the sender's own ones. */

/** Ids in the order in which one member was shown them. */
type Order = readonly string[];

export class GroupOrders {
  readonly #orders = new Map<string, Map<string, string[]>>();

  shown(group: string, reader: string, id: string): void {
    const readers = this.#orders.get(group) ?? new Map<string, string[]>();
    this.#orders.set(group, readers);
    const order = readers.get(reader) ?? [];
    readers.set(reader, order);
    order.push(id);
  }

  /** One line for each two members who contradict each other. */
  contradictions(): readonly string[] {
    return [...this.#orders].flatMap(([group, readers]) => contradictionsOf(group, [...readers]));
  }
}

function contradictionsOf(
  group: string,
  readers: ReadonlyArray<readonly [reader: string, order: Order]>,
): readonly string[] {
  return readers.flatMap(([reader, order], index) =>
    readers.slice(index + 1).flatMap(([other, otherOrder]) => {
      const text = contradiction(order, otherOrder);
      return text === undefined ? [] : [`${group}: ${reader} and ${other} saw ${text}`];
    }),
  );
}

function contradiction(one: Order, other: Order): string | undefined {
  const rank = new Map(other.map((id, index) => [id, index]));
  let newest = -1;
  let newestId = '';
  for (const id of one) {
    const at = rank.get(id);
    if (at === undefined) continue;
    if (at < newest) return `${newestId} and ${id} in different orders`;
    newest = at;
    newestId = id;
  }
  return undefined;
}

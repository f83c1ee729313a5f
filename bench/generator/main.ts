/** A load generator process: does what its parent says, and ends with it. */
import { Fleet } from './fleet.ts';

interface Order {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

const fleet = new Fleet();

async function run({ name, args }: Order): Promise<unknown> {
  const command = (fleet as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[
    name
  ];
  if (command === undefined) throw new Error(`no command ${name}`);
  return await command(...args);
}

process.on('message', (order: Order) => {
  run(order).then(
    (value) => process.send?.({ id: order.id, value }),
    (error: unknown) =>
      process.send?.({
        id: order.id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
  );
});
process.on('disconnect', () => process.exit());

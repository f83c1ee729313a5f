/** A load process: does what its parent says, and ends with it. */
import { Crowd } from './crowd.ts';
import type { Answer, Order, Orders } from './orders.ts';

let gathered: Crowd | undefined;

function crowd(): Crowd {
  if (gathered === undefined) throw new Error('nobody is there yet');
  return gathered;
}

const orders: Orders = {
  async gather(plan) {
    gathered = await Crowd.gather(plan);
  },
  start: (perSecond) => crowd().start(perSecond),
  stop: () => crowd().stop(),
  recovered: (limitMs) => crowd().recovered(limitMs),
  settled: (limitMs) => crowd().settled(limitMs),
  flush: () => crowd().flush(),
  state: () => crowd().state(),
  disperse: () => crowd().disperse(),
};

async function answer({ id, name, argument }: Order): Promise<Answer> {
  try {
    const order = orders[name] as (argument: unknown) => unknown;
    return { id, value: await order(argument) };
  } catch (cause) {
    return { id, error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
  }
}

process.on('message', (order) => {
  void answer(order as Order).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));
// Ctrl+C reaches the whole group: the parent ends the run in order.
process.on('SIGINT', () => undefined);

/** A process of `npm run sim`: simulates the seed that it is sent, and answers. */
import { runSeed } from './seed-task.ts';
import type { SeedTask } from './seed-task.ts';

process.on('message', (task: SeedTask) => {
  void runSeed(task).then(({ report }) => process.send?.(report));
});
// Ends with the process that asks; an interrupt of the terminal reaches both, and the seed under way is of no use then.
process.on('disconnect', () => process.exit());

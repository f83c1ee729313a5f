// Loaded into a node under test with `--import`: SIGUSR2 collects all garbage, so that what is left is what is held.
/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-assignment,
   typescript/no-unsafe-member-access -- nodes run built JavaScript, so this is
   JavaScript, which is not type-checked */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  // Twice: what the first collection lets go of may hold memory outside the heap.
  process.on('SIGUSR2', () => {
    collect();
    collect();
  });
}

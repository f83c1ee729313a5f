// Loaded into a node under test with `--import`: SIGUSR2 begins a CPU profile of its main thread, the next one writes it.
/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-member-access, typescript/no-unsafe-assignment -- nodes run
   built JavaScript, so this is JavaScript, which is not type-checked */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';

const SAMPLE_MICROSECONDS = 250;

if (isMainThread) {
  const session = new Session();
  let isRunning = false;
  const begin = () => {
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    session.post('Profiler.start');
  };
  const end = () => {
    session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(
        `${process.env.FASTCHAT_BENCH_PROFILE}.${process.pid}.cpuprofile`,
        JSON.stringify(profile),
      );
      session.disconnect();
    });
  };
  process.on('SIGUSR2', () => {
    if (isRunning) end();
    else begin();
    isRunning = !isRunning;
  });
}

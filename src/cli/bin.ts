/** The program: everything is in `main`, so that tests can run it without a process. */
import { runProcess } from './run-process.ts';

// Keys, stores and histories are their owner's alone, whatever library makes the file.
process.umask(0o077);

await runProcess();

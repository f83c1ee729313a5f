/** The program: everything is in `main`, so that tests can run it without a process. */
import { runProcess } from './run-process.ts';

await runProcess();

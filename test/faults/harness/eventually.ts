/** Waiting in a harness that has only processes to look at. */
import { monoMs } from '../verdict/journal.ts';

const POLL_MS = 50;

/** Resolves when `isSo`; a look that fails counts as no. @throws Error that says what is missing, after `limitMs` */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<void> {
  const deadlineMs = monoMs() + limitMs;
  while (!(await holds(isSo))) {
    if (monoMs() > deadlineMs) throw new Error(`not after ${limitMs} ms: ${what}`);
    await lasting(POLL_MS);
  }
}

async function holds(isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await isSo();
  } catch {
    return false;
  }
}

/** How long a fault lasts. */
export function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

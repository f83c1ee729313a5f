/** Moments of the process at which a terminal must be set right. */

export interface ProcessHooks {
  /** The process goes on after it was stopped (Ctrl+Z, then `fg`): others had the terminal in between. */
  onResume(listener: () => void): { off(): void };
  /** The process ends, for whatever reason it can still tell of; what the listener writes must be written at once. */
  onExit(listener: () => void): { off(): void };
}

function on(event: 'SIGCONT' | 'exit', listener: () => void): { off(): void } {
  process.on(event, listener);
  return { off: () => void process.off(event, listener) };
}

export const PROCESS_HOOKS: ProcessHooks = {
  onResume: (listener) => on('SIGCONT', listener),
  onExit: (listener) => on('exit', listener),
};

/** Which process is meant, beyond its id: ids are used again, after a restart of the machine at the latest. */
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Differs after each start of the machine; empty where the system does not tell. */
  readonly bootId: string;
  /** When the process started, in the system's own unit; empty where the system does not tell. */
  readonly startedAt: string;
}

/** The process that asks. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, bootId: bootId(), startedAt: startedAt(process.pid) };
}

/** Whether that very process runs now; when in doubt, yes. */
export function isAlive(owner: ProcessIdentity): boolean {
  const boot = bootId();
  if (owner.bootId !== '' && boot !== '' && owner.bootId !== boot) return false;
  if (!exists(owner.pid)) return false;
  const started = startedAt(owner.pid);
  return owner.startedAt === '' || started === '' || owner.startedAt === started;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function bootId(): string {
  return readIfThere('/proc/sys/kernel/random/boot_id').trim();
}

/** Field 22 of `stat`, counted after the command's name, which may hold spaces and brackets. */
function startedAt(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] ?? '';
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * What a session may push of the inbox log: a slow client holds up nobody and costs a bounded amount of memory, because
 * what it cannot take stays in the log and it is told to pull.
 *
 * W1  Entries are pushed without gaps: each push begins right after what the client got or was told of.
 * W2  At most PUSH_WINDOW_ENTRIES pushed entries are unacknowledged; past it content is dropped here, not in the log.
 * W3  Whenever something was dropped and there is room again, one `head` push tells the client to pull.
 */
import type { Push } from '../../protocol/client-calls.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import type { UserId } from '../../protocol/ids.ts';
import { PUSH_BYTES_MAX, PUSH_WINDOW_ENTRIES } from '../../protocol/limits.ts';

/** Changes in place: it is on the path of every message. */
export interface PushWindow {
  readonly log: UserId;
  /** Newest entry that the client was sent or told of. */
  sent: number;
  /** Newest entry that the client has on its disk, of those that came while it was attached. */
  acknowledged: number;
  /** Newest entry known here. */
  newest: number;
  /** Newest entry that the user actor has told of in an answer; its push may still be under way. */
  told: number;
  /** False while the link has more to write than it should. */
  writable: boolean;
}

/** An entry beside its body, roughly: names, numbers and lengths. */
const ENTRY_OVERHEAD_BYTES = 256;
const NOTHING: readonly Push[] = [];

/** The window of a client that pulls up to `head` by itself. */
export function openWindow(log: UserId, head: number): PushWindow {
  return { log, sent: head, acknowledged: head, newest: head, told: head, writable: true };
}

/** The newest entry that a push tells of; 0 for one that tells of none. */
export function headOf(push: Push): number {
  if (push.type === 'head') return push.head;
  return push.type === 'entries' ? (push.entries.at(-1)?.seq ?? 0) : 0;
}

function roomOf(window: PushWindow): number {
  return window.writable ? PUSH_WINDOW_ENTRIES - (window.sent - window.acknowledged) : 0;
}

/** What to push now of `entries` (in order, without gaps). */
export function pushEntries(window: PushWindow, entries: readonly LogEntry[]): readonly Push[] {
  const isNew = (entries[0]?.seq ?? 0) > window.sent;
  const fresh = isNew ? entries : entries.filter(({ seq }) => seq > window.sent);
  const first = fresh[0];
  const last = fresh.at(-1);
  if (first === undefined || last === undefined) return NOTHING;
  window.newest = Math.max(window.newest, last.seq);
  const room = roomOf(window);
  if (room <= 0) return NOTHING;
  if (first.seq !== window.sent + 1) return catchUp(window);
  const taken = fresh.length > room ? fresh.slice(0, room) : fresh;
  window.sent += taken.length;
  return splitBySize(window.log, taken);
}

/** Notes that there are entries up to `head` whose content did not come; answers what to push. */
export function noteHead(window: PushWindow, head: number): readonly Push[] {
  window.newest = Math.max(window.newest, head);
  return catchUp(window);
}

/**
 * Compares a head that the user actor answered with what was pushed since the answer before: an entry that was there
 * then and has not been pushed by now was lost on the way.
 */
export function checkTold(window: PushWindow, head: number): readonly Push[] {
  const missed = window.told > window.newest;
  if (missed) window.newest = window.told;
  window.told = Math.max(window.told, head);
  return missed ? catchUp(window) : NOTHING;
}

/** Whether an answered head is still without its push. */
export function isBehind(window: PushWindow): boolean {
  return window.told > window.newest;
}

/** Notes what the client has on its disk; answers what to push. */
export function acknowledge(window: PushWindow, upTo: number): readonly Push[] {
  window.acknowledged = Math.max(window.acknowledged, upTo);
  // A client that pulled may be ahead of what it was pushed.
  window.sent = Math.max(window.sent, window.acknowledged);
  window.newest = Math.max(window.newest, window.sent);
  return catchUp(window);
}

/** Notes whether the link takes more; answers what to push. */
export function setWritable(window: PushWindow, writable: boolean): readonly Push[] {
  window.writable = writable;
  return catchUp(window);
}

/** Whether content was dropped that the client has not been told of. */
export function isHeld(window: PushWindow): boolean {
  return window.newest > window.sent;
}

function catchUp(window: PushWindow): readonly Push[] {
  if (!isHeld(window) || roomOf(window) <= 0) return NOTHING;
  window.sent = window.newest;
  return [{ type: 'head', log: window.log, head: window.newest }];
}

/** As few pushes as fit in frames. */
function splitBySize(log: UserId, entries: readonly LogEntry[]): readonly Push[] {
  const pushes: Push[] = [];
  let part: LogEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.envelope.body.length + ENTRY_OVERHEAD_BYTES;
    if (part.length > 0 && bytes + size > PUSH_BYTES_MAX) {
      pushes.push({ type: 'entries', log, entries: part });
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += size;
  }
  pushes.push({ type: 'entries', log, entries: part });
  return pushes;
}

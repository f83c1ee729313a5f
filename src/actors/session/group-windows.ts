/**
 * What a session may push of the groups it subscribed to. As for the inbox, a slow client holds up nobody: what it cannot
 * take stays in the group's log, and it is told to pull. All groups of a session share one budget.
 *
 * V1  Entries of a group are pushed without gaps: each push begins right after what the client got or was told of.
 * V2  At most PUSH_WINDOW_ENTRIES pushed entries of all groups together are unacknowledged.
 * V3  Whenever something was dropped and there is room again, one `groupHead` push tells the client to pull.
 */
import type { Push } from '../../protocol/client-calls.ts';
import type { GroupId, Incarnation } from '../../protocol/ids.ts';
import { GROUPS_PER_USER_MAX, PUSH_WINDOW_ENTRIES } from '../../protocol/limits.ts';

type EntriesPush = Extract<Push, { type: 'groupEntries' }>;

interface GroupWindow {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
  /** Newest entry that the client was sent or told of. */
  sent: number;
  /** Newest entry that the client has on its disk. */
  acknowledged: number;
  /** Newest entry known here. */
  newest: number;
}

type EarlyHead = Pick<GroupWindow, 'incarnation'> & { readonly head: number };

/** Changes in place: it is on the path of every message. */
export interface GroupWindows {
  readonly byGroup: Map<GroupId, GroupWindow>;
  /** Newest entries of groups that have let the session in, while others that were asked with them have not answered. */
  readonly early: Map<GroupId, EarlyHead>;
  /** Entries of all groups that were sent or told of and are not acknowledged. */
  unacknowledged: number;
  /** False while the link has more to write than it should. */
  writable: boolean;
}

const NOTHING: readonly Push[] = [];

export function noWindows(writable: boolean): GroupWindows {
  return { byGroup: new Map(), early: new Map(), unacknowledged: 0, writable };
}

/** Begins with a client that pulls up to `head` by itself; answers what to push if there was more before it began. */
export function openGroup(
  windows: GroupWindows,
  { group, incarnation, head }: Pick<GroupWindow, 'group' | 'incarnation'> & { head: number },
): readonly Push[] {
  const before = windows.byGroup.get(group);
  if (before !== undefined) windows.unacknowledged -= before.sent - before.acknowledged;
  const early = windows.early.get(group);
  const newest = early?.incarnation === incarnation ? Math.max(head, early.head) : head;
  const window = { group, incarnation, sent: head, acknowledged: head, newest };
  windows.byGroup.set(group, window);
  windows.early.delete(group);
  return catchUp(windows, window);
}

/** What to push now: the very same push if the client can take it, so that all sessions share its bytes. */
export function pushGroupEntries(windows: GroupWindows, push: EntriesPush): readonly Push[] {
  const window = windowOf(windows, push);
  const last = push.entries.at(-1)?.seq ?? 0;
  if (window === undefined) return noteEarly(windows, { ...push, head: last });
  if (last <= window.sent) return NOTHING;
  window.newest = Math.max(window.newest, last);
  const isNext = push.entries[0]?.seq === window.sent + 1;
  if (!isNext || roomOf(windows) < push.entries.length) return catchUp(windows, window);
  send(windows, window, last);
  return [push];
}

/** Notes that there are entries up to `head` whose content did not come; answers what to push. */
export function noteGroupHead(
  windows: GroupWindows,
  push: Pick<EntriesPush, 'group' | 'incarnation'> & { readonly head: number },
): readonly Push[] {
  const window = windowOf(windows, push);
  if (window === undefined) return noteEarly(windows, push);
  window.newest = Math.max(window.newest, push.head);
  return catchUp(windows, window);
}

/** Notes what the client has on its disk; answers what to push. */
export function acknowledgeGroup(
  windows: GroupWindows,
  ack: Pick<EntriesPush, 'group' | 'incarnation'> & { readonly upTo: number },
): readonly Push[] {
  const window = windowOf(windows, ack);
  if (window === undefined || ack.upTo <= window.acknowledged) return NOTHING;
  // A client that pulled may be ahead of what it was pushed.
  if (ack.upTo > window.sent) send(windows, window, ack.upTo);
  windows.unacknowledged -= ack.upTo - window.acknowledged;
  window.acknowledged = ack.upTo;
  window.newest = Math.max(window.newest, window.sent);
  return catchUpAll(windows);
}

/** Notes whether the link takes more; answers what to push. */
export function setGroupsWritable(windows: GroupWindows, writable: boolean): readonly Push[] {
  windows.writable = writable;
  return writable ? catchUpAll(windows) : NOTHING;
}

/** Past the bound the client learns of it with the next entry. */
function noteEarly(
  { early }: GroupWindows,
  { group, incarnation, head }: Pick<EntriesPush, 'group' | 'incarnation'> & EarlyHead,
): readonly Push[] {
  const known = early.get(group);
  if (known === undefined && early.size >= GROUPS_PER_USER_MAX) return NOTHING;
  const before = known?.incarnation === incarnation ? known.head : 0;
  early.set(group, { incarnation, head: Math.max(head, before) });
  return NOTHING;
}

/** The window of this life of the group; what is told of another one is not for this client. */
function windowOf(
  windows: GroupWindows,
  { group, incarnation }: Pick<EntriesPush, 'group' | 'incarnation'>,
): GroupWindow | undefined {
  const window = windows.byGroup.get(group);
  return window?.incarnation === incarnation ? window : undefined;
}

function roomOf({ writable, unacknowledged }: GroupWindows): number {
  return writable ? PUSH_WINDOW_ENTRIES - unacknowledged : 0;
}

function send(windows: GroupWindows, window: GroupWindow, upTo: number): void {
  windows.unacknowledged += upTo - window.sent;
  window.sent = upTo;
}

function catchUp(windows: GroupWindows, window: GroupWindow): readonly Push[] {
  if (window.newest <= window.sent || roomOf(windows) <= 0) return NOTHING;
  send(windows, window, window.newest);
  const { group, incarnation, newest } = window;
  return [{ type: 'groupHead', group, incarnation, head: newest }];
}

function catchUpAll(windows: GroupWindows): readonly Push[] {
  const pushes: Push[] = [];
  for (const window of windows.byGroup.values()) pushes.push(...catchUp(windows, window));
  return pushes;
}

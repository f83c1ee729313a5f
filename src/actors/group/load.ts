/** The state of a group as the store holds it: the beginning of an actor's life. */
import type { Roster } from '../../protocol/group-roster.ts';
import type { GroupRole } from '../../protocol/group-log.ts';
import type { GroupId, UserId } from '../../protocol/ids.ts';
import type { GroupReader, LifeReader } from './group-reader.ts';
import type { RootRecord } from './records.ts';
import { emptyState } from './state.ts';
import type { GroupSettings, GroupState, GroupView } from './state.ts';

/** Reads everything but the log, the chain, the seals and the sending devices, which are read when needed. */
export function loadGroup(
  group: GroupId,
  reader: GroupReader,
  settings: GroupSettings,
): GroupState {
  const state = emptyState(group, settings);
  for (const { user, membership } of reader.owed()) state.owed.open.set(user, membership);
  const root = reader.root();
  if (root === undefined) return state;
  const life = reader.life(root.life);
  state.now = loadView(group, root, life);
  state.flushed = state.now;
  state.oldestLife = root.oldest;
  for (const mark of life.marks()) state.marks.all.set(mark.user, mark);
  state.fresh = life.fresh();
  state.sweptEpoch = state.fresh[0]?.epoch ?? 0;
  loadLog(state, life);
  return state;
}

function loadView(group: GroupId, root: RootRecord, life: LifeReader): GroupView {
  const { incarnation, position, hash, epoch, commitment, rekeyDue, ended } = root;
  const members = new Map<UserId, GroupRole>();
  const since = new Map<UserId, number>();
  for (const member of life.members()) {
    members.set(member.user, member.role);
    since.set(member.user, member.since);
  }
  const keys = { epoch, commitment, rekeyDue };
  const roster: Roster = { group, incarnation, position, hash, ...keys, members, ended };
  return { life: root.life, roster, since };
}

/** The place record is lazy: the log itself knows the newest entry. */
function loadLog({ log }: GroupState, life: LifeReader): void {
  const place = life.place();
  if (place !== undefined) {
    log.head = place.head;
    log.headAt = place.headAt;
    log.floor = place.floor;
  }
  const newest = life.newestHead();
  if (newest !== undefined && newest.seq > log.head.seq) {
    const { seq, loud, bytes, at } = newest;
    log.head = { seq, loud, bytes };
    log.headAt = at;
  }
  log.committed = log.head;
}

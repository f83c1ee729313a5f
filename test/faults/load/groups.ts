/** Which groups a crowd is in: neighbours, so many in each; a last one that would be alone joins nobody. */
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import type { GroupId, UserId } from '../../../src/protocol/ids.ts';

export interface LoadGroup {
  readonly group: GroupId;
  /** The first one makes it. */
  readonly members: readonly UserId[];
}

export function loadUser(index: number): UserId {
  return parseUserId(`@u${index}`);
}

/** `size` 0: no groups. */
export function loadGroups(users: number, size: number): readonly LoadGroup[] {
  const groups: LoadGroup[] = [];
  if (size < 2) return groups;
  for (let first = 0; first + 1 < users; first += size) {
    const count = Math.min(size, users - first);
    const members = Array.from({ length: count }, (_, index) => loadUser(first + index));
    groups.push({ group: parseGroupId(`#g${groups.length}`), members });
  }
  return groups;
}

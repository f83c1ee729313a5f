/** Gathers for a moment how far the members on this node got, so that a group hears of many in one. */
import type { Clock, Timer } from '../ops/clock.ts';
import type { GroupRequest } from '../protocol/group-calls.ts';
import type { GroupMark } from '../protocol/group-facts.ts';
import type { GroupId, Incarnation, UserId } from '../protocol/ids.ts';
import { GROUP_MARKS_DELAY_MS } from '../protocol/limits.ts';

interface Gathered {
  readonly incarnation: Incarnation;
  readonly marks: Map<UserId, GroupMark>;
}

type Tell = (group: GroupId, request: Extract<GroupRequest, { type: 'groupMarks' }>) => void;

export class MarkGatherer {
  readonly #clock: Clock;
  readonly #tell: Tell;
  #gathered = new Map<GroupId, Gathered>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(group: GroupId, incarnation: Incarnation, mark: GroupMark): void {
    const known = this.#gathered.get(group);
    const isSame = known?.incarnation === incarnation;
    const gathered = isSame ? known : { incarnation, marks: new Map<UserId, GroupMark>() };
    if (!isSame) this.#gathered.set(group, gathered);
    const before = gathered.marks.get(mark.user);
    gathered.marks.set(mark.user, {
      user: mark.user,
      delivered: Math.max(mark.delivered, before?.delivered ?? 0),
      read: Math.max(mark.read, before?.read ?? 0),
    });
    this.#timer ??= this.#clock.after(GROUP_MARKS_DELAY_MS, () => this.#flush());
  }

  /** Forgets what was not told yet: it comes again with the next acknowledgement. */
  stop(): void {
    this.#timer?.cancel();
  }

  #flush(): void {
    const gathered = this.#gathered;
    this.#timer = undefined;
    this.#gathered = new Map();
    for (const [group, { incarnation, marks }] of gathered)
      this.#tell(group, { type: 'groupMarks', incarnation, marks: [...marks.values()] });
  }
}

/** The calls of an attached session that are about groups. The session says who asks: always its own user. */
import type { Push } from '../../protocol/client-calls.ts';
import type { Subscription } from '../../protocol/group-facts.ts';
import type { GroupRequest } from '../../protocol/group-calls.ts';
import type { GroupId } from '../../protocol/ids.ts';
import { PULL_ENTRIES_MAX } from '../../protocol/limits.ts';
import {
  acknowledgeGroup,
  noWindows,
  noteGroupHead,
  openGroup,
  pushGroupEntries,
} from './group-windows.ts';
import type { GroupWindows } from './group-windows.ts';
import type { CallHandlers } from './handlers.ts';
import type { MessageNamed, RequestNamed } from './messages.ts';
import type { Attached } from './phases.ts';
import { count, emit } from './turn.ts';
import type { Turn } from './turn.ts';

export const GROUP_HANDLERS: CallHandlers<Attached> = {
  groups: (turn, { user }, id) =>
    emit(turn, { type: 'forward', id, to: user, request: { type: 'groups' } }),
  subscribe: (turn, { user }, id, { groups }) =>
    emit(turn, { type: 'subscribe', id, user, groups }),
  groupAck,
  groupOperate: (turn, { user: author }, id, { group, signed, seals }) =>
    ask(turn, id, group, { type: 'groupOperate', author, signed, seals }),
  groupStage: (turn, { user: author }, id, { group, operation, from, seals }) =>
    ask(turn, id, group, { type: 'groupStage', author, operation, from, seals }),
  groupPull: (turn, { user: asker }, id, { group, incarnation, from, limit }) =>
    ask(turn, id, group, { type: 'groupPull', asker, incarnation, from, limit: bounded(limit) }),
  groupChain: (turn, { user: asker }, id, { group, incarnation, from, limit }) =>
    ask(turn, id, group, { type: 'groupChain', asker, incarnation, from, limit: bounded(limit) }),
  groupInfo: (turn, { user: asker }, id, { group }) =>
    ask(turn, id, group, { type: 'groupInfo', asker }),
  groupKeys: (turn, { user: asker }, id, { group, incarnation, from }) =>
    ask(turn, id, group, { type: 'groupKeys', asker, incarnation, from }),
  putGroupKey: (turn, { user: asker }, id, { group, incarnation, seal }) =>
    ask(turn, id, group, { type: 'putGroupKey', asker, incarnation, seal }),
  groupReceipts: (turn, { user: asker }, id, { group, incarnation, seqs }) =>
    ask(turn, id, group, { type: 'groupReceipts', asker, incarnation, seqs }),
};

function ask(turn: Turn, id: number, to: GroupId, request: GroupRequest): void {
  emit(turn, { type: 'forward', id, to, request });
}

function bounded(limit: number): number {
  return Math.min(Math.max(limit, 1), PULL_ENTRIES_MAX);
}

/**
 * Frees the window at once; the group hears of it together with what others on this node have. So it costs nothing and is
 * never refused: one that was lost would keep a receipt, or the window, until the next. Only groups with a window count.
 */
function groupAck(
  turn: Turn,
  phase: Attached,
  id: number,
  request: RequestNamed<'groupAck'>,
): void {
  const { group, incarnation, delivered, read } = request;
  const mark = { user: phase.user, delivered, read };
  const { groups } = phase;
  if (groups?.byGroup.get(group)?.incarnation === incarnation) {
    emit(turn, { type: 'acknowledgeGroup', group, incarnation, mark });
    emitAll(turn, acknowledgeGroup(groups, { group, incarnation, upTo: delivered }));
  }
  if (id !== 0) emit(turn, { type: 'reply', id, call: 'groupAck', reply: {} });
}

/** The groups have answered: opens their windows, then tells the client, so that nothing pushed falls between. */
export function subscribed(turn: Turn, { id, outcomes }: MessageNamed<'subscribed'>): void {
  const { phase } = turn.state;
  if (phase.at !== 'attached') return;
  const late: Push[] = [];
  const groups = outcomes.map(([group, outcome]): Subscription => {
    if (!outcome.ok) {
      const later = outcome.error.retry !== 'never';
      return { group, standing: undefined, later };
    }
    const { incarnation, head } = outcome.value;
    late.push(...openGroup(windowsOf(phase), { group, incarnation, head }));
    return { group, standing: outcome.value, later: false };
  });
  if (id !== 0) emit(turn, { type: 'reply', id, call: 'subscribe', reply: { groups } });
  emitAll(turn, late);
}

function windowsOf(phase: Attached): GroupWindows {
  phase.groups ??= noWindows(phase.window.writable);
  return phase.groups;
}

type GroupPush = Extract<Push, { type: 'groupEntries' | 'groupHead' | 'groupMarks' }>;

export function isGroupPush(push: Push): push is GroupPush {
  return push.type === 'groupEntries' || push.type === 'groupHead' || push.type === 'groupMarks';
}

/** News of a group, by way of the node's hub. */
export function pushedGroup(turn: Turn, phase: Attached, push: GroupPush): void {
  const groups = windowsOf(phase);
  // Worth little, so a client that is behind is spared it: it can ask.
  if (push.type === 'groupMarks') {
    if (groups.writable) emit(turn, { type: 'push', push });
    return;
  }
  const pushes =
    push.type === 'groupHead' ? noteGroupHead(groups, push) : pushGroupEntries(groups, push);
  if (push.type === 'groupEntries' && pushes[0] !== push) count(turn, 'pushesHeld');
  emitAll(turn, pushes);
}

function emitAll(turn: Turn, pushes: readonly Push[]): void {
  for (const push of pushes) emit(turn, { type: 'push', push });
}

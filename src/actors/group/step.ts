/** The behaviour of a group: one message in, the state changed in place, effects out. Pure; see the files by concern. */
import type { Step } from '../runtime/logic.ts';
import { append } from './append.ts';
import { interest, subscribe } from './interest.ts';
import { receipts, takeMarks, tellMarks } from './marks.ts';
import type { GroupEffect, GroupMsg } from './messages.ts';
import { operate } from './operate.ts';
import { owedAnswered, retryOwed } from './owed.ts';
import { chain, info, keys, pull, putKey, stats } from './reading.ts';
import { commitFailed, committed } from './release.ts';
import { flush, purge, retain, sweep, tick } from './retention.ts';
import { stage } from './stages.ts';
import type { GroupState, GroupTurn } from './state.ts';

type Handlers = {
  readonly [T in GroupMsg['type']]: (
    turn: GroupTurn,
    message: Extract<GroupMsg, { type: T }>,
  ) => void;
};

/** A table, not a switch: the compiler still proves that no message is forgotten. */
const handlers: Handlers = {
  groupAppend: append,
  groupOperate: operate,
  groupStage: stage,
  groupPull: pull,
  groupChain: chain,
  groupInfo: info,
  groupKeys: keys,
  putGroupKey: putKey,
  groupReceipts: receipts,
  groupSubscribe: subscribe,
  groupInterest: interest,
  groupMarks: takeMarks,
  groupStats: stats,
  committed,
  commitFailed,
  tick,
  flush,
  tellMarks,
  retain,
  sweep,
  purge,
  retryOwed,
  owedAnswered,
};

export const stepGroup: Step<GroupState, GroupMsg, GroupEffect> = (state, message, nowMs) => {
  const effects: GroupEffect[] = [];
  const handle = handlers[message.type] as (turn: GroupTurn, message: GroupMsg) => void;
  handle({ state, nowMs, effects }, message);
  return { state, effects };
};

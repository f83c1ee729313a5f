/**
 * The calls of an attached session: checked, paid for, and passed on to the actor they are for. The answers of most go
 * to the client as they are, so the reply of each such call has the same fields on both wires.
 */
import type { ActorRequest } from '../../protocol/actor-calls.ts';
import type { ClientCallName, ClientRequest } from '../../protocol/client-calls.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address } from '../../protocol/ids.ts';
import { PULL_ENTRIES_MAX, SEALS_PER_CALL, WATCHED_USERS_PER_CALL } from '../../protocol/limits.ts';
import { announceWithin, askHead, emitPushes, tellAcknowledged, watch } from './attached.ts';
import { GROUP_HANDLERS } from './groups.ts';
import { answerProbe, handlerOf } from './handlers.ts';
import type { CallHandlers } from './handlers.ts';
import type { ClientItem, RequestNamed } from './messages.ts';
import type { Attached } from './phases.ts';
import { acknowledge } from './push-window.ts';
import { spendCalls, spendMessage } from './rates.ts';
import { changePassword, finishReauth, startReauth } from './reauth.ts';
import { outOfOrder, tooFast } from './refusals.ts';
import { emit, refuse } from './turn.ts';
import type { Turn } from './turn.ts';

const HANDLERS: CallHandlers<Attached> = {
  ...GROUP_HANDLERS,
  send,
  pull,
  ack,
  ping: (turn, phase, id) => askHead(turn, phase, id),
  probe: answerProbe,
  keys: (turn, { user }, id, request) =>
    forward(turn, id, request.user, { type: 'keys', asker: user }),
  receipts: (turn, { user }, id, request) =>
    forward(turn, id, request.user, { type: 'receipts', sender: user }),
  presence: (turn, { user }, id, request) =>
    forward(turn, id, request.user, { type: 'presence', asker: user }),
  vault: (turn, { user }, id, request) => forward(turn, id, user, request),
  putVault: (turn, { user }, id, request) => forward(turn, id, user, request),
  devices: (turn, { user }, id, request) => forward(turn, id, user, request),
  revokeDevice: (turn, { user }, id, request) => forward(turn, id, user, request),
  contacts: (turn, { user }, id, request) => forward(turn, id, user, request),
  putContact: (turn, { user }, id, request) => forward(turn, id, user, request),
  reauthStart: startReauth,
  reauthFinish: finishReauth,
  changePassword,
  watch(turn, phase, id, { users }) {
    watch(turn, phase, users);
    answerNothing(turn, id, 'watch');
  },
  typing(turn, { user }, id, { to }) {
    emit(turn, { type: 'tell', to, request: { type: 'typing', from: user } });
    answerNothing(turn, id, 'typing');
  },
};

export function handleAttached(turn: Turn, phase: Attached, item: ClientItem): void {
  const { id, request } = item;
  const handler = handlerOf(HANDLERS, request);
  if (handler === undefined)
    return refuse(turn, id, outOfOrder(`${request.type} comes before the session is attached`));
  const waitMs = spendCalls(phase.spent, turn.state.setup.rates, turn.now, costOf(item));
  if (waitMs > 0) return refuse(turn, id, tooFast('requests', waitMs));
  handler(turn, phase, id, request);
}

/** In calls. Messages and acknowledgements pay in their handlers; what becomes many messages or records costs more. */
const COSTS: { readonly [K in ClientCallName]?: (request: RequestNamed<K>) => number } = {
  send: () => 0,
  ack: () => 0,
  groupAck: () => 0,
  watch: ({ users }) => 1 + Math.floor(users.length / WATCHED_USERS_PER_CALL),
  subscribe: ({ groups }) => groups.length,
  groupOperate: ({ seals }) => 1 + Math.floor(seals.length / SEALS_PER_CALL),
  groupStage: ({ seals }) => 1 + Math.floor(seals.length / SEALS_PER_CALL),
};

function costOf({ request }: ClientItem): number {
  const cost = COSTS[request.type] as ((request: ClientRequest) => number) | undefined;
  return cost?.(request) ?? 1;
}

function forward(turn: Turn, id: number, to: Address, request: ActorRequest): void {
  emit(turn, { type: 'forward', id, to, request });
}

function answerNothing(turn: Turn, id: number, call: 'ack' | 'watch' | 'typing'): void {
  if (id !== 0) emit(turn, { type: 'reply', id, call, reply: {} });
}

/** The hot path. Every request ends within the mesh's timeout, so the budget also bounds how many are open. */
function send(turn: Turn, phase: Attached, id: number, request: RequestNamed<'send'>): void {
  const { envelope } = request;
  if (envelope.from !== phase.user || envelope.device !== phase.device)
    return refuse(turn, id, outOfOrder('an envelope names the device that sends it'));
  const { to } = envelope;
  const waitMs = spendMessage(phase.spent, turn.state.setup.rates, turn.now);
  if (waitMs > 0) return refuse(turn, id, tooFast('messages', waitMs));
  if (isGroup(to)) forward(turn, id, to, { type: 'groupAppend', envelope });
  else forward(turn, id, to, { type: 'append', envelope });
}

function pull(turn: Turn, phase: Attached, id: number, request: RequestNamed<'pull'>): void {
  const { log, from } = request;
  if (log !== phase.user) return refuse(turn, id, outOfOrder('an inbox is read by its owner only'));
  const limit = Math.min(Math.max(request.limit, 1), PULL_ENTRIES_MAX);
  forward(turn, id, phase.user, { type: 'pull', device: phase.device, from, limit });
}

/**
 * Costs a call like any other, but is never refused: the window moves at once, and past the budget the user actor learns
 * of it as soon as there is budget again.
 */
function ack(turn: Turn, phase: Attached, id: number, { upTo }: RequestNamed<'ack'>): void {
  emitPushes(turn, acknowledge(phase.window, upTo));
  if (upTo > phase.acknowledged) {
    phase.acknowledged = upTo;
    const waitMs = spendCalls(phase.spent, turn.state.setup.rates, turn.now, 1);
    if (waitMs === 0) tellAcknowledged(turn, phase);
    else announceWithin(turn, phase, waitMs);
  }
  answerNothing(turn, id, 'ack');
}

/** A login that succeeded finds its place: this node, or the one that the balancer chose, by a ticket. */
import type { Redirect } from '../../protocol/account.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { invariant } from '../../protocol/errors.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { Gate } from '../balancer/messages.ts';
import { beginAttached } from './attached.ts';
import type { Login, Phase } from './phases.ts';
import { NO_NODE } from './refusals.ts';
import { awaitClient, count, emit, failAttempt, refuseAttempt } from './turn.ts';
import type { Turn } from './turn.ts';

type Placing = Extract<Phase, { at: 'placing' }>;

function enter(turn: Turn, id: number, login: Login, step: Placing['step']): void {
  turn.state.phase = { at: 'placing', id, login, step, newest: 0 };
}

export function placeLogin(turn: Turn, id: number, login: Login): void {
  enter(turn, id, login, 'choosing');
  emit(turn, { type: 'place' });
}

/** Without the balancer: a ticket named this node, and a login is balanced once. */
export function attachLogin(turn: Turn, id: number, login: Login): void {
  const { device, tokens, user } = login;
  const { session } = turn.state.setup;
  enter(turn, id, login, 'attaching');
  const request = { type: 'attach', device, session, tokens } as const;
  emit(turn, { type: 'ask', id, to: user, request });
}

/** The phase if this fact belongs to it; undefined: the link has closed meanwhile. */
function placingAt(turn: Turn, step: Placing['step']): Placing | undefined {
  const { phase } = turn.state;
  if (phase.at === 'closed') return undefined;
  invariant(phase.at === 'placing' && phase.step === step, `the session is ${step}`);
  return phase;
}

export function placed(turn: Turn, gate: Gate | undefined): void {
  const phase = placingAt(turn, 'choosing');
  if (phase === undefined) return;
  const { id, login } = phase;
  if (gate === undefined) return refuseAttempt(turn, id, NO_NODE);
  if (gate.node === turn.state.setup.session.node) return attachLogin(turn, id, login);
  enter(turn, id, login, 'signing');
  const holder = { user: login.user, device: login.device };
  emit(turn, { type: 'signTicket', holder, gate });
}

/** The client takes its ticket elsewhere; this link has nothing more to do, and the client closes it. */
export function redirectLogin(turn: Turn, redirect: Redirect): void {
  const phase = placingAt(turn, 'signing');
  if (phase === undefined) return;
  const { device } = phase.login;
  count(turn, 'loginsRedirected');
  const reply = { device, attachment: undefined, redirect };
  emit(turn, { type: 'reply', id: phase.id, call: 'deviceLogin', reply });
  awaitClient(turn, { at: 'anonymous' });
}

export function attached(turn: Turn, outcome: Outcome<UserReply<'attach'>>): void {
  const phase = placingAt(turn, 'attaching');
  if (phase === undefined) return;
  if (!outcome.ok) return failAttempt(turn, phase.id, outcome.error);
  const { device, user } = phase.login;
  count(turn, 'loginsAccepted');
  const attachment = { ...outcome.value, node: turn.state.setup.session.node };
  const reply = { device, attachment, redirect: undefined };
  emit(turn, { type: 'reply', id: phase.id, call: 'deviceLogin', reply });
  beginAttached(turn, { user, device }, { head: attachment.head, newest: phase.newest });
}

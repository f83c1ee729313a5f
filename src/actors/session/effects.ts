/** Does what a session's step wants done. Outcomes come back to the session as facts; nothing here decides. */
import type { Clock, Timer } from '../../ops/clock.ts';
import { clientCalls } from '../../protocol/client-calls.ts';
import type { ClientReply } from '../../protocol/client-calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { userCalls } from '../../protocol/user-calls.ts';
import type { UserCallName } from '../../protocol/user-calls.ts';
import type { Courier, Placer } from '../ports.ts';
import type { ActorSelf } from '../runtime/logic.ts';
import type { LinkOutput, LinkWriter } from './link-writer.ts';
import * as login from './login-effects.ts';
import type { LoginPorts } from './login-effects.ts';
import type {
  Answered,
  AskedCall,
  EffectNamed,
  SessionCount,
  SessionEffect,
  SessionMsg,
  TicketHolder,
} from './messages.ts';
import { refusalOf } from './refusals.ts';
import { encodePush, encodeRefusal, encodeReply } from './wire.ts';

/** What a session needs of its node. */
export interface SessionPorts extends LoginPorts {
  readonly clock: Clock;
  readonly courier: Courier;
  readonly placer: Placer;
  readonly link: LinkOutput;
  /** What this node says of itself in its answer to hello. */
  readonly greeting: Omit<ClientReply<'hello'>, 'version' | 'nonce' | 'now'>;
  readonly onOpened: (holder: TicketHolder) => void;
  readonly count: (what: SessionCount) => void;
}

/** What one life of a session acts with. */
export interface SessionHands {
  readonly self: ActorSelf<SessionMsg>;
  readonly ports: SessionPorts;
  readonly writer: LinkWriter;
  timer: Timer | undefined;
}

type Performers = {
  readonly [T in SessionEffect['type']]: (hands: SessionHands, effect: EffectNamed<T>) => void;
};

const PERFORMERS: Performers = {
  forward,
  push,
  refuse: ({ writer }, { id, refusal }) => writer.add(encodeRefusal(id, refusal)),
  reply: ({ writer }, { id, call, reply }) =>
    writer.add(encodeReply(id, clientCalls.packReply(call, reply))),
  greet,
  pong,
  tell: ({ ports }, { to, request }) => ports.courier.tell(to, request),
  ask,
  place: ({ ports, self }) => ports.placer.place((gate) => self.tell({ type: 'placed', gate })),
  count: ({ ports }, { what }) => ports.count(what),
  opened: ({ ports }, { holder }) => ports.onOpened(holder),
  schedule,
  close,
  admit: checked(login.admit),
  answerRegistration: checked(login.answerRegistration),
  checkInvitation: checked(login.checkInvitation),
  startLogin: checked(login.startLogin),
  finishLogin: checked(login.finishLogin),
  useTicket: checked(login.useTicket),
  verifyProof: checked(login.verifyProof),
  signTicket: checked(login.signTicket),
};

export function perform(hands: SessionHands, effect: SessionEffect): void {
  // The table pairs each name with its own effect, which the compiler checks above and cannot follow here.
  const performer = PERFORMERS[effect.type] as (hands: SessionHands, effect: SessionEffect) => void;
  performer(hands, effect);
}

function checked<E>(factOf: (effect: E, ports: LoginPorts) => SessionMsg) {
  return ({ self, ports }: SessionHands, effect: E): void => self.tell(factOf(effect, ports));
}

/** The path of every message: no promise, and the answer does not come back to the step. */
function forward(
  { ports: { courier, count }, writer }: SessionHands,
  { id, to, request }: EffectNamed<'forward'>,
): void {
  courier.ask<UserCallName>(to, request, (outcome) => {
    if (request.type === 'append') count(outcome.ok ? 'messagesStored' : 'messagesRefused');
    if (id === 0) return;
    const item = outcome.ok
      ? encodeReply(id, userCalls.packReply<UserCallName>(request.type, outcome.value))
      : encodeRefusal(id, refusalOf(outcome.error));
    writer.add(item);
  });
}

function ask({ ports, self }: SessionHands, { id, to, request }: EffectNamed<'ask'>): void {
  ports.courier.ask<AskedCall>(to, request, (outcome) => {
    // The courier answers what was asked; the compiler cannot follow that the two unions go together.
    self.tell({ type: 'answered', call: request.type, id, outcome } as Answered);
  });
}

/** A receipt costs a fraction when it rides with something else, and no person sees the difference. */
function push({ writer }: SessionHands, effect: EffectNamed<'push'>): void {
  const item = encodePush(effect.push);
  if (effect.push.type === 'receipt') writer.addLater(item);
  else writer.add(item);
}

/** Answers that carry the time are completed here: a step has no clock. */
function greet({ ports, writer }: SessionHands, { id, version }: EffectNamed<'greet'>): void {
  const { clock, credentials, greeting } = ports;
  const reply = { ...greeting, version, nonce: credentials.nonce, now: clock.now() };
  if (id !== 0) writer.add(encodeReply(id, clientCalls.packReply('hello', reply)));
}

function pong({ ports, writer }: SessionHands, { id, head }: EffectNamed<'pong'>): void {
  const reply = { head, now: ports.clock.now() };
  writer.add(encodeReply(id, clientCalls.packReply('ping', reply)));
}

function schedule(hands: SessionHands, { delayMs }: EffectNamed<'schedule'>): void {
  hands.timer?.cancel();
  hands.timer = hands.ports.clock.after(delayMs, () => hands.self.tell({ type: 'tick' }));
}

const ENDED = new FastChatError('E_UNREACHABLE', 'the session has ended');

function close({ self, writer }: SessionHands, { reason }: EffectNamed<'close'>): void {
  writer.close(reason);
  self.end(ENDED);
}

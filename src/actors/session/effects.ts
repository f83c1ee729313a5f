/** Does what a session's step wants done. Outcomes come back to the session as facts; nothing here decides. */
import type { Bursts } from '../../ops/bursts.ts';
import type { Clock, Timer, Timers } from '../../ops/clock.ts';
import { actorCalls } from '../../protocol/actor-calls.ts';
import type { ActorCallName } from '../../protocol/actor-calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { clientCalls } from '../../protocol/client-calls.ts';
import type { ClientReply } from '../../protocol/client-calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GroupReply } from '../../protocol/group-calls.ts';
import type { GroupId } from '../../protocol/ids.ts';
import type { Courier, Placer } from '../ports.ts';
import type { ActorSelf } from '../runtime/logic.ts';
import type { GroupSessions } from './group-port.ts';
import type { LinkOutput, LinkWriter } from './link-writer.ts';
import * as login from './login-effects.ts';
import type { LoginLink, LoginPorts } from './login-effects.ts';
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

/** What a session needs of its node; one for all sessions of a gate. */
export interface SessionPorts extends LoginPorts {
  readonly clock: Clock;
  /** For deadlines and announcements, which may come a moment late. */
  readonly timers: Timers;
  /** Gathers the attachments of sessions that come in a burst. */
  readonly attachments: Bursts;
  readonly courier: Courier;
  readonly placer: Placer;
  readonly groups: GroupSessions;
  /** What this node says of itself in its answer to hello. */
  readonly greeting: Omit<ClientReply<'hello'>, 'version' | 'nonce' | 'now'>;
  /** The session numbered `session` is attached. */
  readonly onOpened: (session: number, holder: TicketHolder) => void;
  readonly count: (what: SessionCount, source: string) => void;
  /** The owner of a message has stored it, so long after it was asked to. */
  readonly onStored: (ms: number) => void;
}

/** The link of one session. */
export interface SessionLink extends LinkOutput {
  readonly source: string;
}

/** What one life of a session acts with. */
export interface SessionHands {
  readonly self: ActorSelf<SessionMsg>;
  readonly ports: SessionPorts;
  /** The number of the session at its gate. */
  readonly session: number;
  readonly source: string;
  readonly writer: LinkWriter;
  /** Proofs are bound to it; made for hello, and let go once nothing is left to be proved. */
  nonce: Uint8Array | undefined;
  timer: Timer | undefined;
  /** When `timer` fires, on the monotonic clock. */
  timerAtMs: number;
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
  subscribe,
  acknowledgeGroup: ({ ports }, { group, incarnation, mark }) =>
    ports.groups.acknowledge(group, incarnation, mark),
  ask,
  place: ({ ports, self }) => ports.placer.place((gate) => self.tell({ type: 'placed', gate })),
  count: ({ ports, source }, { what }) => ports.count(what, source),
  opened,
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

function checked<E>(factOf: (effect: E, ports: LoginPorts, link: LoginLink) => SessionMsg) {
  return (hands: SessionHands, effect: E): void =>
    hands.self.tell(factOf(effect, hands.ports, hands));
}

function opened(hands: SessionHands, { holder }: EffectNamed<'opened'>): void {
  hands.nonce = undefined;
  hands.ports.onOpened(hands.session, holder);
}

/** The path of every message: no promise, and the answer does not come back to the step. */
function forward(
  { ports: { clock, courier, count, onStored }, source, writer }: SessionHands,
  { id, to, request }: EffectNamed<'forward'>,
): void {
  const askedMs = clock.mono();
  courier.ask<ActorCallName>(to, request, (outcome) => {
    if (request.type === 'append' || request.type === 'groupAppend') {
      count(outcome.ok ? 'messagesStored' : 'messagesRefused', source);
      if (outcome.ok) onStored(clock.mono() - askedMs);
    }
    if (id === 0) return;
    const item = outcome.ok
      ? encodeReply(id, actorCalls.packReply<ActorCallName>(request.type, outcome.value))
      : encodeRefusal(id, refusalOf(outcome.error));
    writer.add(item);
  });
}

function ask(hands: SessionHands, effect: EffectNamed<'ask'>): void {
  if (effect.request.type !== 'attach') return askNow(hands, effect);
  // Each attachment is a commit: when everybody comes back at once, those of a moment share one.
  hands.ports.attachments.run(() => {
    // Whoever has gone meanwhile has told the user so, which an attachment must not follow.
    if (!hands.writer.isClosed) askNow(hands, effect);
  });
}

function askNow({ ports, self }: SessionHands, { id, to, request }: EffectNamed<'ask'>): void {
  ports.courier.ask<AskedCall>(to, request, (outcome) => {
    // The courier answers what was asked; the compiler cannot follow that the two unions go together.
    self.tell({ type: 'answered', call: request.type, id, outcome } as Answered);
  });
}

/** Every group answers by itself; the client hears of all of them together. */
function subscribe(hands: SessionHands, { id, user, groups }: EffectNamed<'subscribe'>): void {
  const { ports, self, session } = hands;
  const answers = new Map<GroupId, Outcome<GroupReply<'groupSubscribe'>>>();
  const wanted = new Set(groups);
  const answered = (): void => {
    if (answers.size === wanted.size) self.tell({ type: 'subscribed', id, outcomes: [...answers] });
  };
  for (const group of wanted)
    ports.groups.subscribe({ number: session, user }, group, (outcome) => {
      answers.set(group, outcome);
      answered();
    });
  if (wanted.size === 0) answered();
}

/** A receipt costs a fraction when it rides with something else, and no person sees the difference. */
function push({ writer }: SessionHands, effect: EffectNamed<'push'>): void {
  const item = encodePush(effect.push);
  if (effect.push.type === 'receipt' || effect.push.type === 'groupMarks') writer.addLater(item);
  else writer.add(item);
}

/** Answers that carry the time are completed here: a step has no clock. */
function greet(hands: SessionHands, { id, version }: EffectNamed<'greet'>): void {
  const { clock, credentials, greeting } = hands.ports;
  const nonce = credentials.nonce();
  hands.nonce = nonce;
  const reply = { ...greeting, version, nonce, now: clock.now() };
  if (id !== 0) hands.writer.add(encodeReply(id, clientCalls.packReply('hello', reply)));
}

function pong({ ports, writer }: SessionHands, effect: EffectNamed<'pong'>): void {
  const { id, head, memberships } = effect;
  const reply = { head, memberships, now: ports.clock.now() };
  writer.add(encodeReply(id, clientCalls.packReply('ping', reply)));
}

/** A wait that ends earlier is left: its tick finds nothing due and schedules the rest, once instead of for every call. */
function schedule(hands: SessionHands, { delayMs }: EffectNamed<'schedule'>): void {
  const { clock, timers } = hands.ports;
  const atMs = clock.mono() + delayMs;
  if (hands.timer !== undefined && hands.timerAtMs <= atMs) return;
  hands.timer?.cancel();
  hands.timerAtMs = atMs;
  hands.timer = timers.after(delayMs, () => {
    hands.timer = undefined;
    hands.self.tell({ type: 'tick' });
  });
}

const ENDED = new FastChatError('E_UNREACHABLE', 'the session has ended');

function close({ self, writer }: SessionHands, { reason }: EffectNamed<'close'>): void {
  writer.close(reason);
  self.end(ENDED);
}

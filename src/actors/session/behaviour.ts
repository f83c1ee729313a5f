/** A session as a host runs it. */
import type { Push } from '../../protocol/client-calls.ts';
import type { Address } from '../../protocol/ids.ts';
import type { ActorBehaviour, ActorSelf } from '../runtime/logic.ts';
import { SessionActor } from './actor.ts';
import type { SessionOptions } from './actor.ts';
import type { MessageNamed, SessionMsg } from './messages.ts';
import { headOf } from './push-window.ts';

/** Where a session has nowhere to go on from: its mailbox is full of frames, or it has ended. */
type Overrun = () => void;

type Missed = MessageNamed<'missed' | 'missedGroup'>;

/**
 * What does not fit the mailbox: the content of pushes is dropped and the client told to pull; a client that sends faster
 * than it is served loses its link (`onOverrun`) and sends again what was not answered.
 */
export function sessionBehaviour(
  options: SessionOptions,
  onOverrun: Overrun,
): ActorBehaviour<SessionMsg> {
  let self: ActorSelf<SessionMsg> | undefined;
  /** By log; one fact for all that is refused in one turn, as facts have no bound of their own. */
  const missed = new Map<Address | undefined, Missed>();

  function noteMissed(log: Address | undefined, fact: Missed): void {
    const isNoted = missed.size > 0;
    const before = missed.get(log)?.head ?? 0;
    missed.set(log, { ...fact, head: Math.max(before, fact.head) });
    if (isNoted) return;
    options.ports.clock.soon(() => {
      for (const noted of missed.values()) self?.tell(noted);
      missed.clear();
    });
  }

  function missedPush(push: Push): void {
    if (push.type !== 'groupEntries')
      return noteMissed(undefined, { type: 'missed', head: headOf(push) });
    const { group, incarnation, entries } = push;
    const head = entries.at(-1)?.seq ?? 0;
    noteMissed(group, { type: 'missedGroup', group, incarnation, head });
  }

  return {
    activate(given) {
      self = given;
      return Promise.resolve(new SessionActor(given, options));
    },
    refuse(msg) {
      if (msg.type === 'push') missedPush(msg.push);
      if (msg.type === 'batch' || msg.type === 'linkClosed') onOverrun();
    },
  };
}

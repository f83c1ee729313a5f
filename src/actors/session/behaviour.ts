/** A session as a host runs it. */
import type { ActorBehaviour, ActorSelf } from '../runtime/logic.ts';
import { SessionActor } from './actor.ts';
import type { SessionOptions } from './actor.ts';
import type { SessionMsg } from './messages.ts';
import { headOf } from './push-window.ts';

/** Where a session has nowhere to go on from: its mailbox is full of frames, or it has ended. */
type Overrun = () => void;

/**
 * What does not fit the mailbox: the content of pushes is dropped and the client told to pull; a client that sends faster
 * than it is served loses its link (`onOverrun`) and sends again what was not answered.
 */
export function sessionBehaviour(
  options: SessionOptions,
  onOverrun: Overrun,
): ActorBehaviour<SessionMsg> {
  let self: ActorSelf<SessionMsg> | undefined;
  let missedHead = 0;

  function noteMissed(head: number): void {
    const isNoted = missedHead > 0;
    missedHead = Math.max(missedHead, head);
    if (isNoted) return;
    // One fact for all that is refused in this turn: facts have no bound of their own.
    options.ports.clock.soon(() => {
      self?.tell({ type: 'missed', head: missedHead });
      missedHead = 0;
    });
  }

  return {
    activate(given) {
      self = given;
      return Promise.resolve(new SessionActor(given, options));
    },
    refuse(msg) {
      if (msg.type === 'push') noteMissed(headOf(msg.push));
      if (msg.type === 'batch' || msg.type === 'linkClosed') onOverrun();
    },
  };
}

/** One life of a session: its step, and the hands that do what the step wants. It ends with its link. */
import type { ActorInstance, ActorSelf } from '../runtime/logic.ts';
import { perform } from './effects.ts';
import type { SessionHands, SessionPorts } from './effects.ts';
import { farewell } from './farewell.ts';
import { LinkWriter } from './link-writer.ts';
import type { SessionEffect, SessionMsg } from './messages.ts';
import type { SessionSetup, SessionState } from './phases.ts';
import { openSession, stepSession } from './state.ts';

export class SessionActor implements ActorInstance<SessionMsg> {
  readonly #hands: SessionHands;
  readonly #state: SessionState;

  constructor(self: ActorSelf<SessionMsg>, ports: SessionPorts, setup: SessionSetup) {
    const onCongested = (): void => self.tell({ type: 'congested' });
    const writer = new LinkWriter(ports.link, ports.clock, onCongested);
    this.#hands = { self, ports, writer, timer: undefined };
    const { state, effects } = openSession(setup);
    this.#state = state;
    this.#performAll(effects);
  }

  handle(msg: SessionMsg): void {
    const nowMs = this.#hands.ports.clock.mono();
    this.#performAll(stepSession(this.#state, msg, nowMs).effects);
  }

  /** A session lives as long as its link. */
  isIdle(): boolean {
    return false;
  }

  stopped(): void {
    this.#hands.timer?.cancel();
    this.#performAll(farewell(this.#state));
    this.#hands.writer.close('the session was stopped');
  }

  #performAll(effects: readonly SessionEffect[]): void {
    for (const effect of effects) perform(this.#hands, effect);
  }
}

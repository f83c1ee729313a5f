/** One life of a session: its step, and the hands that do what the step wants. It ends with its link. */
import type { ActorInstance, ActorSelf } from '../runtime/logic.ts';
import { perform } from './effects.ts';
import type { SessionHands, SessionLink, SessionPorts } from './effects.ts';
import { farewell } from './farewell.ts';
import { LinkWriter } from './link-writer.ts';
import type { SessionEffect, SessionMsg } from './messages.ts';
import type { SessionSetup, SessionState } from './phases.ts';
import { openSession, stepSession } from './state.ts';

export interface SessionOptions {
  readonly ports: SessionPorts;
  readonly link: SessionLink;
  readonly setup: SessionSetup;
}

export class SessionActor implements ActorInstance<SessionMsg> {
  readonly #hands: SessionHands;
  readonly #state: SessionState;

  constructor(self: ActorSelf<SessionMsg>, options: SessionOptions) {
    const { link, ports, setup } = options;
    const onCongested = (): void => self.tell({ type: 'congested' });
    this.#hands = {
      self,
      ports,
      session: setup.session.session,
      source: link.source,
      writer: new LinkWriter(link, ports.clock, onCongested),
      nonce: undefined,
      timer: undefined,
      timerAtMs: 0,
    };
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

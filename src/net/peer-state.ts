/**
 * Whether a peer can be talked to: pure, so that every order of events can be tested.
 *
 * P1  `up` means both ways: we hear the peer, and the peer says that it hears our present link.
 * P2  A hello with another boot id means that the peer restarted: whoever waits for it is told `down` first.
 * P3  Links of one boot only grow: a hello that was overtaken by a newer one changes nothing.
 */

export type PeerState =
  /** Nothing heard since the last break. */
  | { readonly at: 'dialing' }
  /** We hear the peer; it has not confirmed that it hears us. */
  | ({ readonly at: 'greeting' } & Heard)
  | ({ readonly at: 'up' } & Heard)
  /** Heard once, then nothing for too long. */
  | { readonly at: 'silent' };

interface Heard {
  readonly bootId: string;
  /** The peer's link to us. */
  readonly link: number;
  readonly lastHeardMs: number;
}

export type PeerEvent =
  | { readonly type: 'hello'; readonly bootId: string; readonly link: number }
  /** A frame of the peer's present link. */
  | { readonly type: 'heard' }
  | { readonly type: 'heartbeat'; readonly hearsUs: boolean }
  /** Our link to the peer broke. */
  | { readonly type: 'broken' }
  | { readonly type: 'tick'; readonly silentMs: number };

/** `greet`: send hello and heartbeat now; `relink`: what was sent may be lost, name our link anew. */
export type PeerEffect = 'greet' | 'up' | 'down' | 'relink';

export interface PeerStep {
  readonly state: PeerState;
  readonly effects: readonly PeerEffect[];
}

const NO_EFFECTS: readonly PeerEffect[] = [];
const stay = (state: PeerState): PeerStep => ({ state, effects: NO_EFFECTS });

/** The link on which the peer is heard; undefined when it is not. */
export function heardLink(state: PeerState): number | undefined {
  return state.at === 'up' || state.at === 'greeting' ? state.link : undefined;
}

export function stepPeer(state: PeerState, event: PeerEvent, nowMs: number): PeerStep {
  switch (event.type) {
    case 'hello':
      return onHello(state, event.bootId, event.link, nowMs);
    case 'broken':
      return onBroken(state);
    case 'heard':
      if (state.at !== 'greeting' && state.at !== 'up') return stay(state);
      return stay({ ...state, lastHeardMs: nowMs });
    case 'heartbeat':
      return onHeartbeat(state, event.hearsUs);
    case 'tick':
      if (state.at !== 'greeting' && state.at !== 'up') return stay(state);
      if (nowMs - state.lastHeardMs <= event.silentMs) return stay(state);
      return { state: { at: 'silent' }, effects: downIfUp(state) };
  }
}

function onHello(state: PeerState, bootId: string, link: number, nowMs: number): PeerStep {
  const fresh: PeerState = { at: 'greeting', bootId, link, lastHeardMs: nowMs };
  if (state.at === 'dialing' || state.at === 'silent') return { state: fresh, effects: ['greet'] };
  if (state.bootId === bootId && link <= state.link) return stay(state);
  return { state: fresh, effects: [...downIfUp(state), 'greet'] };
}

function onHeartbeat(state: PeerState, hearsUs: boolean): PeerStep {
  if (state.at === 'greeting' && hearsUs) return { state: { ...state, at: 'up' }, effects: ['up'] };
  if (state.at === 'up' && !hearsUs)
    return { state: { ...state, at: 'greeting' }, effects: ['down'] };
  return stay(state);
}

function onBroken(state: PeerState): PeerStep {
  if (state.at === 'dialing') return stay(state);
  return { state: { at: 'dialing' }, effects: ['relink', ...downIfUp(state)] };
}

function downIfUp(state: PeerState): readonly PeerEffect[] {
  return state.at === 'up' ? ['down'] : NO_EFFECTS;
}

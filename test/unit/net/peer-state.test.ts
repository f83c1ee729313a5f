import { expect } from 'chai';
import fc from 'fast-check';
import { heardLink, stepPeer } from '../../../src/net/peer-state.ts';
import type { PeerEffect, PeerEvent, PeerState } from '../../../src/net/peer-state.ts';

const SILENT_MS = 2000;
const DIALING: PeerState = { at: 'dialing' };
const hello = (bootId = 'a', link = 1): PeerEvent => ({ type: 'hello', bootId, link });
const heartbeat = (hearsUs: boolean): PeerEvent => ({ type: 'heartbeat', hearsUs });
const tick: PeerEvent = { type: 'tick', silentMs: SILENT_MS };

/** Runs events one millisecond apart; answers the last state and all effects. */
function run(events: readonly PeerEvent[], from: PeerState = DIALING): [PeerState, PeerEffect[]] {
  let state = from;
  const effects: PeerEffect[] = [];
  for (const [nowMs, event] of events.entries()) {
    const step = stepPeer(state, event, nowMs);
    state = step.state;
    effects.push(...step.effects);
  }
  return [state, effects];
}

describe('peer state', () => {
  it('P1: is up when the peer is heard and says that it hears us', () => {
    expect(run([hello(), heartbeat(false)])[0].at).to.equal('greeting');
    const [state, effects] = run([hello(), heartbeat(true)]);
    expect(state).to.deep.equal({ at: 'up', bootId: 'a', link: 1, lastHeardMs: 0 });
    expect(effects).to.deep.equal(['greet', 'up']);
  });

  it('P1: goes down when the peer no longer hears us', () => {
    const [state, effects] = run([hello(), heartbeat(true), heartbeat(false)]);
    expect(state.at).to.equal('greeting');
    expect(effects.at(-1)).to.equal('down');
  });

  it('P2: goes down and greets when the peer restarted', () => {
    const [state, effects] = run([hello(), heartbeat(true), hello('b', 1)]);
    expect(state).to.include({ at: 'greeting', bootId: 'b' });
    expect(effects.slice(2)).to.deep.equal(['down', 'greet']);
  });

  it('P3: ignores a hello of an older link of the same boot', () => {
    const [state, effects] = run([hello('a', 5), heartbeat(true), hello('a', 4), hello('a', 5)]);
    expect(state).to.include({ at: 'up', link: 5 });
    expect(effects).to.deep.equal(['greet', 'up']);
  });

  it('goes down when the peer names its link anew', () => {
    expect(run([hello('a', 5), heartbeat(true), hello('a', 6)])[1]).to.deep.equal([
      'greet',
      'up',
      'down',
      'greet',
    ]);
  });

  it('is silent after more than the silent time, not at it', () => {
    const [up] = run([hello(), heartbeat(true)]);
    expect(stepPeer(up, tick, SILENT_MS).state.at).to.equal('up');
    expect(stepPeer(up, tick, SILENT_MS + 1)).to.deep.equal({
      state: { at: 'silent' },
      effects: ['down'],
    });
  });

  it('counts the silent time from the last frame', () => {
    const [up] = run([hello(), heartbeat(true)]);
    const heard = stepPeer(up, { type: 'heard' }, 1500).state;
    expect(stepPeer(heard, tick, SILENT_MS + 1500).state.at).to.equal('up');
  });

  it('forgets the link and names its own anew when the transport breaks', () => {
    const [state, effects] = run([
      hello(),
      heartbeat(true),
      { type: 'broken' },
      { type: 'broken' },
    ]);
    expect(state).to.deep.equal(DIALING);
    expect(effects.slice(2)).to.deep.equal(['relink', 'down']);
  });

  it('reports up and down in turn, whatever happens', () => {
    const event: fc.Arbitrary<PeerEvent> = fc.oneof(
      fc.record({
        type: fc.constant('hello' as const),
        bootId: fc.constantFrom('a', 'b'),
        link: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({ type: fc.constant('heartbeat' as const), hearsUs: fc.boolean() }),
      fc.constantFrom<PeerEvent>(
        { type: 'heard' },
        { type: 'broken' },
        { type: 'tick', silentMs: 0 },
      ),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const [state, effects] = run(events);
        const changes = effects.filter((effect) => effect === 'up' || effect === 'down');
        expect(
          changes.every((change, index) => change === (index % 2 === 0 ? 'up' : 'down')),
        ).to.equal(true);
        expect(state.at === 'up').to.equal(changes.at(-1) === 'up');
        expect(heardLink(state) !== undefined).to.equal(
          state.at === 'up' || state.at === 'greeting',
        );
      }),
    );
  });
});

import { expect } from 'chai';
import { GateTrials } from '../../../src/client/connection/gate-trials.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { GATE_AVOIDED_MS, LINK_PROBE_MS, LINK_QUIET_MS } from '../../../src/protocol/limits.ts';
import { World } from './world.ts';
import type { Home } from './world.ts';

/** Sweeps of open calls, the login at the next node, and the waits before. */
const SOME_MS = 1500;
const NOTICED_MS = LINK_QUIET_MS + LINK_PROBE_MS + SOME_MS;

/** Alice is at one of two nodes, Bob is at the other. */
async function prepare(): Promise<{ world: World; alice: Home; at: string; other: string }> {
  const world = await World.start();
  await world.cluster.addGate('n2');
  const alice = await world.join('alice');
  const at = alice.of('state').at(-1)?.node ?? '';
  const other = at === 'n1' ? 'n2' : 'n1';
  // The nodes of this cluster place nobody: who waits for a stopped one dials the other.
  const bob = await world.join('bob');
  await world.until(alice.client.send(bob.user, 'before'));
  return { world, alice, at, other };
}

function nodes(home: Home): ReadonlyArray<string | undefined> {
  return home.of('state').map(({ node }) => node);
}

describe('a client whose node says nothing', () => {
  it('goes to another one when a call waits for it, in seconds and not at the next keep-alive', async () => {
    const { world, alice, at, other } = await prepare();
    world.links.pause(at);
    const sent = alice.client.send(alice.user, 'during');
    await world.pass(NOTICED_MS);
    expect(nodes(alice)).to.deep.equal([at, undefined, other]);
    await world.until(sent, SOME_MS);
  });

  it('stays when the node is there and only this call takes its time', async () => {
    const { world, alice, at } = await prepare();
    world.cluster.script = ({ type }) => (type === 'keys' ? 'ignore' : 'serve');
    const asked = world.code(alice.client.fingerprint(parseUserId('carol')));
    await world.pass(NOTICED_MS);
    expect(nodes(alice)).to.deep.equal([at]);
    expect(await asked).to.equal('E_TIMEOUT');
  });
});

describe('the order of gates', () => {
  const places = ['a', 'b', 'c', 'd'].map((host) => ({ host, port: 1 }));
  const namesOf = (found: readonly { readonly host: string }[]): readonly string[] =>
    found.map(({ host }) => host);

  it('puts those that failed last, the one that failed longest ago first, and forgets it', async () => {
    const clock = new VirtualClock();
    const trials = new GateTrials(clock, seededRandom(3));
    const [a, b] = places;
    if (a === undefined || b === undefined) throw new Error('there are four');
    trials.failed(a);
    await clock.advance(1000);
    trials.failed(b);
    for (let round = 0; round < 20; round += 1)
      expect(namesOf(trials.order(places)).slice(2)).to.deep.equal(['a', 'b']);
    trials.failed(a);
    expect(namesOf(trials.order(places)).slice(2)).to.deep.equal(['b', 'a']);
    await clock.advance(GATE_AVOIDED_MS + 1);
    const firsts = Array.from({ length: 50 }, () => namesOf(trials.order(places))[0]);
    expect(new Set(firsts).size, 'gates that come first').to.equal(4);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { readBatch } from '../../src/actors/session/wire.ts';
import { decodeFrame } from '../../src/client/connection/wire.ts';
import { coordinatorCalls } from '../../src/cluster/coordinator-frames.ts';
import { replicaRequest } from '../../src/cluster/replication/frames.ts';
import { meshMessage } from '../../src/net/mesh-frames.ts';
import { actorCalls } from '../../src/protocol/actor-calls.ts';
import { clientCalls, push } from '../../src/protocol/client-calls.ts';
import { decodeRaw } from '../../src/protocol/codec.ts';
import { joinCalls } from '../../src/protocol/join-frames.ts';
import * as corpus from './corpus.ts';
import { fuzz } from './fuzz.ts';
import { MUTATORS } from './mutators.ts';
import { sampleCalls, sampleVariants } from './samples.ts';
import { FuzzWorld } from './world.ts';

const SEED = Number(process.env['FASTCHAT_SEED'] ?? Date.now() % 1_000_000);
const FRAMES = 20_000;

describe('fuzz', () => {
  it('starts from a valid frame of every kind', () => {
    for (const table of [clientCalls, actorCalls, coordinatorCalls, joinCalls])
      for (const call of sampleCalls(table.calls)) table.parseRequest(call);
    for (const union of [push, meshMessage, replicaRequest])
      for (const value of sampleVariants(union)) union.parse(value);
    const frames = corpus.clientFrames(corpus.NOBODY);
    expect(frames.length).to.be.greaterThan(Object.keys(clientCalls.calls).length);
    for (const frame of frames) readBatch(frame);
    for (const frame of corpus.pushFrames(corpus.NOBODY)) decodeFrame(frame);
    for (const { payload } of corpus.actorPayloads(corpus.NOBODY)) decodeRaw(payload);
  });

  for (const [name, mutator] of Object.entries(MUTATORS))
    it(`changes frames by ${name}, the same way for the same seed`, () => {
      const [other, frame] = corpus.clientFrames(corpus.NOBODY).slice(-2);
      if (frame === undefined || other === undefined) throw new Error('no corpus');
      const draw = (): readonly string[] =>
        fc
          .sample(mutator, { numRuns: 50, seed: 3 })
          .map((mutate) => Buffer.from(mutate(frame, other)).toString('hex'));
      const drawn = draw();
      expect(draw()).to.deep.equal(drawn);
      const same = Buffer.from(frame).toString('hex');
      const changed = drawn.filter((hex) => hex !== same).length;
      if (name === 'untouched') expect(changed).to.equal(0);
      else expect(changed).to.be.greaterThan(25);
    });

  it('notices a message that an honest session misses', async () => {
    const world = await FuzzWorld.start(5);
    for (let step = 0; step < 50; step += 1) await world.pass();
    expect(world.exchanged).to.be.greaterThan(10);
    for (const node of world.nodes) node.crash();
    for (let step = 0; step < 50; step += 1) await world.pass();
    expect((await world.missed()).join('\n')).to.match(/messages .* displayed/);
  });

  it(`${FRAMES} mutated frames cost an honest session nothing (seed ${SEED})`, async function () {
    this.timeout(60_000);
    const { findings, exchanged, byTarget } = await fuzz({ seed: SEED, frames: FRAMES });
    expect(findings).to.deep.equal([]);
    expect(exchanged).to.be.greaterThan(100);
    expect(Object.keys(byTarget)).to.have.length(7);
  });
});

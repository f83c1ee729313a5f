import { expect } from 'chai';
import fc from 'fast-check';
import { MessageQueue } from '../../../../src/actors/runtime/message-queue.ts';
import { encodeActorName } from '../../../../src/actors/runtime/nact-host.ts';

describe('message queue', () => {
  it('gives back what was put in, in order, whatever the mixture', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1500, max: 1500 })), (changes) => {
        const queue = new MessageQueue<number>();
        const model: number[] = [];
        let next = 0;
        for (const change of changes) {
          for (let count = 0; count < change; count += 1) {
            queue.push(next);
            model.push(next);
            next += 1;
          }
          for (let count = 0; count < -change; count += 1)
            expect(queue.shift()).to.equal(model.shift());
          expect(queue.length).to.equal(model.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is empty after clear', () => {
    const queue = new MessageQueue<number>();
    for (let value = 0; value < 10; value += 1) queue.push(value);
    queue.shift();
    queue.clear();
    expect(queue.length).to.equal(0);
    expect(queue.shift()).to.equal(undefined);
  });
});

describe('names for nact', () => {
  it('are accepted by it, and differ for different ids and lives', () => {
    const accepted = /^[A-Za-z0-9\-$_.+!*'(),]+$/;
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (left, right, life) => {
        expect(encodeActorName(left, life)).to.match(accepted);
        expect(encodeActorName(left, life)).to.not.equal(encodeActorName(left, life + 1));
        if (left !== right)
          expect(encodeActorName(left, life)).to.not.equal(encodeActorName(right, life));
      }),
    );
  });
});

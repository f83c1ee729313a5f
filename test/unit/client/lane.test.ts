import { expect } from 'chai';
import fc from 'fast-check';
import { Lane } from '../../../src/client/outbox/lane.ts';
import type { Seal } from '../../../src/client/outbox/lane.ts';
import { parseDeviceId, parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import { OUTBOX_WINDOW_MESSAGES } from '../../../src/protocol/limits.ts';

const INCARNATION = parseIncarnation('00'.repeat(16));
const DEVICE = parseDeviceId(1);

/** A seal under `counter`; its tag names the message, so a model node can tell a retry from another message. */
function seal(ordinal: number, counter: number): Seal {
  return {
    envelope: {
      to: parseUserId('bob'),
      incarnation: INCARNATION,
      from: parseUserId('alice'),
      device: DEVICE,
      counter,
      tag: Uint8Array.from({ length: 16 }, () => ordinal),
      boxEpoch: 1,
      quiet: false,
      body: new Uint8Array(1),
    },
    hash: new Uint8Array(32).fill(counter),
  };
}

function sealAll(lane: Lane): void {
  lane.rebase(INCARNATION, DEVICE);
  for (const ordinal of lane.sealable()) {
    lane.sealed(ordinal, seal(ordinal, lane.nextLink().counter));
    lane.saved(ordinal);
  }
}

/** A lane into a log that has taken one message of this process, so that the window is open; the next counter is 1. */
function confirmed(): Lane {
  const base = { incarnation: INCARNATION, device: DEVICE, counter: -1, hash: new Uint8Array(32) };
  const lane = new Lane(base);
  lane.add(0);
  sealAll(lane);
  lane.sent(0);
  lane.stored(0);
  return lane;
}

/** A lane with messages 1 to `count`, all sealed and sent. */
function flying(count: number): Lane {
  const lane = confirmed();
  for (let ordinal = 1; ordinal <= count; ordinal++) lane.add(ordinal);
  sealAll(lane);
  for (const { ordinal } of lane.sendable()) lane.sent(ordinal);
  return lane;
}

const countersOf = (lane: Lane): readonly number[] =>
  lane.sendable().map(({ seal: { envelope } }) => envelope.counter);

describe('lane', () => {
  it('O1: gives contiguous counters to as many messages as the window holds', () => {
    const lane = confirmed();
    for (let ordinal = 1; ordinal <= 100; ordinal++) lane.add(ordinal);
    sealAll(lane);
    expect(countersOf(lane)).to.deep.equal(
      Array.from({ length: OUTBOX_WINDOW_MESSAGES }, (_, index) => index + 1),
    );
    expect(lane.sealable()).to.deep.equal([]);
  });

  it('sends one message alone until its answer shows that the counters fit', () => {
    const lane = new Lane(undefined);
    for (let ordinal = 1; ordinal <= 3; ordinal++) lane.add(ordinal);
    sealAll(lane);
    expect(countersOf(lane)).to.deep.equal([1]);
    expect(lane.sealable()).to.deep.equal([]);
    expect([lane.isBehind(1), lane.isBehind(2)]).to.deep.equal([false, true]);
    lane.sent(1);
    lane.stored(1);
    expect(lane.sealable()).to.deep.equal([2, 3]);
  });

  it('sends nothing whose seal is not on the disk, nor anything behind it', () => {
    const lane = confirmed();
    lane.add(1);
    lane.add(2);
    lane.rebase(INCARNATION, DEVICE);
    lane.sealed(1, seal(1, 1));
    lane.sealed(2, seal(2, 2));
    lane.saved(2);
    expect(lane.sendable()).to.deep.equal([]);
    lane.saved(1);
    expect(lane.sendable()).to.have.length(2);
  });

  it('O2: keeps counter and bytes of what nobody knows the fate of', () => {
    const lane = flying(2);
    lane.refused(1, 'unknown');
    lane.refused(2, 'unknown');
    expect(lane.settle()).to.deep.equal({ isStale: false, isAhead: false });
    expect(countersOf(lane)).to.deep.equal([1, 2]);
  });

  it('O3: sends nothing after a refusal before every answer has come', () => {
    const lane = flying(3);
    lane.refused(1, 'later');
    expect(lane.settle()).to.equal(undefined);
    expect(lane.sendable()).to.deep.equal([]);
    lane.refused(2, 'counter');
    lane.refused(3, 'counter');
    expect(lane.settle()).to.deep.equal({ isStale: false, isAhead: false });
    expect(countersOf(lane)).to.deep.equal([1, 2, 3]);
  });

  it('gives the counter of a message that failed to the next', () => {
    const lane = flying(3);
    lane.stored(1);
    lane.refused(2, 'never');
    lane.refused(3, 'counter');
    lane.settle();
    expect(lane.sealable()).to.deep.equal([3]);
    sealAll(lane);
    expect(countersOf(lane)).to.deep.equal([2]);
  });

  it('voids the seals from a stale one on, and keeps their counters', () => {
    const lane = flying(3);
    lane.stored(1);
    lane.refused(2, 'stale');
    lane.refused(3, 'stale');
    expect(lane.settle()).to.deep.equal({ isStale: true, isAhead: false });
    expect(lane.sealable()).to.deep.equal([2, 3]);
    sealAll(lane);
    expect(countersOf(lane)).to.deep.equal([2, 3]);
  });

  it('leaves a counter out that the log has given to something else', () => {
    const lane = flying(1);
    lane.refused(1, 'counter');
    expect(lane.settle()).to.deep.equal({ isStale: false, isAhead: true });
    sealAll(lane);
    expect(countersOf(lane)).to.deep.equal([2]);
  });

  it('counts anew for another life of the log or another device, when nothing old is left', () => {
    const lane = flying(1);
    const other = parseIncarnation('11'.repeat(16));
    expect(lane.rebase(other, DEVICE)).to.equal(false);
    lane.stored(1);
    expect(lane.rebase(other, DEVICE)).to.equal(true);
    expect(lane.nextLink().counter).to.equal(1);
  });

  it('takes over after a restart what was sealed, as far as it is contiguous', () => {
    const base = { incarnation: INCARNATION, device: DEVICE, counter: 4, hash: new Uint8Array(32) };
    const lane = new Lane(base);
    lane.add(1, seal(1, 5));
    lane.add(2, seal(2, 6));
    lane.add(3, seal(3, 8));
    lane.add(4, seal(4, 9));
    expect(countersOf(lane)).to.deep.equal([5, 6]);
    expect(lane.sealable()).to.deep.equal([]);
    lane.sent(1);
    lane.stored(1);
    expect(lane.sealable()).to.deep.equal([3, 4]);
  });

  it('brings every message into the log once and in order, whatever gets lost or refused', () => {
    const step = fc.record({
      pick: fc.nat(100),
      fate: fc.constantFrom('ok', 'lost', 'muted', 'full', 'stale'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const log: number[] = [];
        const lane = confirmed();
        for (let ordinal = 1; ordinal <= 20; ordinal++) lane.add(ordinal);
        const inFlight: Array<{ ordinal: number; seal: Seal }> = [];
        /** What a correct node does with a message. */
        const deliver = ({ seal: { envelope } }: { seal: Seal }): boolean => {
          if (envelope.counter <= log.length) return log[envelope.counter - 1] === envelope.tag[0];
          if (envelope.counter !== log.length + 1) return false;
          log.push(envelope.tag[0] ?? 0);
          return true;
        };
        const run = (fate: string): void => {
          lane.settle();
          sealAll(lane);
          for (const item of lane.sendable()) {
            lane.sent(item.ordinal);
            inFlight.push(item);
          }
          const item = inFlight.shift();
          if (item === undefined) return;
          if (fate === 'lost') return lane.refused(item.ordinal, 'unknown');
          if (fate === 'full') return lane.refused(item.ordinal, 'later');
          if (fate === 'stale' && item.seal.envelope.counter > log.length)
            return lane.refused(item.ordinal, 'stale');
          const isStored = deliver(item);
          if (fate === 'muted') return lane.refused(item.ordinal, 'unknown');
          if (isStored) lane.stored(item.ordinal);
          else lane.refused(item.ordinal, 'counter');
        };
        for (const { fate } of steps) run(fate);
        for (let turn = 0; turn < 500 && !lane.isEmpty; turn++) run('ok');
        expect(log).to.deep.equal(Array.from({ length: 20 }, (_, index) => index + 1));
      }),
      { numRuns: 300 },
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { DeadlineWheel } from '../../../src/net/deadline-wheel.ts';
import { decodeBatch, encodeBatch, meshMessage } from '../../../src/net/mesh-frames.ts';
import type { MeshMessage } from '../../../src/net/mesh-frames.ts';
import { fromZ85, generateCurveKeys, toZ85 } from '../../../src/net/zmq-curve.ts';
import { WriteGuard } from '../../../src/net/write-guard.ts';
import { DEFAULT_LINK_LIMITS } from '../../../src/net/link-limits.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { MESH_DEADLINE_SLOT_MS } from '../../../src/protocol/limits.ts';
import { N1 } from './mesh-world.ts';

describe('DeadlineWheel', () => {
  it('ends every number not early and at most two slots late', () => {
    const delays = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(delays, fc.integer({ min: 0, max: 99_999 }), (all, startMs) => {
        const clock = new VirtualClock();
        clock.run(startMs);
        const dueMs = new Map<number, number>();
        const wheel = new DeadlineWheel(clock, (id) => dueMs.set(id, clock.mono() - startMs));
        for (const [id, delayMs] of all.entries()) wheel.add(id, delayMs);
        clock.run(startMs + 20_000);
        for (const [id, delayMs] of all.entries())
          expect(dueMs.get(id)).to.be.within(delayMs, delayMs + 2 * MESH_DEADLINE_SLOT_MS);
      }),
    );
  });

  it('looks only when something is due, and again when something is due sooner', () => {
    const clock = new VirtualClock();
    const ended: number[] = [];
    const wheel = new DeadlineWheel(clock, (id) => ended.push(id));
    wheel.add(1, 9000);
    wheel.add(2, 10);
    let looks = 0;
    while (clock.step(20_000)) looks += 1;
    expect(ended).to.deep.equal([2, 1]);
    expect(looks).to.equal(2);
  });

  it('keeps no timer when nothing waits', () => {
    const clock = new VirtualClock();
    const wheel = new DeadlineWheel(clock, () => undefined);
    wheel.add(1, 10);
    clock.run(1000);
    expect(clock.pending).to.equal(0);
    wheel.add(2, 10);
    wheel.close();
    expect(clock.pending).to.equal(0);
  });
});

describe('mesh frames', () => {
  const messages: readonly MeshMessage[] = [
    { type: 'hello', version: 1, node: N1, bootId: 'b' },
    { type: 'heartbeat', hears: 7, heardSeq: 8, load: Uint8Array.of(1) },
    { type: 'request', id: 2 ** 50, service: 1, payload: Uint8Array.of(2, 3) },
    { type: 'reply', id: 1, payload: new Uint8Array(0) },
    { type: 'failure', id: 1, code: 'E_IO', message: 'disk', retryAfterMs: undefined },
    { type: 'tell', service: 5, payload: Uint8Array.of(4) },
  ];

  it('come back as they were', () => {
    const frame = encodeBatch(
      3,
      9,
      messages.map((message) => meshMessage.pack(message)),
    );
    expect(decodeBatch(frame)).to.deep.equal({ link: 3, seq: 9, messages });
  });

  it('that are anything else are E_BAD_FRAME and nothing worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeBatch(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(FastChatError).and.include({ code: 'E_BAD_FRAME' });
        }
      }),
    );
  });
});

describe('CURVE keys', () => {
  it('are 32 bytes whose Z85 form comes back', () => {
    const { publicKey, secretKey } = generateCurveKeys();
    expect([publicKey.length, secretKey.length]).to.deep.equal([32, 32]);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(fromZ85(toZ85(key))).to.deep.equal(key);
      }),
    );
  });

  it('match the test vector of the Z85 specification', () => {
    expect(fromZ85('HelloWorld')).to.deep.equal(
      Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b),
    );
  });

  it('of a wrong form are refused', () => {
    expect(() => toZ85(new Uint8Array(31))).to.throw(FastChatError);
    for (const text of ['abcd', 'ab~de', '#####'])
      expect(() => fromZ85(text)).to.throw(FastChatError);
  });
});

describe('WriteGuard', () => {
  function guarded(): {
    clock: VirtualClock;
    guard: WriteGuard;
    seen: string[];
    pending: { bytes: number };
  } {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const pending = { bytes: 0 };
    const limits = {
      ...DEFAULT_LINK_LIMITS,
      writeBytesPause: 10,
      writeBytesMax: 20,
      writeBytesHardMax: 40,
      writeStallMs: 1000,
    };
    const guard = new WriteGuard({
      clock,
      limits,
      pendingBytes: () => pending.bytes,
      onPaused: () => seen.push('paused'),
      onWritable: () => seen.push('writable'),
      onStalled: (reason) => seen.push(reason),
    });
    return { clock, guard, seen, pending };
  }

  it('pauses past the mark, not at it, and tells once when there is room', () => {
    const { guard, seen, pending } = guarded();
    pending.bytes = 10;
    expect(guard.added()).to.equal(true);
    pending.bytes = 11;
    expect([guard.added(), guard.added()]).to.deep.equal([false, false]);
    guard.drained();
    pending.bytes = 10;
    guard.drained();
    guard.drained();
    expect(seen).to.deep.equal(['paused', 'writable']);
  });

  it('gives up after the stall time above the maximum, and not when there was less in between', () => {
    const { clock, guard, seen, pending } = guarded();
    pending.bytes = 21;
    guard.added();
    clock.run(999);
    pending.bytes = 20;
    guard.drained();
    pending.bytes = 21;
    guard.added();
    clock.run(1998);
    expect(seen).to.deep.equal(['paused']);
    clock.run(1999);
    expect(seen).to.deep.equal(['paused', 'the other side does not read']);
  });

  it('gives up at once above the hard maximum', () => {
    const { guard, seen, pending } = guarded();
    pending.bytes = 41;
    guard.added();
    expect(seen[0]).to.equal('far too much to write');
  });
});

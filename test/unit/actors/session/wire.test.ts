import { expect } from 'chai';
import fc from 'fast-check';
import { LinkWriter } from '../../../../src/actors/session/link-writer.ts';
import {
  encodePush,
  encodeRefusal,
  encodeReply,
  readBatch,
} from '../../../../src/actors/session/wire.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { clientCalls } from '../../../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../../../src/protocol/codec.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { FRAMES_PER_BATCH_MAX } from '../../../../src/protocol/limits.ts';
import { ALICE, envelope } from './session-bench.ts';

describe('batches of calls', () => {
  const request = { type: 'send', envelope: envelope() } as const;

  it('are read as they were written', () => {
    const frame = encodeRaw([
      clientCalls.packRequest(7, request),
      clientCalls.packRequest(0, { type: 'ping' }),
    ]);
    expect(readBatch(frame)).to.deep.equal([
      { id: 7, request },
      { id: 0, request: { type: 'ping' } },
    ]);
  });

  it('share nothing with the buffer they came in', () => {
    const frame = encodeRaw([clientCalls.packRequest(7, request)]);
    const items = readBatch(frame);
    frame.fill(0);
    expect(items).to.deep.equal([{ id: 7, request }]);
  });

  it('are refused as a whole when one call is wrong', () => {
    const good = clientCalls.packRequest(1, { type: 'ping' });
    const wrongs = [
      [good, 5],
      [good, [37]],
      [good, [37, -1]],
      [good, [37, 1.5]],
      [good, [37, 2 ** 32]],
      [good, [37, '1']],
      [good, [37, 1, 'too much']],
      [good, [255, 1]],
      Array.from({ length: FRAMES_PER_BATCH_MAX + 1 }, () => good),
      'text',
    ];
    for (const wrong of wrongs)
      expect(() => readBatch(encodeRaw(wrong)), JSON.stringify(wrong).slice(0, 40))
        .to.throw(FastChatError)
        .with.property('code', 'E_BAD_FRAME');
  });

  it('survive any bytes', () => {
    const valid = encodeRaw([clientCalls.packRequest(7, request)]);
    const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([index, byte]) => {
      const copy = Uint8Array.from(valid);
      copy[index] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        try {
          readBatch(bytes);
        } catch (cause) {
          expect(cause).to.be.instanceOf(FastChatError).with.property('code', 'E_BAD_FRAME');
        }
      }),
    );
  });
});

describe('what a gate says', () => {
  it('is an answer, a refusal with or without a wait, or a push', () => {
    const refusal = { code: 'E_AUTH', text: 'no' } as const;
    expect(decodeRaw(encodeReply(4, [1, 2]))).to.deep.equal([0, 4, 1, 2]);
    expect(decodeRaw(encodeRefusal(4, refusal))).to.deep.equal([1, 4, 'E_AUTH', 'no']);
    expect(decodeRaw(encodeRefusal(4, { ...refusal, retryAfterMs: 9 }))).to.deep.equal([
      1,
      4,
      'E_AUTH',
      'no',
      9,
    ]);
    expect(decodeRaw(encodePush({ type: 'typing', user: ALICE }))).to.deep.equal([6, '@alice']);
  });

  interface Output {
    readonly clock: VirtualClock;
    readonly writer: LinkWriter;
    readonly log: string[];
  }

  function output(takes = true): Output {
    const clock = new VirtualClock();
    const log: string[] = [];
    const link = {
      send: (frame: Uint8Array) => {
        log.push(`frame of ${(decodeRaw(frame) as unknown[]).length}`);
        return takes;
      },
      close: (reason?: string) => log.push(`close ${reason}`),
    };
    const writer = new LinkWriter(link, clock, () => log.push('congested'));
    return { clock, writer, log };
  }

  const item = encodeReply(1, []);

  it('leaves once a turn', () => {
    const { clock, writer, log } = output();
    writer.add(item);
    writer.add(item);
    expect(log).to.deep.equal([]);
    clock.run(0);
    writer.add(item);
    clock.run(0);
    expect(log).to.deep.equal(['frame of 2', 'frame of 1']);
  });

  it('is written before the link closes, and not after', () => {
    const { clock, writer, log } = output();
    writer.add(item);
    writer.close('done');
    writer.add(item);
    writer.close('again');
    clock.run(0);
    expect(log).to.deep.equal(['frame of 1', 'close done']);
  });

  it('tells when the link has more to write than it should', () => {
    const { clock, writer, log } = output(false);
    writer.add(item);
    clock.run(0);
    expect(log).to.deep.equal(['frame of 1', 'congested']);
  });
});

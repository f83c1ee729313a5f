import { expect } from 'chai';
import { decodeFrame } from '../../../src/client/connection/wire.ts';
import { encodeRaw } from '../../../src/protocol/codec.ts';
import { REFUSAL_WAIT_MS_MAX } from '../../../src/protocol/limits.ts';

/** The wait that a client reads from a refusal. */
function waitIn(retryAfterMs: unknown): number | undefined {
  const [item] = decodeFrame(encodeRaw([[1, 1, 'E_RATE_LIMITED', 'wait', retryAfterMs]]));
  return item?.type === 'refusal' ? item.error.retryAfterMs : undefined;
}

describe('the wait that a node names', () => {
  it('is kept when a timer can keep it', () => {
    for (const wait of [0, 1, 250.5, REFUSAL_WAIT_MS_MAX]) expect(waitIn(wait)).to.equal(wait);
  });

  it('is bounded when it is longer than anybody would wait', () => {
    for (const wait of [REFUSAL_WAIT_MS_MAX + 1, 2 ** 40, Infinity])
      expect(waitIn(wait)).to.equal(REFUSAL_WAIT_MS_MAX);
  });

  it('is none when it is no wait', () => {
    for (const wait of [NaN, -1, -Infinity, 'soon', null, [5]])
      expect(waitIn(wait), String(wait)).to.equal(undefined);
  });
});

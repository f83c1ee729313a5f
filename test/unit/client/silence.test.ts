import { expect } from 'chai';
import { Silence } from '../../../src/client/connection/silence.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { LINK_QUIET_MS, LINK_SLOW_BYTES_PER_SECOND } from '../../../src/protocol/limits.ts';

describe('a silence', () => {
  it('is doubtful after LINK_QUIET_MS in which a call waited and not a byte came', async () => {
    const clock = new VirtualClock();
    const silence = new Silence(clock);
    await clock.advance(60_000);
    expect(silence.isDoubtful(0, clock.mono()), 'nobody waits').to.equal(false);
    const sinceMs = clock.mono();
    await clock.advance(LINK_QUIET_MS - 1);
    expect(silence.isDoubtful(0, sinceMs)).to.equal(false);
    await clock.advance(1);
    expect(silence.isDoubtful(0, sinceMs)).to.equal(true);
    expect(silence.isDoubtful(10, sinceMs), 'part of a frame came').to.equal(false);
  });

  it('is expected while what was sent may still be on a slow way', async () => {
    const clock = new VirtualClock();
    const silence = new Silence(clock);
    silence.sent(3 * LINK_SLOW_BYTES_PER_SECOND);
    await clock.advance(LINK_QUIET_MS + 2999);
    expect(silence.isDoubtful(0, 0)).to.equal(false);
    await clock.advance(1);
    expect(silence.isDoubtful(0, 0)).to.equal(true);
    expect(silence.isDoubtful(1, 0)).to.equal(false);
    expect(silence.allowanceMs, 'what came answers for what was sent').to.equal(0);
  });
});

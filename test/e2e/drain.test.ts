/** Nodes that are restarted, drained and added under load, as those who write meanwhile see it. */
import { expect } from 'chai';
import { growth, rollingRestart } from '../drain/rolling.ts';

describe('a rolling restart', function () {
  this.timeout(180_000);

  it('of all three nodes fails no send, loses nobody and nothing', async () => {
    const result = await rollingRestart({
      nodes: 3,
      sessions: 30,
      rate: 60,
      restarts: 3,
      args: [],
      say: () => undefined,
    });
    expect(result.exits).to.deep.equal([0, 0, 0]);
    expect(result.violations).to.deep.equal([]);
    expect(result).to.include({ failed: 0, away: 0 });
    expect(result.sent).to.be.above(60);
    expect(result.moved, 'sessions that were moved').to.be.above(10);
  });
});

describe('a fourth node', function () {
  this.timeout(180_000);

  it('that joins under load has its share of the shards within 30 s, and nobody notices', async () => {
    const options = { nodes: 3, sessions: 20, rate: 40, args: [], say: () => undefined };
    const { evenMs, failed, violations, away } = await growth(options);
    expect(evenMs).to.be.at.most(30_000);
    expect({ failed, violations, away }).to.deep.equal({ failed: 0, violations: [], away: 0 });
  });
});

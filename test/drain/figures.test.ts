import { expect } from 'chai';
import type { JournalEvent } from '../faults/verdict/journal.ts';
import { drainFigures, mostWithin } from './figures.ts';

describe('the figures of a drain', () => {
  const message = { from: '@a', to: '@b', id: 'm1' } as const;

  it('are those of a run in which one client was moved and another did not come back', () => {
    const events: readonly JournalEvent[] = [
      { at: 0, is: 'connected', by: '@a', node: 'n1' },
      { at: 10, is: 'sent', ...message },
      { at: 20, is: 'disconnected', by: '@a' },
      { at: 25, is: 'disconnected', by: '@b' },
      { at: 60, is: 'connected', by: '@a', node: 'n2' },
      { at: 70, is: 'acknowledged', ...message },
      { at: 75, is: 'displayed', by: '@b', ...message },
    ];
    expect(drainFigures(events, 5)).to.deep.include({
      sent: 1,
      failed: 0,
      violations: [],
      moved: 1,
      away: 1,
      pauseMaxMs: 40,
      storedMaxMs: 60,
      loginsPerSecondMax: 1,
    });
  });

  it('count a send that was given up as a failure', () => {
    const events: readonly JournalEvent[] = [
      { at: 10, is: 'sent', ...message },
      { at: 20, is: 'refused', code: 'E_TIMEOUT', ...message },
    ];
    expect(drainFigures(events, 0).failed).to.equal(1);
  });

  it('find the second with the most logins', () => {
    expect(mostWithin([0, 500, 900, 1100, 1200, 5000], 1000)).to.equal(4);
    expect(mostWithin([], 1000)).to.equal(0);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import {
  acknowledge,
  checkTold,
  isBehind,
  isHeld,
  noteHead,
  openWindow,
  pushEntries,
  setWritable,
} from '../../../../src/actors/session/push-window.ts';
import type { PushWindow } from '../../../../src/actors/session/push-window.ts';
import type { Push } from '../../../../src/protocol/client-calls.ts';
import { PUSH_BYTES_MAX, PUSH_WINDOW_ENTRIES } from '../../../../src/protocol/limits.ts';
import { ALICE, entries } from './session-bench.ts';

/** What a push says: `from..to` of its entries, or `head n`. */
function tell(pushes: readonly Push[]): readonly string[] {
  return pushes.map((push) => {
    if (push.type === 'entries') return `${push.entries[0]?.seq}..${push.entries.at(-1)?.seq}`;
    return push.type === 'head' ? `head ${push.head}` : push.type;
  });
}

function full(): PushWindow {
  const window = openWindow(ALICE, 0);
  pushEntries(window, entries(1, PUSH_WINDOW_ENTRIES));
  return window;
}

describe('push window', () => {
  it('W1: passes on what continues the log', () => {
    const window = openWindow(ALICE, 10);
    expect(tell(pushEntries(window, entries(11, 12)))).to.deep.equal(['11..12']);
    expect(tell(pushEntries(window, entries(13, 13)))).to.deep.equal(['13..13']);
  });

  it('W1: drops what was pushed before, and the part of a push that was', () => {
    const window = openWindow(ALICE, 10);
    expect(tell(pushEntries(window, entries(9, 10)))).to.deep.equal([]);
    expect(tell(pushEntries(window, entries(9, 12)))).to.deep.equal(['11..12']);
    expect(tell(pushEntries(window, []))).to.deep.equal([]);
  });

  it('W1: after a gap the client is told to pull, and pushing goes on from there', () => {
    const window = openWindow(ALICE, 10);
    expect(tell(pushEntries(window, entries(12, 13)))).to.deep.equal(['head 13']);
    expect(tell(pushEntries(window, entries(14, 14)))).to.deep.equal(['14..14']);
  });

  it('W2: is full at its limit, and holds the entry after it', () => {
    const window = openWindow(ALICE, 0);
    pushEntries(window, entries(1, PUSH_WINDOW_ENTRIES + 1));
    expect(window.sent).to.equal(PUSH_WINDOW_ENTRIES);
    expect(isHeld(window)).to.equal(true);
    const next = PUSH_WINDOW_ENTRIES + 2;
    expect(pushEntries(window, entries(next, next))).to.deep.equal([]);
  });

  it('W3: resumes by one head when the client acknowledges', () => {
    const window = full();
    pushEntries(window, entries(PUSH_WINDOW_ENTRIES + 1, PUSH_WINDOW_ENTRIES + 5));
    expect(tell(acknowledge(window, 1))).to.deep.equal([`head ${PUSH_WINDOW_ENTRIES + 5}`]);
    expect(tell(acknowledge(window, 2)), 'only once').to.deep.equal([]);
    acknowledge(window, PUSH_WINDOW_ENTRIES + 5);
    const next = PUSH_WINDOW_ENTRIES + 6;
    expect(tell(pushEntries(window, entries(next, next)))).to.deep.equal([`${next}..${next}`]);
  });

  it('W3: a link that is congested holds content, and is told when it takes more', () => {
    const window = openWindow(ALICE, 0);
    setWritable(window, false);
    expect(pushEntries(window, entries(1, 3))).to.deep.equal([]);
    expect(tell(setWritable(window, true))).to.deep.equal(['head 3']);
    expect(tell(setWritable(window, true))).to.deep.equal([]);
  });

  it('a client that pulled ahead is not pushed what it has', () => {
    const window = openWindow(ALICE, 0);
    expect(tell(acknowledge(window, 5))).to.deep.equal([]);
    expect(tell(pushEntries(window, entries(4, 6)))).to.deep.equal(['6..6']);
  });

  it('an older head is no news', () => {
    expect(noteHead(openWindow(ALICE, 10), 10)).to.deep.equal([]);
    expect(tell(noteHead(openWindow(ALICE, 10), 11))).to.deep.equal(['head 11']);
  });

  it('an answered head counts as missed only if its push has not come by the next answer', () => {
    const window = openWindow(ALICE, 10);
    expect(checkTold(window, 12)).to.deep.equal([]);
    expect(isBehind(window)).to.equal(true);
    pushEntries(window, entries(11, 12));
    expect(isBehind(window)).to.equal(false);
    expect(checkTold(window, 13)).to.deep.equal([]);
    expect(tell(checkTold(window, 13))).to.deep.equal(['head 13']);
  });

  it('splits large entries so that each push fits a frame', () => {
    const window = openWindow(ALICE, 0);
    const pushes = pushEntries(window, entries(1, 5, PUSH_BYTES_MAX / 2));
    expect(tell(pushes)).to.deep.equal(['1..1', '2..2', '3..3', '4..4', '5..5']);
  });

  it('whatever is pushed, lost, acknowledged or congested: no gap, the bound holds, the client gets everything', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ type: fc.constant('lose' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ type: fc.constant('ack' as const), count: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ type: fc.constant('writable' as const), count: fc.integer({ min: 0, max: 1 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = openWindow(ALICE, 0);
        let head = 0;
        let has = 0;
        let acknowledged = 0;
        const receive = (pushes: readonly Push[]): void => {
          for (const push of pushes) {
            if (push.type === 'head') has = push.head;
            if (push.type !== 'entries') continue;
            expect(push.entries[0]?.seq, 'no gap').to.equal(has + 1);
            has = push.entries.at(-1)?.seq ?? has;
            expect(has - acknowledged, 'bound').to.be.at.most(PUSH_WINDOW_ENTRIES);
          }
        };
        for (const { type, count } of steps) {
          if (type === 'append') {
            receive(pushEntries(window, entries(head + 1, head + count)));
            head += count;
          } else if (type === 'lose') {
            head += count;
          } else if (type === 'ack') {
            acknowledged = Math.max(acknowledged, Math.min(has, acknowledged + count));
            receive(acknowledge(window, acknowledged));
          } else {
            receive(setWritable(window, count === 1));
          }
        }
        receive(setWritable(window, true));
        receive(acknowledge(window, has));
        receive(checkTold(window, head));
        receive(checkTold(window, head));
        expect(has, 'the client was told of everything').to.equal(head);
      }),
    );
  });
});

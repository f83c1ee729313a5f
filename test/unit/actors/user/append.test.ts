import { expect } from 'chai';
import type { UserEffect } from '../../../../src/actors/user/messages.ts';
import { parseIncarnation } from '../../../../src/protocol/ids.ts';
import { PUSH_BYTES_MAX, ACTOR_COMMITS_WAITING_MAX } from '../../../../src/protocol/limits.ts';
import {
  START_MS,
  Stepper,
  alice,
  answers,
  bob,
  carol,
  envelopeOf,
  of,
  one,
  pushes,
  two,
  withLimits,
} from './fixtures.ts';

const kinds = (effects: readonly UserEffect[]): string[] => effects.map(({ type }) => type);

describe('user: append', () => {
  it('commits one log entry and one pair record, and says nothing before they are flushed (I2)', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const effects = user.append({ counter: 1 });
    expect(kinds(effects)).to.deep.equal(['commit']);
    const [commit] = of(effects, 'commit');
    expect(commit?.writes.map(({ type }) => type)).to.deep.equal(['log', 'pair']);
    const released = user.flush();
    expect(answers(released)).to.deep.equal([{ seq: 1, at: START_MS, last: 1 }]);
    expect(pushes(released)).to.deep.equal([
      [
        1,
        {
          type: 'entries',
          log: alice,
          entries: [{ seq: 1, at: START_MS, envelope: envelopeOf({ counter: 1 }) }],
        },
      ],
    ]);
  });

  it('pushes what was flushed together in one push per session', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    for (let counter = 1; counter <= 5; counter += 1) user.append({ counter });
    const released = user.flush();
    expect(pushes(released)).to.have.lengthOf(1);
    expect(answers(released)).to.have.lengthOf(5);
  });

  it('splits a push that would not fit a frame', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const bodyBytes = PUSH_BYTES_MAX / 2;
    for (let counter = 1; counter <= 3; counter += 1) user.append({ counter, bodyBytes });
    expect(pushes(user.flush())).to.have.lengthOf(2);
  });

  it('I7: acknowledges a duplicate again with the same place, and appends nothing', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.flush();
    user.nowMs += 1000;
    const effects = user.append({ counter: 1 });
    expect(effects.map(({ type }) => type)).to.deep.equal(['count', 'reply']);
    expect(answers(effects)).to.deep.equal([{ seq: 1, at: START_MS, last: 1 }]);
  });

  it('I7: lets a duplicate of a message under way wait for the same commit', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    expect(user.append({ counter: 1 }).map(({ type }) => type)).to.deep.equal(['count']);
    expect(answers(user.flush())).to.deep.equal([
      { seq: 1, at: START_MS, last: 1 },
      { seq: 1, at: START_MS, last: 1 },
    ]);
  });

  it('I7: acknowledges an older counter with the last place of the pair', () => {
    const user = Stepper.registered();
    for (let counter = 1; counter <= 3; counter += 1) user.append({ counter });
    user.flush();
    expect(answers(user.append({ counter: 1, tag: 99 }))).to.deep.equal([
      { seq: 3, at: START_MS, last: 3 },
    ]);
  });

  it('refuses another message under the last counter with E_COUNTER', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.flush();
    expect(answers(user.append({ counter: 1, tag: 99 }))).to.deep.equal(['E_COUNTER']);
  });

  const refusals = [
    { what: 'a gap in the counters', envelope: { counter: 2 }, code: 'E_COUNTER' },
    {
      what: 'a box key that does not exist yet',
      envelope: { counter: 1, boxEpoch: 2 },
      code: 'E_STALE_EPOCH',
    },
    {
      what: 'a box key below the minimum',
      envelope: { counter: 1, boxEpoch: 0 },
      code: 'E_STALE_EPOCH',
    },
  ];
  for (const { what, envelope, code } of refusals)
    it(`refuses ${what} with ${code}, using up no counter`, () => {
      const user = Stepper.registered();
      expect(answers(user.append(envelope))).to.deep.equal([code]);
      user.append({ counter: 1 });
      expect(answers(user.flush())).to.deep.equal([{ seq: 1, at: START_MS, last: 1 }]);
    });

  it('refuses what was written for an earlier life of the mailbox', () => {
    const user = Stepper.registered();
    const envelope = {
      ...envelopeOf({ counter: 1 }),
      incarnation: parseIncarnation('f'.repeat(32)),
    };
    expect(answers(user.ask({ type: 'append', envelope }))).to.deep.equal(['E_STALE_EPOCH']);
  });

  it('refuses mail for a user who does not exist', () => {
    expect(answers(new Stepper().append({ counter: 1 }))).to.deep.equal(['E_NO_SUCH_USER']);
  });

  it('refuses at exactly the bound of waiting messages, and takes more once some are delivered', () => {
    const user = Stepper.registered(withLimits({ mailboxMessages: 3 }));
    for (let counter = 1; counter <= 3; counter += 1) user.append({ counter });
    expect(answers(user.append({ counter: 4 }))).to.deep.equal(['E_MAILBOX_FULL']);
    user.flush();
    user.ask({ type: 'ack', device: one, upTo: 1 });
    user.append({ counter: 4 });
    expect(answers(user.flush())).to.deep.equal([{ seq: 4, at: START_MS, last: 4 }]);
  });

  it('refuses at the bound of waiting bytes', () => {
    const user = Stepper.registered(withLimits({ mailboxBytes: 250 }));
    user.append({ counter: 1 });
    user.append({ counter: 2 });
    expect(answers(user.append({ counter: 3 }))).to.deep.equal(['E_MAILBOX_FULL']);
    expect(of(user.append({ counter: 3, bodyBytes: 50 }), 'commit')).to.have.lengthOf(1);
  });

  it('acknowledges a duplicate although the mailbox is full', () => {
    const user = Stepper.registered(withLimits({ mailboxMessages: 1 }));
    user.append({ counter: 1 });
    user.flush();
    expect(answers(user.append({ counter: 1 }))).to.deep.equal([{ seq: 1, at: START_MS, last: 1 }]);
  });

  it('bounds what waits from a stranger, not from a contact', () => {
    const user = Stepper.registered(withLimits({ strangerMessages: 2 }));
    user.ask({ type: 'putContact', user: carol, contact: true, blocked: false });
    for (let counter = 1; counter <= 2; counter += 1) user.append({ counter });
    expect(answers(user.append({ counter: 3 }))).to.deep.equal(['E_MAILBOX_FULL']);
    for (let counter = 1; counter <= 3; counter += 1) user.append({ from: carol, counter });
    user.flush();
    user.ask({ type: 'ack', device: one, upTo: 5 });
    expect(of(user.append({ counter: 3 }), 'commit')).to.have.lengthOf(1);
  });

  it('tells a blocked sender "stored" and keeps nothing but the counter', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    user.ask({ type: 'putContact', user: bob, contact: false, blocked: true });
    user.flush();
    const [commit] = of(user.append({ counter: 1 }), 'commit');
    expect(commit?.writes.map(({ type }) => type)).to.deep.equal(['pair']);
    const released = user.flush();
    expect(answers(released)).to.deep.equal([{ seq: 0, at: START_MS, last: 1 }]);
    expect(pushes(released)).to.deep.equal([]);
    user.ask({ type: 'putContact', user: bob, contact: false, blocked: false });
    user.append({ counter: 2 });
    expect(answers(user.flush()).at(-1)).to.deep.equal({ seq: 1, at: START_MS, last: 2 });
  });

  it('makes senders wait when too many commits wait for the store', () => {
    const user = Stepper.registered(withLimits({ strangerMessages: Infinity }));
    for (let counter = 1; counter <= ACTOR_COMMITS_WAITING_MAX; counter += 1)
      user.append({ counter });
    const counter = ACTOR_COMMITS_WAITING_MAX + 1;
    expect(answers(user.append({ counter }))).to.deep.equal(['E_RATE_LIMITED']);
    user.flush();
    expect(of(user.append({ counter }), 'commit')).to.have.lengthOf(1);
  });

  it('counts the two devices of a sender apart', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.append({ counter: 1, device: two });
    expect(answers(user.flush())).to.deep.equal([
      { seq: 1, at: START_MS, last: 1 },
      { seq: 2, at: START_MS, last: 1 },
    ]);
  });

  it('gives entries times that never go back, although the clock does', () => {
    const user = Stepper.registered();
    user.append({ counter: 1 });
    user.nowMs -= 60_000;
    user.append({ counter: 2 });
    expect(answers(user.flush())).to.deep.equal([
      { seq: 1, at: START_MS, last: 1 },
      { seq: 2, at: START_MS, last: 2 },
    ]);
  });
});

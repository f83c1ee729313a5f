import { expect } from 'chai';
import type { EntryHead } from '../../../../src/actors/user/messages.ts';
import {
  CURSOR_LAG_ENTRIES,
  CURSOR_LAG_MS,
  RECENT_HEADS_MAX,
  SETTLE_SLICE_ENTRIES,
} from '../../../../src/protocol/limits.ts';
import {
  INCARNATION,
  START_MS,
  Stepper,
  alice,
  answers,
  bob,
  carol,
  newDevice,
  of,
  one,
  pushes,
  two,
  withLimits,
} from './fixtures.ts';

/** Alice with two devices and `count` messages of bob. */
function withMail(count: number): Stepper {
  const user = Stepper.registered(withLimits({ strangerMessages: Infinity }));
  user.ask({ type: 'addDevice', ...newDevice(2, 20), record: undefined });
  user.flush();
  for (let counter = 1; counter <= count; counter += 1) {
    user.append({ counter });
    if (counter % 500 === 0) user.flush();
  }
  user.flush();
  return user;
}

const ack = (user: Stepper, device: typeof one, upTo: number) =>
  user.ask({ type: 'ack', device, upTo });
const pending = (user: Stepper): unknown =>
  (answers(user.ask({ type: 'mailboxStats' }))[0] as { readonly pending: number }).pending;

describe('user: delivery', () => {
  it('moves the cursor at once, tells the sender the watermark at once, and writes both later', () => {
    const user = withMail(3);
    const effects = ack(user, one, 2);
    expect(of(effects, 'commit')).to.deep.equal([]);
    expect(of(effects, 'tell')).to.deep.equal([
      {
        type: 'tell',
        to: bob,
        request: {
          type: 'receipt',
          by: alice,
          incarnation: INCARNATION,
          device: one,
          delivered: 2,
        },
      },
    ]);
    expect(of(effects, 'schedule')).to.deep.equal([
      { type: 'schedule', inMs: CURSOR_LAG_MS, message: { type: 'flush' } },
    ]);
    const [commit] = of(user.fact({ type: 'flush' }), 'commit');
    expect(commit?.writes.map(({ type }) => type)).to.deep.equal(['pair', 'device', 'mailbox']);
  });

  it('tells each sending device once, with its highest counter', () => {
    const user = withMail(2);
    user.append({ from: carol, counter: 1 });
    user.append({ counter: 3 });
    user.flush();
    const told = of(ack(user, one, 4), 'tell').map(({ to, request }) => [
      to,
      request.type === 'receipt' && request.delivered,
    ]);
    expect(told).to.deep.equal([
      [bob, 3],
      [carol, 1],
    ]);
  });

  it('counts an entry delivered when the first device has it, and tells nothing when the next one has', () => {
    const user = withMail(3);
    expect(pending(user)).to.equal(3);
    ack(user, one, 3);
    expect(pending(user)).to.equal(0);
    expect(of(ack(user, two, 3), 'tell')).to.deep.equal([]);
  });

  it('does not count or announce quiet entries', () => {
    const user = Stepper.registered();
    user.append({ counter: 1, quiet: true });
    user.flush();
    expect(pending(user)).to.equal(0);
    expect(of(ack(user, one, 1), 'tell')).to.deep.equal([]);
  });

  it('I8: never moves a cursor back', () => {
    const user = withMail(3);
    ack(user, one, 3);
    user.fact({ type: 'flush' });
    expect(ack(user, one, 1)).to.have.lengthOf(1);
    expect(user.state.devices.get(one)?.record.cursor).to.equal(3);
  });

  it('I2: takes an acknowledgement of what is not flushed for what is', () => {
    const user = withMail(1);
    user.append({ counter: 2 });
    ack(user, one, 2);
    expect(user.state.devices.get(one)?.record.cursor).to.equal(1);
    expect(user.state.log.settled.seq).to.equal(1);
  });

  it('writes cursors at once when many entries are unwritten', () => {
    const user = withMail(CURSOR_LAG_ENTRIES);
    expect(of(ack(user, one, CURSOR_LAG_ENTRIES - 1), 'commit')).to.deep.equal([]);
    expect(of(ack(user, one, CURSOR_LAG_ENTRIES), 'commit')).to.have.lengthOf(1);
  });

  it('schedules one flush for many acknowledgements', () => {
    const user = withMail(3);
    const effects = [1, 2, 3].flatMap((upTo) => [...ack(user, one, upTo)]);
    expect(of(effects, 'schedule')).to.have.lengthOf(1);
  });

  it('settles a long jump in slices', () => {
    const user = withMail(2 * SETTLE_SLICE_ENTRIES + 10);
    const first = ack(user, one, 2 * SETTLE_SLICE_ENTRIES + 10);
    expect(of(first, 'schedule').map(({ message }) => message.type)).to.include('settle');
    expect(pending(user)).to.equal(SETTLE_SLICE_ENTRIES + 10);
    user.fact({ type: 'settle' });
    const last = user.fact({ type: 'settle' });
    expect(of(last, 'schedule').map(({ message }) => message.type)).to.not.include('settle');
    expect(pending(user)).to.equal(0);
  });

  it('uses heads from the store for what is no longer in memory', () => {
    const count = 3 * RECENT_HEADS_MAX;
    const user = withMail(count);
    expect(user.state.log.recent.length).to.be.below(2 * RECENT_HEADS_MAX);
    const heads: EntryHead[] = Array.from({ length: SETTLE_SLICE_ENTRIES }, (_, index) => {
      const seq = index + 1;
      const at = START_MS;
      return { seq, at, from: bob, device: one, counter: seq, quiet: false, loud: seq, bytes: seq };
    });
    user.ask({ type: 'ack', device: one, upTo: count }, { heads });
    expect(user.state.log.settled).to.deep.equal({
      seq: SETTLE_SLICE_ENTRIES,
      loud: SETTLE_SLICE_ENTRIES,
      bytes: SETTLE_SLICE_ENTRIES,
    });
  });

  it('answers receipts with watermarks per device, newest first', () => {
    const user = withMail(2);
    user.append({ counter: 1, device: two });
    user.flush();
    ack(user, one, 2);
    expect(answers(user.ask({ type: 'receipts', sender: bob }))).to.deep.equal([
      {
        incarnation: INCARNATION,
        marks: [
          { device: two, delivered: 0, expired: [] },
          { device: one, delivered: 2, expired: [] },
        ],
      },
    ]);
  });

  it('pushes receipts of others to every session and keeps nothing', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const effects = user.ask({
      type: 'receipt',
      by: bob,
      incarnation: INCARNATION,
      device: one,
      delivered: 7,
    });
    expect(pushes(effects)).to.deep.equal([
      [1, { type: 'receipt', user: bob, incarnation: INCARNATION, device: one, delivered: 7 }],
    ]);
    expect(of(effects, 'commit')).to.deep.equal([]);
  });

  it('refuses devices that are not registered', () => {
    const user = withMail(1);
    const device = 9 as typeof one;
    expect(answers(ack(user, device, 1))).to.deep.equal(['E_NO_SUCH_DEVICE']);
    const pulled = user.ask({ type: 'pull', device, from: 1, limit: 10 });
    expect(answers(pulled)).to.deep.equal(['E_NO_SUCH_DEVICE']);
  });
});

/** Messages at the group actor: stored once, pushed once per node, read by whoever may, told of, and gone in time. */
import { expect } from 'chai';
import type { GroupNews } from '../../../../src/protocol/group-facts.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { parseDeviceId, parseUserId } from '../../../../src/protocol/ids.ts';
import type { UserId } from '../../../../src/protocol/ids.ts';
import {
  GROUP_INTEREST_LEASE_MS,
  GROUP_MARKS_DELAY_MS,
  GROUP_RECEIPT_MEMBERS_MAX,
  HISTORY_RETENTION_DEFAULT_MS,
  RETENTION_INTERVAL_MS,
} from '../../../../src/protocol/limits.ts';
import { Member, life, must, team } from '../../crypto/group-people.ts';
import { FOUNDED, GroupWorld, START_MS, ann, bob, carl, dora, eve, n1, n2 } from './group-world.ts';

const codeOf = (outcome: unknown): unknown =>
  (outcome as { error?: { code: string } } | undefined)?.error?.code ?? 'done';

describe('group: taking messages', () => {
  let world: GroupWorld;
  beforeEach(async () => {
    world = await GroupWorld.founded({ isEager: false });
  });

  it('answers when the message is on disk, not earlier (I2)', async () => {
    expect(await world.say(ann, 1)).to.equal(undefined);
    expect((await world.pull(bob)).head).to.equal(1);
    await world.flush();
    expect(await world.say(ann, 1)).to.deep.equal({
      ok: true,
      value: { seq: 2, at: START_MS, last: 1 },
    });
    expect(await world.pull(bob)).to.include({ head: 2, upTo: 2 });
  });

  it('I7: acknowledges a duplicate again and appends nothing, whatever changed since', async () => {
    const envelope = world.envelope(carl, 1);
    await world.value({ type: 'groupAppend', envelope });
    await world.change(ann, { type: 'remove', user: carl });
    expect(await world.value({ type: 'groupAppend', envelope })).to.include({ seq: 2, last: 1 });
    await world.crash();
    expect(await world.value({ type: 'groupAppend', envelope })).to.include({ seq: 2, last: 1 });
    expect((await world.info()).head).to.equal(3);
  });

  it('refuses another message under a counter that was used, and one out of turn', async () => {
    await world.value({ type: 'groupAppend', envelope: world.envelope(ann, 1) });
    const other = { ...world.envelope(ann, 1), tag: new Uint8Array(16) };
    expect(await world.code({ type: 'groupAppend', envelope: other })).to.equal('E_COUNTER');
    expect(codeOf(await world.say(ann, 3))).to.equal('E_COUNTER');
    const second = { ...world.envelope(ann, 1), device: parseDeviceId(2) };
    expect(await world.value({ type: 'groupAppend', envelope: second })).to.include({ seq: 3 });
  });

  it('takes nothing from observers, from former members, or under a key that is not in use', async () => {
    expect(codeOf(await world.say(dora, 1))).to.equal('E_NOT_ADMIN');
    const late = world.envelope(bob, 1);
    const byCarl = world.envelope(carl, 1);
    await world.change(ann, { type: 'remove', user: carl });
    expect(await world.code({ type: 'groupAppend', envelope: late })).to.equal('E_STALE_EPOCH');
    expect(await world.code({ type: 'groupAppend', envelope: byCarl })).to.equal('E_NOT_MEMBER');
    expect(await world.value({ type: 'groupAppend', envelope: world.envelope(bob, 1) })).to.include(
      {
        last: 1,
      },
    );
  });

  it('takes nothing after somebody left, until there is a new key', async () => {
    await world.change(carl, { type: 'leave' });
    expect(codeOf(await world.say(ann, 1))).to.equal('E_STALE_EPOCH');
    world.members.delete(carl);
    await world.change(bob, { type: 'rekey' });
    expect(await world.value({ type: 'groupAppend', envelope: world.envelope(ann, 1) })).to.include(
      {
        last: 1,
      },
    );
  });

  it('refuses when the log is full, and drops nothing', async () => {
    world = await GroupWorld.founded({ mailboxMessages: 3 });
    await world.say(ann, 1);
    await world.say(ann, 2);
    expect(codeOf(await world.say(ann, 3))).to.equal('E_MAILBOX_FULL');
    expect((await world.pull(bob)).entries).to.have.lengthOf(3);
  });
});

describe('group: reading', () => {
  it('answers the range asked for, large bodies included', async () => {
    const world = await GroupWorld.founded();
    const text = 'x'.repeat(60_000);
    for (let counter = 1; counter <= 5; counter += 1) {
      const envelope = world.envelope(ann, counter, `${text}${counter}`);
      await world.value({ type: 'groupAppend', envelope });
    }
    const first = await world.pull(bob, 2, 256);
    expect(first.upTo).to.equal(must(first.entries.at(-1)).seq);
    expect(first.entries.length).to.be.lessThan(5);
    const second = await world.pull(bob, first.upTo + 1, 1);
    expect(second.entries).to.have.lengthOf(1);
    const entry = must(second.entries[0]);
    if (entry.type !== 'message') throw new Error('expected a message');
    const opened = world.member(bob).open(entry.envelope);
    expect(opened.body).to.have.property('text', `${text}${opened.counter}`);
  });

  it('shows a new member nothing that was before, but the whole chain', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    await world.change(ann, { type: 'add', user: eve, role: 'member' });
    await world.say(ann, 2);
    const { entries } = await world.pull(eve);
    expect(entries.map(({ seq }) => seq)).to.deep.equal([3, 4]);
    const chain = { type: 'groupChain', asker: eve, incarnation: life, from: 1, limit: 9 } as const;
    expect((await world.value(chain)).operations).to.have.lengthOf(2);
  });

  it('shows a former member everything up to the own end, and nothing after', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    await world.change(ann, { type: 'remove', user: carl });
    world.members.delete(carl);
    await world.say(ann, 2);
    await world.change(ann, { type: 'rename' });
    const { entries, head } = await world.pull(carl);
    expect(entries.map(({ seq }) => seq)).to.deep.equal([1, 2, 3]);
    expect(head).to.equal(3);
    const chain = {
      type: 'groupChain',
      asker: carl,
      incarnation: life,
      from: 1,
      limit: 9,
    } as const;
    const { operations, position } = await world.value(chain);
    expect([operations.length, position]).to.deep.equal([2, 2]);
    const keys = { type: 'groupKeys', asker: carl, incarnation: life, from: 0 } as const;
    expect((await world.value(keys)).seals.map(({ epoch }) => epoch)).to.deep.equal([1]);
  });

  it('lets a member who comes back read every stay to its end, and nothing between', async () => {
    const world = await GroupWorld.founded();
    for (let counter = 1; counter <= 2; counter += 1) {
      await world.change(ann, { type: 'remove', user: carl });
      await world.say(ann, counter);
      await world.change(ann, { type: 'add', user: carl, role: 'observer' });
    }
    expect((await world.subscribe(carl)).since).to.equal(7);
    const read: Array<readonly [seqs: readonly number[], upTo: number]> = [];
    for (let from = 1; from <= 7;) {
      const { entries, upTo, head } = await world.pull(carl, from);
      expect(head).to.equal(7);
      read.push([entries.map(({ seq }) => seq), upTo]);
      from = upTo + 1;
    }
    expect(read).to.deep.equal([
      [[1, 2], 3],
      [[4, 5], 6],
      [[7], 7],
    ]);
    expect((await world.pull(carl, 3)).entries.map(({ seq }) => seq)).to.deep.equal([4, 5]);
  });
});

describe('group: interested nodes', () => {
  const entriesOf = (news: GroupNews): unknown =>
    news.type === 'entries' ? [news.entries.map(({ seq }) => seq), news.ended] : news.type;

  it('get what was flushed together once each, not once per member', async () => {
    const world = await GroupWorld.founded({ isEager: false });
    for (const user of [ann, bob, carl]) await world.subscribe(user, n1);
    await world.subscribe(dora, n2);
    void world.say(ann, 1);
    await world.say(bob, 1);
    expect(world.fanned).to.deep.equal([]);
    await world.flush();
    expect(world.fanned.map(([nodes, news]) => [nodes, entriesOf(news)])).to.deep.equal([
      [
        [n1, n2],
        [[2, 3], []],
      ],
    ]);
  });

  it('learn where the group stands, and how much no device of the user has got', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    await world.say(ann, 2);
    const standing = {
      incarnation: life,
      head: 3,
      position: 1,
      epoch: 1,
      rekeyDue: false,
      since: 1,
    };
    expect(await world.subscribe(bob)).to.deep.equal({ ...standing, pending: 2 });
    await world.value({
      type: 'groupMarks',
      incarnation: life,
      marks: [{ user: bob, delivered: 2, read: 0 }],
    });
    expect(await world.subscribe(bob)).to.deep.equal({ ...standing, pending: 1 });
    await world.pass(10_000);
    await world.crash();
    expect(await world.subscribe(bob)).to.deep.equal({ ...standing, pending: 1 });
  });

  it('are told whom an entry puts out, and get no more when nobody is left', async () => {
    const world = await GroupWorld.founded();
    await world.subscribe(ann, n1);
    await world.subscribe(carl, n2);
    await world.change(ann, { type: 'remove', user: carl });
    await world.say(ann, 1);
    expect(world.fanned.map(([nodes, news]) => [nodes, entriesOf(news)])).to.deep.equal([
      [
        [n1, n2],
        [[2], [carl]],
      ],
      [[n1], [[3], []]],
    ]);
  });

  it('are forgotten when their lease ends, and renew it for whoever is there', async () => {
    const world = await GroupWorld.founded();
    await world.subscribe(ann, n1);
    await world.subscribe(bob, n2);
    await world.pass(GROUP_INTEREST_LEASE_MS / 2);
    const renewed = { type: 'groupInterest', node: n1, users: [ann, eve] } as const;
    expect(await world.value(renewed)).to.deep.equal({ incarnation: life, head: 1, ended: [eve] });
    await world.pass(GROUP_INTEREST_LEASE_MS / 2 + 1);
    world.tick();
    await world.say(ann, 1);
    expect(world.fanned.map(([nodes]) => nodes)).to.deep.equal([[n1]]);
    await world.value({ type: 'groupInterest', node: n1, users: [] });
    await world.say(ann, 2);
    expect(world.fanned).to.have.lengthOf(1);
  });

  it('show who is online', async () => {
    const world = await GroupWorld.founded();
    await world.subscribe(bob, n2);
    const { members } = await world.info();
    expect(members.filter(({ online }) => online).map(({ user }) => user)).to.deep.equal([bob]);
  });

  it('announce themselves to a new owner, which knows none', async () => {
    const world = await GroupWorld.founded();
    await world.subscribe(bob, n2);
    await world.crash();
    await world.say(ann, 1);
    expect(world.fanned).to.deep.equal([]);
    const announced = { type: 'groupInterest', node: n2, users: [bob] } as const;
    expect(await world.value(announced)).to.include({ head: 2 });
    await world.say(ann, 2);
    expect(world.fanned.map(([nodes]) => nodes)).to.deep.equal([[n2]]);
  });
});

describe('group: receipts', () => {
  const mark = (user: UserId, delivered: number, read = 0) => ({ user, delivered, read });

  it('are told to members of a small group, many in one', async () => {
    const world = await GroupWorld.founded();
    await world.subscribe(ann, n1);
    await world.say(ann, 1);
    world.fanned.length = 0;
    await world.value({ type: 'groupMarks', incarnation: life, marks: [mark(bob, 2, 2)] });
    await world.value({
      type: 'groupMarks',
      incarnation: life,
      marks: [mark(carl, 2), mark(eve, 2)],
    });
    await world.pass(GROUP_MARKS_DELAY_MS);
    const marks = [mark(bob, 2, 2), mark(carl, 2)];
    expect(world.fanned).to.deep.equal([
      [[n1], { type: 'marks', group: team, incarnation: life, marks }],
    ]);
    const asked = { type: 'groupReceipts', asker: ann, incarnation: life, seqs: [2] } as const;
    expect(await world.value(asked)).to.deep.equal({ incarnation: life, marks, counts: [] });
  });

  it('only grow, and never beyond what is flushed', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    for (const marks of [[mark(bob, 2, 9)], [mark(bob, 1, 0)], [mark(bob, 99, 1)]])
      await world.value({ type: 'groupMarks', incarnation: life, marks });
    const asked = { type: 'groupReceipts', asker: ann, incarnation: life, seqs: [] } as const;
    expect((await world.value(asked)).marks).to.deep.equal([mark(bob, 2, 2)]);
  });

  it('are counts in a large group, for whoever asks', async () => {
    const names = Array.from({ length: GROUP_RECEIPT_MEMBERS_MAX + 1 }, (_, index) => `u${index}`);
    const world = new GroupWorld({ everybody: names });
    const [first, ...others] = names.map(parseUserId);
    const founder = must(first);
    const members = others.map((user) => ({ user, role: 'member' as const }));
    const sent = world.member(founder).create({ type: 'create', members });
    await world.value(world.operation(founder, sent));
    world.follow(sent);
    await world.subscribe(founder);
    await world.say(founder, 1);
    world.fanned.length = 0;
    const marks = others.slice(0, 40).map((user, index) => mark(user, index < 30 ? 2 : 1, 1));
    await world.value({ type: 'groupMarks', incarnation: life, marks });
    await world.pass(GROUP_MARKS_DELAY_MS);
    expect(world.fanned).to.deep.equal([]);
    const asked = {
      type: 'groupReceipts',
      asker: founder,
      incarnation: life,
      seqs: [1, 2],
    } as const;
    expect((await world.value(asked)).counts).to.deep.equal([
      { seq: 1, delivered: 40, read: 40 },
      { seq: 2, delivered: 30, read: 0 },
    ]);
  });
});

describe('group: telling users', () => {
  it('goes on until they answer, across crashes, and says what holds now', async () => {
    const world = await GroupWorld.founded();
    await world.pass(10_000);
    world.owedAnswer = undefined;
    await world.change(ann, { type: 'promote', user: carl, role: 'admin' });
    await world.crash();
    await world.change(ann, { type: 'demote', user: carl, role: 'observer' });
    world.told.length = 0;
    world.owedAnswer = { ok: true, value: {} };
    await world.crash();
    world.tick();
    await world.flush();
    expect(world.told.map(([user, { role, position }]) => [user, role, position])).to.deep.equal([
      [carl, 'observer', 3],
    ]);
    await world.pass(10_000);
    expect(world.durable().owed()).to.deep.equal([]);
    world.told.length = 0;
    await world.crash();
    world.tick();
    await world.flush();
    expect(world.told).to.deep.equal([]);
  });

  it('tells nobody what is not stored, also when somebody else is told again meanwhile (I2)', async () => {
    const world = await GroupWorld.founded({ isEager: false });
    await world.pass(10_000);
    world.owedAnswer = { ok: false, error: new FastChatError('E_UNREACHABLE', 'not now') };
    await world.change(ann, { type: 'promote', user: carl, role: 'admin' });
    world.told.length = 0;
    const sent = world.member(ann).make({ type: 'add', user: eve, role: 'member' });
    expect(await world.operate(ann, sent)).to.equal(undefined);
    await world.clock.advance(60_000);
    const users = new Set(world.told.map(([user]) => user));
    expect([...users]).to.deep.equal([carl]);
    await world.pass(60_000);
    expect(world.told.some(([user]) => user === eve)).to.equal(true);
  });

  it('tells the newer membership when the older one was on its way', async () => {
    const world = await GroupWorld.founded();
    await world.pass(10_000);
    world.owedAnswer = undefined;
    await world.change(ann, { type: 'promote', user: carl, role: 'admin' });
    world.owedAnswer = { ok: true, value: {} };
    await world.change(ann, { type: 'remove', user: carl });
    await world.crash();
    world.tick();
    await world.flush();
    expect(world.told.at(-1)).to.deep.equal([
      carl,
      { group: team, incarnation: life, position: 3, role: undefined },
    ]);
  });

  it('does not take the answer to an older membership for one to the newer', async () => {
    const world = await GroupWorld.founded();
    await world.pass(10_000);
    world.owedAnswer = undefined;
    world.told.length = 0;
    await world.change(ann, { type: 'promote', user: carl, role: 'admin' });
    await world.change(ann, { type: 'demote', user: carl, role: 'member' });
    expect(world.told.map(([, { position }]) => position)).to.deep.equal([2]);
    for (const answer of world.unanswered.splice(0)) answer();
    await world.flush();
    expect(world.told.map(([, { position }]) => position)).to.deep.equal([2, 3]);
  });
});

describe('group: retention', () => {
  const old = HISTORY_RETENTION_DEFAULT_MS + 1;

  async function expire(world: GroupWorld, afterMs = old): Promise<void> {
    await world.pass(afterMs);
    world.tick();
    await world.flush();
    await world.pass(RETENTION_INTERVAL_MS + 1);
    world.tick();
    await world.flush();
  }

  it('removes old entries and leaves the chain, the members and the numbers', async () => {
    const world = await GroupWorld.founded();
    for (let counter = 1; counter <= 300; counter += 1) void world.say(ann, counter);
    await world.flush();
    await expire(world);
    await world.say(ann, 301);
    await world.crash();
    const { entries, upTo, head } = await world.pull(bob);
    expect(entries.map(({ seq }) => seq)).to.deep.equal([302]);
    expect([upTo, head]).to.deep.equal([302, 302]);
    expect((await world.subscribe(bob)).pending).to.equal(1);
    const chain = { type: 'groupChain', asker: bob, incarnation: life, from: 1, limit: 9 } as const;
    expect((await world.value(chain)).operations).to.have.lengthOf(1);
  });

  it('removes seals that nothing retained needs, and former members who have nothing left to read', async () => {
    const world = await GroupWorld.founded();
    await world.change(ann, { type: 'remove', user: carl });
    world.members.delete(carl);
    await world.say(ann, 1);
    await world.pass(old);
    await world.say(ann, 2);
    await expire(world, 0);
    const seals = world.durable().life(1).seals();
    expect(seals.map(({ user, seal }) => [user, seal.epoch])).to.deep.equal([
      [ann, 2],
      [bob, 2],
      [dora, 2],
    ]);
    expect(world.durable().life(1).stays()).to.deep.equal([]);
    expect(
      await world.code({ type: 'groupKeys', asker: carl, incarnation: life, from: 0 }),
    ).to.equal('E_NO_SUCH_GROUP');
    const late = new Member(world.suite, world.everybody, bob);
    late.roster = must(world.member(bob).roster);
    expect((await world.pull(bob)).entries).to.have.lengthOf(1);
  });

  it('keeps the seals of an epoch as long as an entry of it', async () => {
    const world = await GroupWorld.founded();
    await world.pass(old);
    await world.say(ann, 1);
    await world.change(ann, { type: 'rekey' });
    await world.say(ann, 2);
    await expire(world, 0);
    expect((await world.pull(bob)).entries).to.have.lengthOf(3);
    const keys = { type: 'groupKeys', asker: bob, incarnation: life, from: 0 } as const;
    expect((await world.value(keys)).seals.map(({ epoch }) => epoch)).to.deep.equal([1, 2]);
  });

  it('leaves nothing of a deleted group', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    await world.change(ann, { type: 'delete' });
    await expire(world);
    await world.pass(1000);
    expect(world.durableKeys()).to.equal(0);
    const again = new GroupWorld();
    const sent = again.member(bob).create({ type: 'create', members: FOUNDED.slice(1) });
    expect(await again.code(again.operation(bob, sent))).to.equal('done');
  });
});

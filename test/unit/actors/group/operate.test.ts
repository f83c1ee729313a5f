/** Operations at the group actor: who may, in what order, with which seals, and what everybody is told. */
import { expect } from 'chai';
import { parseIncarnation } from '../../../../src/protocol/ids.ts';
import type { UserId } from '../../../../src/protocol/ids.ts';
import { GROUP_STAGES_MAX, GROUP_STAGE_LIFETIME_MS } from '../../../../src/protocol/limits.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { GroupRequest } from '../../../../src/protocol/group-calls.ts';
import { Member, life, must } from '../../crypto/group-people.ts';
import { FOUNDED, GroupWorld, START_MS, ann, bob, carl, dora, eve } from './group-world.ts';

describe('group: creating', () => {
  it('answers when everything is on disk, and tells every member', async () => {
    const world = new GroupWorld({ isEager: false });
    const sent = world.member(ann).create({ type: 'create', members: FOUNDED });
    expect(await world.operate(ann, sent)).to.equal(undefined);
    expect(world.told).to.deep.equal([]);
    expect(await world.code({ type: 'groupInfo', asker: ann })).to.equal('E_NO_SUCH_GROUP');
    await world.flush();
    expect(world.told.map(([user, { role }]) => [user, role])).to.deep.equal([
      [ann, 'admin'],
      [bob, 'admin'],
      [carl, 'member'],
      [dora, 'observer'],
    ]);
    const { members, ...info } = await world.info();
    expect(info).to.deep.equal({
      incarnation: life,
      head: 1,
      position: 1,
      epoch: 1,
      rekeyDue: false,
    });
    expect(members).to.have.lengthOf(4);
  });

  it('has exactly one winner when two create the same name', async () => {
    const world = new GroupWorld({ isEager: false });
    const byAnn = world.member(ann).create({ type: 'create', members: [] });
    const byBob = world
      .member(bob)
      .create({ type: 'create', members: [] }, parseIncarnation('2'.repeat(32)));
    const answers: string[] = [];
    for (const [author, sent] of [
      [ann, byAnn],
      [bob, byBob],
    ] as const)
      world.tell(world.operation(author, sent), (outcome) =>
        answers.push(outcome.ok ? 'done' : outcome.error.code),
      );
    await world.flush();
    expect(answers, 'the loser hears when the winner can be seen').to.deep.equal([
      'done',
      'E_GROUP_EXISTS',
    ]);
  });

  it('refuses who was too late when what was earlier can be read, not before', async () => {
    const world = await GroupWorld.founded({ isEager: false });
    const [byAnn, byBob] = [ann, bob].map((author) =>
      world.member(author).make({ type: 'rename' }),
    );
    const answers: string[] = [];
    for (const [author, sent] of [
      [ann, must(byAnn)],
      [bob, must(byBob)],
    ] as const)
      world.tell(world.operation(author, sent), (outcome) =>
        answers.push(outcome.ok ? 'done' : outcome.error.code),
      );
    await world.settle();
    expect(answers).to.deep.equal([]);
    expect((await world.info(ann)).position).to.equal(1);
    await world.flush();
    expect(answers).to.deep.equal(['done', 'E_STALE_EPOCH']);
    expect((await world.info(ann)).position).to.equal(2);
  });

  it('acknowledges the same creation again, before and after it is on disk', async () => {
    const world = new GroupWorld({ isEager: false });
    const sent = world.member(ann).create({ type: 'create', members: FOUNDED });
    const first = world.operate(ann, sent);
    await first;
    expect(await world.operate(ann, sent)).to.equal(undefined);
    await world.flush();
    const value = { seq: 1, at: START_MS, position: 1, epoch: 1 };
    expect(await world.operate(ann, sent)).to.deep.equal({ ok: true, value });
    expect(world.durable().life(1).heads({ from: 1, to: 9, limit: 9 })).to.have.lengthOf(1);
  });

  it('is bounded by the operator', async () => {
    const world = new GroupWorld({ groupMembers: 4 });
    const members = [...FOUNDED, { user: eve, role: 'member' as const }];
    const sent = world.member(ann).create({ type: 'create', members });
    expect(await world.code(world.operation(ann, sent))).to.equal('E_GROUP_FULL');
    const small = await GroupWorld.founded({ groupMembers: 4 });
    const add = small.member(ann).make({ type: 'add', user: eve, role: 'member' });
    expect(await small.code(small.operation(ann, add))).to.equal('E_GROUP_FULL');
  });
});

describe('group: to strangers', () => {
  const requests: readonly GroupRequest[] = [
    { type: 'groupInfo', asker: eve },
    { type: 'groupPull', asker: eve, incarnation: life, from: 1, limit: 9 },
    { type: 'groupChain', asker: eve, incarnation: life, from: 1, limit: 9 },
    { type: 'groupKeys', asker: eve, incarnation: life, from: 0 },
    { type: 'groupReceipts', asker: eve, incarnation: life, seqs: [] },
    { type: 'groupSubscribe', user: eve, node: 'n1' as never },
    {
      type: 'putGroupKey',
      asker: eve,
      incarnation: life,
      seal: { epoch: 1, boxEpoch: 1, sealed: new Uint8Array(80) },
    },
  ];
  for (const request of requests)
    it(`${request.type}: there is no such group`, async () => {
      const world = await GroupWorld.founded();
      expect(await world.code(request)).to.equal('E_NO_SUCH_GROUP');
      expect(await new GroupWorld().code(request)).to.equal('E_NO_SUCH_GROUP');
    });

  it('neither messages nor operations tell them apart', async () => {
    const world = await GroupWorld.founded();
    const spy = world.member(eve);
    spy.roster = must(world.member(ann).roster);
    spy.keys.set(1, world.member(ann).key);
    expect(await world.say(eve, 1)).to.have.nested.property('error.code', 'E_NO_SUCH_GROUP');
    const sent = spy.make({ type: 'rename' });
    expect(await world.code(world.operation(eve, sent))).to.equal('E_NO_SUCH_GROUP');
  });

  it('another life of the name is another group', async () => {
    const world = await GroupWorld.founded();
    const incarnation = parseIncarnation('9'.repeat(32));
    for (const request of [
      { type: 'groupPull', asker: ann, incarnation, from: 1, limit: 9 },
      { type: 'groupChain', asker: ann, incarnation, from: 1, limit: 9 },
      { type: 'groupKeys', asker: ann, incarnation, from: 0 },
    ] as const)
      expect(await world.code(request), request.type).to.equal('E_NO_SUCH_GROUP');
    const envelope = { ...world.envelope(ann, 1), incarnation };
    expect(await world.code({ type: 'groupAppend', envelope })).to.equal('E_NO_SUCH_GROUP');
  });
});

describe('group: operating', () => {
  let world: GroupWorld;
  beforeEach(async () => {
    world = await GroupWorld.founded();
  });

  const refused: ReadonlyArray<readonly [UserId, Parameters<Member['make']>[0], string]> = [
    [carl, { type: 'add', user: eve, role: 'member' }, 'E_NOT_ADMIN'],
    [dora, { type: 'rekey' }, 'E_NOT_ADMIN'],
    [ann, { type: 'add', user: carl, role: 'member' }, 'E_ALREADY_MEMBER'],
    [ann, { type: 'remove', user: eve }, 'E_NOT_MEMBER'],
    [ann, { type: 'remove', user: ann }, 'E_USAGE'],
    [ann, { type: 'promote', user: bob, role: 'admin' }, 'E_USAGE'],
    [ann, { type: 'transfer', user: eve }, 'E_NOT_MEMBER'],
  ];
  for (const [author, change, code] of refused)
    it(`${author} may not ${change.type}: ${code}, and nothing changes`, async () => {
      const sent = world.member(author).make(change);
      expect(await world.code(world.operation(author, sent))).to.equal(code);
      expect(await world.info()).to.deep.include({ position: 1, head: 1 });
    });

  it('keeps a group from losing its last admin', async () => {
    await world.change(bob, { type: 'leave' });
    await world.change(ann, { type: 'rekey' });
    const leave = world.member(ann).make({ type: 'leave' });
    expect(await world.code(world.operation(ann, leave))).to.equal('E_LAST_ADMIN');
    await world.change(ann, { type: 'transfer', user: carl });
    await world.change(ann, { type: 'leave' });
    const { members, rekeyDue } = await world.info(carl);
    expect(members.map(({ user, role }) => [user, role])).to.deep.equal([
      [carl, 'admin'],
      [dora, 'observer'],
    ]);
    expect(rekeyDue).to.equal(true);
  });

  it('takes one of two operations at the same place; the other is told to read on', async () => {
    const byAnn = world.member(ann).make({ type: 'remove', user: carl });
    const byBob = world.member(bob).make({ type: 'promote', user: carl, role: 'admin' });
    expect(await world.code(world.operation(ann, byAnn))).to.equal('done');
    expect(await world.code(world.operation(bob, byBob))).to.equal('E_STALE_EPOCH');
    world.members.delete(carl);
    world.follow(byAnn);
    await world.change(bob, { type: 'rename' });
  });

  it('acknowledges a repetition for ever, whatever the group has become', async () => {
    const sent = world.member(ann).make({ type: 'remove', user: carl });
    const [first] = [await world.operate(ann, sent)];
    world.members.delete(carl);
    world.follow(sent);
    await world.change(bob, { type: 'remove', user: ann });
    expect(await world.operate(ann, sent)).to.deep.equal(first);
    await world.crash();
    expect(await world.operate(ann, sent)).to.deep.equal(first);
  });

  it('refuses what its author did not sign, or signed for another group', async () => {
    const sent = world.member(ann).make({ type: 'rename' });
    const forged = Uint8Array.from(sent.signed);
    forged[10] = (forged[10] ?? 0) ^ 1;
    const request = world.operation(ann, sent);
    expect(await world.code({ ...request, signed: forged })).to.equal('E_SIGNATURE');
    expect(await world.code({ ...request, author: bob })).to.equal('E_SIGNATURE');
    expect(await world.code({ ...request, signed: new Uint8Array(65) })).to.equal('E_SIGNATURE');
  });

  it('hands on that the author is out of reach, and asks once for each author', async () => {
    await world.crash();
    world.areUsersReachable = false;
    const request = world.operation(ann, world.member(ann).make({ type: 'rename' }));
    expect(await world.code(request)).to.equal('E_UNREACHABLE');
    world.areUsersReachable = true;
    expect(await world.code(request)).to.equal('done');
    world.areUsersReachable = false;
    expect(await world.code(request)).to.equal('done');
  });

  it('tells those whose membership changed, and only them', async () => {
    world.told.length = 0;
    await world.change(ann, { type: 'rename' });
    expect(world.told).to.deep.equal([]);
    await world.change(ann, { type: 'promote', user: carl, role: 'admin' });
    await world.change(ann, { type: 'remove', user: dora });
    expect(world.told.map(([user, { role, position }]) => [user, role, position])).to.deep.equal([
      [carl, 'admin', 3],
      [dora, undefined, 4],
    ]);
  });
});

describe('group: seals', () => {
  it('are needed for exactly the members there will be', async () => {
    const world = await GroupWorld.founded();
    const sent = world.member(ann).make({ type: 'remove', user: carl });
    const request = world.operation(ann, sent);
    const [first, ...others] = request.seals;
    expect(await world.code({ ...request, seals: others })).to.equal('E_STALE_EPOCH');
    const strange = { ...must(first), user: eve };
    expect(await world.code({ ...request, seals: [...request.seals, strange] })).to.equal(
      'E_BAD_FRAME',
    );
    expect(await world.code({ ...request, seals: [...request.seals, must(first)] })).to.equal(
      'E_BAD_FRAME',
    );
    expect(await world.code({ ...request, seals: [strange, ...others] })).to.equal('E_BAD_FRAME');
    expect(await world.info()).to.include({ position: 1 });
    expect(await world.code(request)).to.equal('done');
  });

  it('may come ahead in chunks, and take effect with the last one only', async () => {
    const world = await GroupWorld.founded();
    const sent = world.member(ann).make({ type: 'rekey' });
    const request = world.operation(ann, sent);
    const stage = (from: number, to: number) =>
      ({
        type: 'groupStage',
        author: ann,
        operation: sent.hash,
        from,
        seals: request.seals.slice(from, to),
      }) as const;
    expect(await world.code(stage(2, 3))).to.equal('E_STALE_EPOCH');
    expect(await world.code(stage(0, 2))).to.equal('done');
    expect(await world.code(stage(0, 2))).to.equal('done');
    expect(await world.code(stage(2, 3))).to.equal('done');
    expect(await world.info()).to.include({ position: 1, epoch: 1 });
    expect(await world.code({ ...request, seals: request.seals.slice(3) })).to.equal('done');
    expect(await world.info()).to.include({ position: 2, epoch: 2 });
    for (const user of [ann, bob, carl, dora]) {
      const { seals } = await world.value({
        type: 'groupKeys',
        asker: user,
        incarnation: life,
        from: 2,
      });
      expect(seals.map(({ epoch, sealed }) => [epoch, sealed])).to.deep.equal([
        [2, sent.seals.get(user)],
      ]);
    }
  });

  it('that come ahead are forgotten after a while, and when the actor moves', async () => {
    const world = await GroupWorld.founded();
    const sent = world.member(ann).make({ type: 'rekey' });
    const request = world.operation(ann, sent);
    const stage = {
      type: 'groupStage',
      author: ann,
      operation: sent.hash,
      from: 0,
      seals: request.seals.slice(0, 3),
    } as const;
    const rest = { ...request, seals: request.seals.slice(3) };
    for (const forget of [() => world.pass(2 * GROUP_STAGE_LIFETIME_MS), () => world.crash()]) {
      await world.value(stage);
      await forget();
      expect(await world.code(rest)).to.equal('E_STALE_EPOCH');
    }
  });

  it('of a few authors only wait at a time', async () => {
    const world = await GroupWorld.founded();
    for (let number = 0; number <= GROUP_STAGES_MAX; number += 1) {
      const author = `@u${number}` as UserId;
      const operation = new Uint8Array(32).fill(number);
      const code = await world.code({ type: 'groupStage', author, operation, from: 0, seals: [] });
      expect(code).to.equal(number < GROUP_STAGES_MAX ? 'done' : 'E_RATE_LIMITED');
    }
  });

  it('an addition costs one, whatever the size; the new member opens it', async () => {
    const world = await GroupWorld.founded();
    const sent = world.member(ann).make({ type: 'add', user: eve, role: 'member' });
    await world.value(world.operation(ann, sent));
    world.follow(sent);
    const newcomer = new Member(world.suite, world.everybody, eve);
    const { operations } = await world.value({
      type: 'groupChain',
      asker: eve,
      incarnation: life,
      from: 1,
      limit: 99,
    });
    const { seals } = await world.value({
      type: 'groupKeys',
      asker: eve,
      incarnation: life,
      from: 0,
    });
    const own = new Map([[eve, must(seals[0]).sealed]]);
    operations.forEach(({ signed }, index) =>
      newcomer.take({ signed, seals: index === 1 ? own : new Map() }),
    );
    expect(newcomer.key.key.reveal()).to.deep.equal(world.member(carl).key.key.reveal());
    expect(newcomer.keys.size).to.equal(1);
  });

  it('of a member are sealed anew by that member, for itself only', async () => {
    const world = await GroupWorld.founded();
    const seal = { epoch: 1, boxEpoch: 7, sealed: new Uint8Array(80).fill(9) };
    await world.value({ type: 'putGroupKey', asker: carl, incarnation: life, seal });
    const of = (asker: UserId) =>
      world.value({ type: 'groupKeys', asker, incarnation: life, from: 0 });
    expect((await of(carl)).seals).to.deep.equal([seal]);
    expect((await of(bob)).seals[0]).to.include({ boxEpoch: 1 });
    const later = { ...seal, epoch: 2 };
    expect(
      await world.code({ type: 'putGroupKey', asker: carl, incarnation: life, seal: later }),
    ).to.equal('E_STALE_EPOCH');
  });
});

describe('group: a large one', () => {
  it('removes one of a thousand in chunks, all or nothing, in one commit', async function () {
    this.timeout(20_000);
    const names = ['ann', ...Array.from({ length: 999 }, (_, index) => `u${index}`)];
    const world = new GroupWorld({ everybody: names });
    const others = names
      .slice(1)
      .map((name) => ({ user: `@${name}` as UserId, role: 'member' as const }));
    const created = world.member(ann).create({ type: 'create', members: others });
    const inChunks = async (sent: typeof created): Promise<string | undefined> => {
      const { seals, ...request } = world.operation(ann, sent);
      const last = Math.floor((seals.length - 1) / 480) * 480;
      for (let from = 0; from < last; from += 480)
        await world.value({
          type: 'groupStage',
          author: ann,
          operation: sent.hash,
          from,
          seals: seals.slice(from, from + 480),
        });
      return world.code({ ...request, seals: seals.slice(last) });
    };
    expect(await inChunks(created)).to.equal('done');
    world.follow(created);
    const before = world.store.commits.length;
    const removed = world.member(ann).make({ type: 'remove', user: '@u5' as UserId });
    expect(await inChunks(removed)).to.equal('done');
    const [commit] = world.store.commits.slice(before);
    expect(must(commit).length).to.be.lessThan(1100);
    const { members, epoch } = await world.info();
    expect([members.length, epoch]).to.deep.equal([999, 2]);
  });
});

describe('group: ending and beginning again', () => {
  it('a deleted group tells everybody, lets them read to the end, and is a stranger to the next one', async () => {
    const world = await GroupWorld.founded();
    await world.say(ann, 1);
    world.told.length = 0;
    await world.change(ann, { type: 'delete' });
    expect(world.told.map(([user, { role }]) => [user, role])).to.deep.equal(
      [ann, bob, carl, dora].map((user) => [user, undefined]),
    );
    expect(await world.code({ type: 'groupInfo', asker: ann })).to.equal('E_NO_SUCH_GROUP');
    expect(await world.say(bob, 1)).to.have.nested.property('error.code', 'E_NO_SUCH_GROUP');
    expect((await world.pull(dora)).entries.map(({ type }) => type)).to.deep.equal([
      'operation',
      'message',
      'operation',
    ]);
    const incarnation = parseIncarnation('2'.repeat(32));
    world.members.clear();
    const again = world.member(bob).create({ type: 'create', members: [] }, incarnation);
    expect(await world.code(world.operation(bob, again))).to.equal('done');
    expect(await world.code({ type: 'groupInfo', asker: ann })).to.equal('E_NO_SUCH_GROUP');
    expect(await world.info(bob)).to.include({ incarnation, head: 1, position: 1 });
    await world.flush();
    expect(world.durable().life(1).keys(9)).to.deep.equal([]);
    await world.crash();
    expect(await world.info(bob)).to.include({ incarnation, head: 1, position: 1 });
  });

  it('a name cannot be taken while the last words of the life before are under way', async () => {
    const world = await GroupWorld.founded({ isEager: false });
    await world.flush();
    const deletion = world.member(ann).make({ type: 'delete' });
    await world.operate(ann, deletion);
    const again = world
      .member(bob)
      .create({ type: 'create', members: [] }, parseIncarnation('2'.repeat(32)));
    expect(await world.code(world.operation(bob, again))).to.equal('E_RATE_LIMITED');
    await world.flush();
    expect(await world.value(world.operation(bob, again))).to.include({ position: 1 });
  });

  it('a refused commit takes everything back, and everybody who waits hears of it', async () => {
    const world = await GroupWorld.founded();
    world.store.refuseNext(new FastChatError('E_STORE_FULL', 'no room'));
    const sent = world.member(ann).make({ type: 'remove', user: carl });
    expect(await world.code(world.operation(ann, sent))).to.equal('E_STORE_FULL');
    expect((await world.info()).members).to.have.lengthOf(4);
    expect(await world.code(world.operation(ann, sent))).to.equal('done');
  });
});

/** Groups through whole nodes: from the wire of one device to the wires of others, with nothing faked but the ports. */
import { expect } from 'chai';
import type { Push } from '../../../src/protocol/client-calls.ts';
import type { FastChatError } from '../../../src/protocol/errors.ts';
import { parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import type { SimNode } from '../../simulation/sim-node.ts';
import { life, must, team } from '../../unit/crypto/group-people.ts';
import { GroupsWorld, pushedTo } from './groups-world.ts';
import type { Person } from './groups-world.ts';

const [ann, bob, carl] = ['ann', 'bob', 'carl'].map(parseUserId) as [UserId, UserId, UserId];

describe('groups through whole nodes', function () {
  this.timeout(60_000);

  const said = (person: Person, counter: number, text: string) => ({
    type: 'send' as const,
    envelope: person.member.say(text, { counter, id: parseMessageId(`m${counter}`) }),
  });
  const pushesOf = <T extends Push['type']>({ client }: Person, type: T) =>
    client.pushes.filter((push): push is Extract<Push, { type: T }> => push.type === type);

  /** Ann's group with bob and carl, all of them attached, subscribed and up to date. */
  async function founded(
    nodes = 3,
    seed = 5,
  ): Promise<{ world: GroupsWorld; all: [Person, Person, Person] }> {
    const world = await GroupsWorld.startWith(['ann', 'bob', 'carl'], nodes, seed);
    const all: [Person, Person, Person] = [
      await world.person(ann),
      await world.person(bob),
      await world.person(carl),
    ];
    const [first] = all;
    const members = [
      { user: bob, role: 'member' as const },
      { user: carl, role: 'member' as const },
    ];
    const sent = first.member.create({ type: 'create', members });
    await world.operate(first, sent);
    for (const person of all) {
      await world.subscribe(person);
      await world.catchUp(person);
    }
    return { world, all };
  }

  it('a message is stored once and reaches every member wherever it is, in the order of the log', async () => {
    const { world, all } = await founded();
    const [first, second, third] = all;
    expect(new Set(all.map((person) => world.nodeOf(person))).size).to.be.greaterThan(1);
    expect(await first.client.call(said(first, 1, 'one'))).to.include({ seq: 2, last: 1 });
    expect(await second.client.call(said(second, 1, 'two'))).to.include({ seq: 3, last: 1 });
    const isThere = (): boolean => all.every((person) => pushedTo(person).length === 2);
    await world.eventually(isThere, 'both messages are pushed to all three');
    for (const person of all) {
      expect(pushedTo(person).map(({ seq }) => seq)).to.deep.equal([2, 3]);
      const texts = pushedTo(person).map((entry) =>
        entry.type === 'message' ? person.member.read(entry.envelope).body : undefined,
      );
      expect(texts).to.deep.equal([
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ]);
    }
    expect((await world.pull(third)).entries).to.have.lengthOf(3);
  });

  it('costs one mesh frame per message and interested node other than the owner, as its metrics say', async () => {
    const { world, all } = await founded(4);
    const [first] = all;
    const others = new Set(all.map((person) => world.nodeOf(person)));
    others.delete(must(world.nodes.find(({ node }) => ownsTeam(node))).name);
    const before = groupMetrics(world);
    const messages = 3;
    for (let counter = 1; counter <= messages; counter += 1) {
      await first.client.call(said(first, counter, 'one at a time'));
      const isThere = (): boolean => all.every((person) => pushedTo(person).length === counter);
      await world.eventually(isThere, 'everybody has it');
    }
    const after = groupMetrics(world);
    expect(others.size).to.be.greaterThan(0);
    expect(after.entries - before.entries).to.equal(messages);
    expect(after.frames - before.frames).to.equal(messages * others.size);
    expect(after.copies - before.copies).to.equal(messages * others.size);
  });

  it('users learn of their membership, and find the group at their next login', async () => {
    const { world, all } = await founded();
    const [, second] = all;
    await world.eventually(() => pushesOf(second, 'membership').length > 0, 'bob is told');
    const { groups } = await second.client.call({ type: 'groups' });
    expect(groups).to.deep.equal([{ group: team, incarnation: life, position: 1, role: 'member' }]);
  });

  it('who was removed gets the entry that says so, then nothing, and cannot go on', async () => {
    const { world, all } = await founded();
    const [first, second, third] = all;
    const removed = first.member.make({ type: 'remove', user: carl });
    await world.operate(first, removed);
    first.member.take(removed);
    await world.catchUp(second);
    await world.eventually(() => pushedTo(third).length === 1, 'carl gets the last entry');
    await world.eventually(
      () => pushesOf(third, 'membership').some(({ role }) => role === undefined),
      'carl is told',
    );
    const seals = { type: 'groupKeys', group: team, incarnation: life, from: 0 } as const;
    expect((await third.client.call(seals)).seals.map(({ epoch }) => epoch)).to.deep.equal([1]);
    await second.client.call(said(second, 1, 'without carl'));
    await world.eventually(() => pushedTo(first).length === 2, 'ann gets the message');
    expect(pushedTo(third)).to.have.lengthOf(1);
    const late = third.client.call(said(third, 1, 'hello?'));
    expect(await late.catch((cause: { code: string }) => cause.code)).to.equal('E_NOT_MEMBER');
    expect((await world.pull(third)).entries.map(({ seq }) => seq)).to.deep.equal([1, 2]);
  });

  it('receipts of several members come gathered', async () => {
    const { world, all } = await founded();
    const [first, second, third] = all;
    await first.client.call(said(first, 1, 'read this'));
    const ack = { type: 'groupAck', group: team, incarnation: life, delivered: 2 } as const;
    await second.client.call({ ...ack, read: 2 });
    await third.client.call({ ...ack, read: 0 });
    const marksSeen = (): Map<UserId, readonly [number, number]> =>
      new Map(
        pushesOf(first, 'groupMarks')
          .flatMap(({ marks }) => marks)
          .map(({ user, delivered, read }) => [user, [delivered, read]] as const),
      );
    await world.eventually(() => marksSeen().size === 2, 'ann sees both');
    expect(marksSeen().get(bob)).to.deep.equal([2, 2]);
    expect(marksSeen().get(carl)).to.deep.equal([2, 0]);
  });

  /** What the nodes' operators see, summed over nodes. */
  function groupMetrics(world: GroupsWorld) {
    const all = world.nodes.map((node) => node.metrics());
    const sum = (name: 'groupEntries' | 'groupFrames' | 'groupCopies'): number =>
      all.reduce((total, metrics) => total + metrics[name].value, 0);
    return { entries: sum('groupEntries'), frames: sum('groupFrames'), copies: sum('groupCopies') };
  }

  /** A group whose owner has no session of its members, so that the same links go on without it. */
  async function foundedElsewhere(): Promise<
    Awaited<ReturnType<typeof founded>> & { readonly owner: SimNode }
  > {
    for (let seed = 1; ; seed += 1) {
      const { world, all } = await founded(4, seed);
      const owner = must(world.nodes.find(({ node }) => ownsTeam(node)));
      if (!all.some((person) => world.nodeOf(person) === owner.name)) return { world, all, owner };
    }
  }

  it('goes on when its owner dies: nothing is lost, and nobody has to subscribe again', async () => {
    const { world, all, owner } = await foundedElsewhere();
    const [first, second] = all;
    await first.client.call(said(first, 1, 'before'));
    await world.eventually(() => pushedTo(second).length === 1, 'bob gets the first');
    owner.crash();
    const message = said(first, 2, 'after');
    const retried = async (): Promise<unknown> => {
      for (;;)
        try {
          return await first.client.call(message);
        } catch (cause) {
          if ((cause as FastChatError).retry === 'never') throw cause;
        }
    };
    expect(await retried()).to.include({ seq: 3, last: 2 });
    const heard = (): boolean =>
      pushedTo(second).length === 2 || pushesOf(second, 'groupHead').some(({ head }) => head === 3);
    await world.eventually(heard, 'bob hears of the second');
    expect((await world.pull(second)).entries.map(({ seq }) => seq)).to.deep.equal([1, 2, 3]);
    await first.client.call(said(first, 3, 'and again'));
    await world.eventually(() => pushedTo(second).at(-1)?.seq === 4, 'bob gets the third');
  });

  function ownsTeam(node: (typeof GroupsWorld.prototype.nodes)[number]['node']): boolean {
    return node.cluster.ownership.servedEpoch(node.shardOf(team)) !== undefined;
  }
});

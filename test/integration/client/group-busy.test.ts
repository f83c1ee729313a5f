/** Much at once in a group, by one device: numbers of messages, and changes that do not get into each other's way. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import type { Home } from '../../unit/client/home.ts';
import { ClusterWorld } from './cluster-world.ts';

const team = parseGroupId('#team');
const ben = parseUserId('ben');
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('a busy group', function () {
  this.timeout(30_000);

  const numbersAt = async (
    world: ClusterWorld,
    home: Home,
  ): Promise<[string | undefined, number][]> =>
    (await world.until(home.client.history(team, { limit: 1000 }))).map(({ text, seq }) => [
      text,
      seq,
    ]);

  it('numbers the messages of its only sender from 1, however many are under way', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    const sends = upTo(200).map((number) => a.client.send(team, `m${number}`));
    const sent = await world.until(Promise.all(sends));
    expect(sent.map(({ seq }) => seq)).to.deep.equal(upTo(200));
    await world.shown(b, 200);
    const expected = upTo(200).map((number) => [`m${number}`, number]);
    for (const home of [a, b]) expect(await numbersAt(world, home)).to.deep.equal(expected);
  });

  it('answers with the numbers that the messages keep when two write at once', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.eventually(() => b.of('group').length > 0, 'ben knows');
    const sends = upTo(50).flatMap((number) =>
      [a, b].map((home) => home.client.send(team, `${home.name} ${number}`)),
    );
    const sent = await world.until(Promise.all(sends));
    await world.shown(a, 50);
    await world.shown(b, 50);
    const [atA, atB] = [await numbersAt(world, a), await numbersAt(world, b)];
    expect(atA.map(([text]) => text)).to.deep.equal(atB.map(([text]) => text));
    for (const [index, { seq }] of sent.entries()) {
      const own = index % 2 === 0 ? atA : atB;
      const text = `${[a, b][index % 2]?.name} ${Math.floor(index / 2) + 1}`;
      expect(own.find(([said]) => said === text)?.[1], text).to.equal(seq);
    }
  });

  it('keeps the order across a restart with messages under way', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.eventually(() => b.of('group').length > 0, 'ben knows');
    for (const number of upTo(20)) a.client.send(team, `a${number}`).catch(() => undefined);
    for (const number of upTo(20)) b.client.send(team, `b${number}`).catch(() => undefined);
    await world.pass(12);
    a.crash();
    await a.restart();
    await world.until(a.client.flushed(10_000));
    await world.until(b.client.flushed(10_000));
    await world.pass(1_000);
    const [atA, atB] = [await numbersAt(world, a), await numbersAt(world, b)];
    expect(atA.map(([text]) => text)).to.deep.equal(atB.map(([text]) => text));
    const ofAnn = atA.flatMap(([text]) => (text?.startsWith('a') === true ? [text] : []));
    expect(ofAnn).to.deep.equal(upTo(ofAnn.length).map((number) => `a${number}`));
  });

  it('lets those write who were let in a moment ago, whoever has been told of that', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    for (let afterMs = 0; afterMs < 40; afterMs += 1) {
      const group = parseGroupId(`late-${afterMs}`);
      await world.until(a.client.group.create(group));
      await world.until(a.client.group.add(group, ben));
      await world.pass(afterMs);
      const [sent, info] = await world.until(
        Promise.all([b.client.send(group, 'here I am'), b.client.group.info(group)]),
      );
      expect(sent.seq).to.equal(1);
      expect(info.members).to.have.length(2);
    }
  });

  it('takes twenty changes that one client is asked for at once, one after the other', async () => {
    const world = await ClusterWorld.start();
    const a = await world.join('ann');
    const others = [];
    for (const number of upTo(20)) others.push(await world.join(`m${number}`));
    await world.until(a.client.group.create(team));
    const added = others.map(({ user }) => a.client.group.add(team, user));
    const epochs = (await world.until(Promise.all(added))).map(({ epoch }) => epoch);
    expect(epochs).to.deep.equal(upTo(20).map((number) => number + 1));
    const { members } = await world.until(a.client.group.info(team));
    expect(members).to.have.length(21);
  });
});

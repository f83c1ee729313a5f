/** Groups at the edges: what happens between two steps of a client, and between two lives of a name. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import type { Home } from '../../unit/client/home.ts';
import { PASSWORD } from '../../unit/client/home.ts';
import { ClusterWorld } from './cluster-world.ts';

const team = parseGroupId('#team');
const ben = parseUserId('@ben');
const eve = parseUserId('@eve');

function changes(home: Home): readonly string[] {
  return home.of('group').map(({ change, user }) => `${change} ${user}`);
}

async function told(world: ClusterWorld, home: Home, what: string): Promise<void> {
  await world.eventually(() => changes(home).includes(what), `${home.name} hears: ${what}`);
}

describe('a group at the edge', function () {
  this.timeout(30_000);

  it('does not give what waits for one life of a name to the next one', async () => {
    for (const isCrashing of [false, true]) {
      const world = await ClusterWorld.start();
      const [a, b, e] = [await world.join('ann'), await world.join('ben'), await world.join('eve')];
      await world.until(a.client.group.create(team, { members: [ben, eve] }));
      await world.until(e.client.group.leave(team));
      await told(world, b, 'left @eve');
      await world.until(b.client.logout());
      await world.until(b.client.send(team, 'for ann alone', { wait: 'none' }));
      if (isCrashing) b.crash();
      await world.until(a.client.group.delete(team));
      await world.until(e.client.group.create(team, { members: [ben] }));
      if (isCrashing) await b.open();
      await world.until(b.client.login(PASSWORD));
      await world.until(b.client.flushed(60_000));
      await world.pass(2000);
      expect(e.shown()).to.deep.equal([]);
      expect(b.of('sent').map(({ state }) => state)).to.deep.equal(['failed']);
    }
  });

  it('tells nothing of the next life as read when old messages are', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    for (let i = 1; i <= 10; i += 1) await world.until(a.client.send(team, `old ${i}`));
    await world.shown(b, 10);
    await world.until(a.client.group.delete(team));
    await told(world, b, 'deleted @ann');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'new'));
    await world.shown(b, 11);
    const old = b.of('message').find(({ text }) => text === 'old 10');
    if (old === undefined) throw new Error('shown above');
    await world.until(b.client.markRead(team, old.id));
    await world.pass(2000);
    expect(a.of('receipt').filter(({ state }) => state === 'read')).to.deep.equal([]);
  });
});

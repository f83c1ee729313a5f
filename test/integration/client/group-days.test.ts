/** Odd days of groups: races, people who come back, crowds, several devices, nodes that die. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import {
  BOX_KEY_RETAIN_MS,
  BOX_KEY_ROTATE_MS,
  GROUP_SEALS_MAX,
} from '../../../src/protocol/limits.ts';
import type { Home } from '../../unit/client/home.ts';
import { ClusterWorld } from './cluster-world.ts';
import { changes, crowd, told } from './group-scenes.ts';

const team = parseGroupId('#team');
const ben = parseUserId('@ben');
const carl = parseUserId('@carl');
const eve = parseUserId('@eve');

describe('a group on an odd day', function () {
  this.timeout(30_000);

  it('takes what two admins do at once, one after the other', async () => {
    const world = await ClusterWorld.start();
    const [a, b, e] = [await world.join('ann'), await world.join('ben'), await world.join('eve')];
    const c = await world.join('carl');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.group.promote(team, ben));
    await told(world, b, 'promoted @ben');
    for (let round = 1; round <= 10; round += 1) {
      const both = [a.client.group.add(team, eve), b.client.group.add(team, carl)];
      const epochs = (await world.until(Promise.all(both))).map(({ epoch }) => epoch);
      expect(new Set(epochs).size).to.equal(2);
      const out = [a.client.group.remove(team, carl), b.client.group.remove(team, eve)];
      await world.until(Promise.all(out));
    }
    await world.until(b.client.send(team, 'still here'));
    expect(await world.shown(a, 1)).to.deep.equal(['still here']);
    expect(changes(a)).to.have.lengthOf(2 + 40);
    await world.eventually(
      () => changes(e).filter((what) => what === 'removed @eve').length === 10,
      'out',
    );
    expect([a, b, c, e].flatMap((home) => home.warnings())).to.deep.equal([]);
  });

  it('lets somebody do at once what they may do since a moment ago', async () => {
    const world = await ClusterWorld.start(3, { meshDelayMs: [1, 100] });
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.join('eve');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, b, 'created @ann');
    for (let round = 1; round <= 10; round += 1) {
      await world.until(a.client.group.promote(team, ben));
      await world.until(b.client.group.add(team, eve));
      await world.until(b.client.group.remove(team, eve));
      await world.until(a.client.group.demote(team, ben));
    }
    expect(await world.code(b.client.group.add(team, eve))).to.equal('E_NOT_ADMIN');
  });

  it('shows somebody who comes back what is written from then on, without alarm', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'one'));
    await world.shown(b, 1);
    await world.until(a.client.group.remove(team, ben));
    await told(world, b, 'removed @ben');
    await world.until(a.client.send(team, 'two'));
    await world.until(a.client.group.add(team, ben));
    await world.until(a.client.send(team, 'three'));
    expect(await world.shown(b, 2)).to.deep.equal(['one', 'three']);
    const other = await world.joinAgain('ben', 'ben-2');
    await world.until(other.client.caughtUp());
    expect(other.shown()).to.deep.equal(['one', 'three']);
    expect(b.warnings().concat(other.warnings())).to.deep.equal([]);
  });

  it('shows somebody who was away meanwhile what was written in every stay, and nothing between', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'seen'));
    await world.shown(b, 1);
    b.crash();
    await world.until(a.client.send(team, 'first stay'));
    for (const word of ['between', 'between again']) {
      await world.until(a.client.group.remove(team, ben));
      await world.until(a.client.send(team, word));
      await world.until(a.client.group.add(team, ben));
      await world.until(a.client.send(team, `after ${word}`));
    }
    await world.until(b.restart());
    await world.until(b.client.caughtUp());
    const stays = ['seen', 'first stay', 'after between', 'after between again'];
    expect(b.shown()).to.deep.equal(stays);
    const other = await world.joinAgain('ben', 'ben-2');
    await world.until(other.client.caughtUp());
    expect(other.shown()).to.deep.equal(stays);
    expect(b.warnings().concat(other.warnings())).to.deep.equal([]);
  });

  it('shows somebody who was let in and put out while away all of it, though no member any more', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'seen'));
    await world.shown(b, 1);
    b.crash();
    await world.until(a.client.send(team, 'first stay'));
    await world.until(a.client.group.remove(team, ben));
    await world.until(a.client.group.add(team, ben));
    await world.until(a.client.send(team, 'second stay'));
    await world.until(a.client.group.remove(team, ben));
    await world.until(a.client.send(team, 'after all'));
    await world.until(b.restart());
    await world.until(b.client.caughtUp());
    expect(b.shown()).to.deep.equal(['seen', 'first stay', 'second stay']);
    expect(await world.until(b.client.groups())).to.deep.equal([]);
    expect(b.warnings()).to.deep.equal([]);
  });

  it('is another group when its name is created again', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben], title: 'old' }));
    await world.until(a.client.send(team, 'old'));
    await world.shown(b, 1);
    await world.until(a.client.group.delete(team));
    await told(world, b, 'deleted @ann');
    expect(await world.until(b.client.groups())).to.deep.equal([]);
    await world.until(b.client.group.create(team, { title: 'new' }));
    await world.until(b.client.send(team, 'alone'));
    expect(await world.until(a.client.groups())).to.deep.equal([]);
    await world.until(b.client.group.add(team, a.user));
    await world.until(b.client.send(team, 'together'));
    expect(await world.shown(a, 1)).to.deep.equal(['together']);
    expect((await world.until(a.client.groups()))[0]).to.include({ title: 'new', role: 'member' });
    expect(a.warnings().concat(b.warnings())).to.deep.equal([]);
  });

  it("puts a sender's own messages where the log has them", async () => {
    const world = await ClusterWorld.start();
    const [a, b, c] = [await world.join('ann'), await world.join('ben'), await world.join('carl')];
    await world.until(a.client.group.create(team, { members: [ben, carl] }));
    await told(world, b, 'created @ann');
    await told(world, c, 'created @ann');
    const all: Array<Promise<unknown>> = [];
    for (let number = 1; number <= 40; number += 1)
      for (const home of [a, b]) all.push(home.client.send(team, `${home.name} ${number}`));
    await world.until(Promise.all(all));
    await world.shown(c, 80);
    await world.eventually(
      () => a.shown().length === 40 && b.shown().length === 40,
      'all is there',
    );
    const textsAt = async ({ client }: Home): Promise<unknown> =>
      (await client.history(team, { limit: 200 })).map(({ text }) => text);
    expect(await textsAt(a)).to.deep.equal(await textsAt(c));
    expect(await textsAt(b)).to.deep.equal(await textsAt(c));
  });

  it('counts as read on every device of a reader', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    const other = await world.joinAgain('ben', 'ben-2');
    const { id } = await world.until(a.client.send(team, 'read me'));
    await world.shown(b, 1);
    await world.shown(other, 1);
    expect((await other.client.conversations())[0]?.unread).to.equal(1);
    await world.until(b.client.markRead(team, id));
    await world.eventually(() => a.of('receipt').some(({ state }) => state === 'read'), 'read');
    expect((await other.client.conversations())[0]?.unread).to.equal(0);
  });

  it('goes on when the node that runs it dies, and what was under way is neither lost nor doubled', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, b, 'created @ann');
    const sends: Array<Promise<unknown>> = [];
    for (const node of world.nodes.slice(1)) {
      for (let number = 1; number <= 10; number += 1)
        sends.push(a.client.send(team, `${node.name} ${number}`, { timeoutMs: 60_000 }));
      node.crash();
      await world.pass(2000);
      await world.until(node.start());
      await world.pass(3000);
    }
    await world.until(Promise.all(sends));
    const shown = await world.shown(b, 20);
    const expected = ['n2', 'n3'].flatMap((node) =>
      Array.from({ length: 10 }, (_, i) => `${node} ${i + 1}`),
    );
    expect(shown).to.deep.equal(expected);
    expect(a.warnings().concat(b.warnings())).to.deep.equal([]);
  });

  it('is made and changed while its owner is away: whoever asked waits, and it happens once', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    for (const node of world.nodes.slice(1)) {
      const name = parseGroupId(`#${node.name}`);
      node.crash();
      const made = a.client.group.create(name, { members: [ben] });
      await world.pass(500);
      await world.until(node.start());
      expect(await world.until(made)).to.deep.equal({ group: name, epoch: 1 });
    }
    expect(changes(a)).to.deep.equal(['created @ann', 'created @ann']);
    const twice = ['created @ann', 'added @ben', 'created @ann', 'added @ben'];
    await world.eventually(() => changes(b).length >= twice.length, 'ben is in both');
    expect(changes(b)).to.deep.equal(twice);
  });

  it('of more members than one frame has seals for is made, and changes its key', async () => {
    const world = await ClusterWorld.start(1);
    const a = await world.join('ann');
    const b = await world.join('ben');
    const users = await crowd(world, GROUP_SEALS_MAX + 20);
    await world.until(a.client.group.create(team, { members: [ben, ...users] }));
    await told(world, b, 'created @ann');
    const [gone] = users;
    expect(await world.until(a.client.group.remove(team, gone ?? ben))).to.deep.equal({ epoch: 2 });
    await world.until(a.client.send(team, 'a crowd'));
    expect(await world.shown(b, 1)).to.deep.equal(['a crowd']);
    const { members } = await world.until(b.client.group.info(team));
    expect(members).to.have.lengthOf(users.length + 1);
  });

  it('is followed by a device that was away longer than entries are kept', async () => {
    const world = await ClusterWorld.start(1, { retentionMs: 60_000 });
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben], title: 'first' }));
    await world.until(a.client.send(team, 'seen'));
    await world.shown(b, 1);
    b.crash();
    await crowd(world, 2);
    await world.until(a.client.group.add(team, parseUserId('m1')));
    await world.until(a.client.send(team, 'expires'));
    await world.until(a.client.group.remove(team, parseUserId('m1')));
    await world.until(a.client.group.add(team, parseUserId('m2'), 'observer'));
    await world.until(a.client.group.rename(team, 'second'));
    await world.pass(70_000);
    // A group looks for what has expired soon after it comes to life, and every hour from then on.
    const [node] = world.nodes;
    node?.crash();
    await world.until(node?.start() ?? Promise.reject(new Error('no node')));
    await world.pass(70_000);
    await world.until(a.client.send(team, 'kept'));
    await world.until(b.restart());
    await world.until(b.client.caughtUp());
    expect(b.shown()).to.deep.equal(['seen', 'kept']);
    const { title, members } = await world.until(b.client.group.info(team));
    expect(title).to.equal('second');
    expect(members.map(({ user, role }) => `${user} ${role}`)).to.deep.equal([
      '@ann admin',
      '@ben member',
      '@m2 observer',
    ]);
    // Only what is gone for good is told of.
    expect(b.warnings()).to.deep.equal(['E_NO_SUCH_MESSAGE']);
    await world.until(b.client.send(team, 'back'));
    expect(await world.shown(a, 1)).to.deep.equal(['back']);
  });

  it('is opened by a new device after the box key that its key was sealed to has gone', async () => {
    const world = await ClusterWorld.start(1);
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'for long'));
    await world.shown(b, 1);
    const days = 3 + BOX_KEY_RETAIN_MS / BOX_KEY_ROTATE_MS;
    for (let day = 1; day <= days; day += 1) {
      await world.until(b.client.close());
      b.skewMs += BOX_KEY_ROTATE_MS;
      await world.until(b.restart());
      await world.pass(200);
    }
    const other = await world.joinAgain('ben', 'ben-2');
    await world.until(a.client.send(team, 'still'));
    expect((await world.shown(other, 1)).at(-1)).to.equal('still');
    expect(other.warnings()).to.deep.equal([]);
  });
});

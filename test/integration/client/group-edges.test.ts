/** Groups at the edges: what happens between two steps of a client, and between two lives of a name. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import { BOX_KEY_RETAIN_MS, GROUP_RECEIPT_MEMBERS_MAX } from '../../../src/protocol/limits.ts';
import { PASSWORD } from '../../unit/client/home.ts';
import { ClusterWorld } from './cluster-world.ts';
import { changes, crowd, told } from './group-scenes.ts';

const team = parseGroupId('#team');
const ben = parseUserId('@ben');
const eve = parseUserId('@eve');

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

  it('lets nobody wait for ever who waits while the person logs out', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, b, 'created @ann');
    const codes = new Set<string>();
    for (let ms = 0; ms < 20; ms += 2) {
      b.crash();
      await world.until(a.client.send(team, 'waits'));
      const client = await b.open();
      const login = client.login(PASSWORD).catch(() => undefined);
      const before = b.of('state').length;
      await world.eventually(() => b.of('state').length > before, 'ben is connected');
      await world.pass(ms);
      const waiting = world.code(client.caughtUp());
      const out = client.logout();
      codes.add(await waiting);
      await world.until(Promise.all([out, login]));
    }
    expect([...codes].sort()).to.deep.equal(['E_NOT_LOGGED_IN', 'none']);
  });

  it('says so when it cannot be read before the person logs in, and goes on then', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    const other = await world.joinAgain('ben', 'ben-2');
    const third = await world.joinAgain('ben', 'ben-3');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, other, 'created @ann');
    const devices = await world.until(b.client.devices());
    const gone = devices.find(({ name }) => name === third.name);
    if (gone === undefined) throw new Error('joined above');
    await world.until(b.client.revokeDevice(gone.device));
    await world.join('eve');
    await world.until(a.client.group.add(team, eve));
    await world.until(a.client.group.remove(team, eve));
    await world.until(a.client.send(team, 'sealed to a newer key'));
    await world.shown(b, 1);
    await world.pass(1000);
    expect(await world.code(other.client.group.info(team))).to.equal('E_AUTH');
    expect(await world.code(other.client.caughtUp())).to.equal('E_AUTH');
    expect(other.shown()).to.deep.equal([]);
    await world.until(other.client.login(PASSWORD));
    await world.until(other.client.caughtUp());
    expect(other.shown()).to.deep.equal(['sealed to a newer key']);
  });

  it('is delivered in a large group when those have it who were in it, not those who came later', async () => {
    const world = await ClusterWorld.start(1);
    const a = await world.join('ann');
    const [away, ...others] = await crowd(world, GROUP_RECEIPT_MEMBERS_MAX);
    if (away === undefined) throw new Error('made above');
    for (const user of others) await world.joinAgain(user, `${user} 2`);
    await world.until(a.client.group.create(team, { members: [away, ...others] }));
    const options = { wait: 'delivered', timeoutMs: 20_000 } as const;
    const first = world.code(a.client.send(team, 'for who was here', options));
    await world.join('eve');
    await world.until(a.client.group.add(team, eve));
    expect(await first).to.equal('E_TIMEOUT');
    await world.joinAgain(away, 'here again');
    const { state } = await world.until(a.client.send(team, 'for all', options));
    expect(state).to.equal('delivered');
    const states = (await a.client.history(team)).map((message) => message.state);
    expect(states).to.deep.equal(['delivered', 'delivered']);
  });

  it('reaches somebody who was put out and let in again before they could hear of it', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, b, 'created @ann');
    b.flushMs = 100;
    const written: string[] = [];
    for (let round = 1; round <= 5; round += 1) {
      for (const text of [`first ${round}`, `second ${round}`, `third ${round}`]) {
        await world.until(a.client.send(team, text));
        written.push(text);
      }
      await world.until(a.client.group.remove(team, ben));
      await world.until(a.client.send(team, 'behind his back'));
      await world.until(a.client.group.add(team, ben));
      await world.until(a.client.send(team, `back ${round}`));
      written.push(`back ${round}`);
      expect(await world.shown(b, written.length)).to.deep.equal(written);
    }
    expect(changes(b).filter((change) => change === 'removed @ben')).to.have.lengthOf(5);
    expect(b.warnings()).to.deep.equal([]);
  });

  it('is read on from where it was, although a person was reading meanwhile', async () => {
    const world = await ClusterWorld.start(1);
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.join('eve');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'one'));
    await world.shown(b, 1);
    const [one] = b.of('message');
    if (one === undefined) throw new Error('shown above');
    b.flushMs = 100;
    // What comes next is on its way to the disk when the mark is told, and after the mark.
    await world.until(a.client.send(team, 'two'));
    const sent = a.client.send(team, 'three');
    const added = a.client.group.add(team, eve);
    const read = b.client.markRead(team, one.id);
    await world.until(Promise.all([read, sent, added]));
    await told(world, b, 'added @eve');
    await world.pass(1000);
    b.crash();
    await world.until(b.restart());
    await world.until(b.client.caughtUp());
    expect(b.shown()).to.deep.equal(['one', 'two', 'three']);
    expect(b.warnings()).to.deep.equal([]);
  });

  it('is shown to its end, before the next group of its name', async () => {
    const world = await ClusterWorld.start(1);
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await told(world, b, 'created @ann');
    b.flushMs = 100;
    for (const text of ['one', 'two', 'last words']) await world.until(a.client.send(team, text));
    await world.until(a.client.group.delete(team));
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'new words'));
    expect(await world.shown(b, 4)).to.deep.equal(['one', 'two', 'last words', 'new words']);
    const life = ['created @ann', 'added @ben'];
    expect(changes(b)).to.deep.equal([...life, 'deleted @ann', ...life]);
    await world.pass(1000);
    b.crash();
    await world.until(b.restart());
    await world.until(b.client.caughtUp());
    expect(changes(b)).to.have.lengthOf(5);
    expect(b.warnings()).to.deep.equal([]);
  });

  it('shows a stay that a store which was put back to before it knows nothing of', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'first stay'));
    await world.shown(b, 1);
    await world.until(a.client.group.remove(team, ben));
    await told(world, b, 'removed @ben');
    await world.pass(1000);
    const backup = await b.copy('ben-restored');
    await world.until(a.client.group.add(team, ben));
    await world.until(a.client.send(team, 'second stay'));
    await world.shown(b, 2);
    await world.until(a.client.group.remove(team, ben));
    await world.until(a.client.send(team, 'behind his back'));
    await world.eventually(() => changes(b).at(-1) === 'removed @ben', 'ben is out again');
    b.crash();
    const restored = await backup.open();
    await world.until(restored.login(PASSWORD));
    await world.until(restored.caughtUp());
    await world.shown(backup, 1);
    await world.pass(1000);
    expect(backup.shown()).to.deep.equal(['second stay']);
    expect(changes(backup)).to.deep.equal(['added @ben', 'removed @ben']);
    expect(await world.until(restored.groups())).to.deep.equal([]);
    expect(backup.warnings()).to.deep.equal([]);
  });

  it('is opened by a new device of somebody who looks in once a month', async () => {
    const world = await ClusterWorld.start(1);
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'for long'));
    await world.shown(b, 1);
    for (let month = 1; month <= 6; month += 1) {
      await world.until(b.client.close());
      b.skewMs += BOX_KEY_RETAIN_MS / 3;
      await world.until(b.restart());
      await world.pass(200);
    }
    const other = await world.joinAgain('ben', 'ben-2');
    await world.until(a.client.send(team, 'still'));
    expect((await world.shown(other, 1)).at(-1)).to.equal('still');
    expect(other.warnings()).to.deep.equal([]);
  });
});

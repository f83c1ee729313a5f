/** A device that is revoked knows the keys of its account's groups: they get fresh ones, whatever comes between. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import type { GroupId } from '../../../src/protocol/ids.ts';
import { PASSWORD } from '../../unit/client/home.ts';
import type { Home } from '../../unit/client/home.ts';
import { ClusterWorld } from './cluster-world.ts';

const [team, guests, watched] = ['#team', '#guests', '#watched'].map(parseGroupId) as [
  GroupId,
  GroupId,
  GroupId,
];
const [ann, ben] = [parseUserId('ann'), parseUserId('ben')];

interface Scene {
  readonly world: ClusterWorld;
  readonly a: Home;
  readonly lost: Home;
  readonly b: Home;
}

describe('revoking a device of a member of groups', function () {
  this.timeout(60_000);

  /** Ann is an admin of one group, a member of another and an observer of a third; ben is in all of them. */
  async function begin(nodes = 1): Promise<Scene> {
    const world = await ClusterWorld.start(nodes);
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    const lost = await world.joinAgain('ann', 'ann-2');
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(b.client.group.create(guests, { members: [ann] }));
    await world.until(b.client.group.create(watched));
    await world.until(b.client.group.add(watched, ann, 'observer'));
    for (const home of [a, lost])
      await world.eventually(
        () => home.of('group').some(({ group }) => group === watched),
        `${home.name} knows all three`,
      );
    return { world, a, lost, b };
  }

  const deviceOf = async ({ world, lost }: Scene): Promise<number> =>
    (await world.until(lost.client.devices())).find(({ current }) => current)?.device ?? 0;

  const epochAt = async ({ world }: Scene, home: Home, group: GroupId): Promise<number> =>
    (await world.until(home.client.group.info(group))).epoch;

  it('makes a fresh key for each group that the account may write to', async () => {
    const scene = await begin(3);
    const { world, a, lost, b } = scene;
    const device = await deviceOf(scene);
    const before = await epochAt(scene, b, watched);
    await world.until(a.client.revokeDevice(device as never));
    for (const group of [team, guests]) {
      expect(await epochAt(scene, a, group)).to.equal(2);
      expect(await epochAt(scene, b, group)).to.equal(2);
    }
    expect(await epochAt(scene, b, watched), 'an observer makes no keys').to.equal(before);
    const shown = lost.shown().length;
    await world.until(b.client.send(team, 'without the lost one'));
    await world.until(a.client.send(guests, 'here as well'));
    expect(await world.shown(a, 1)).to.deep.equal(['without the lost one']);
    expect(await world.shown(b, 1)).to.deep.equal(['here as well']);
    expect(lost.shown()).to.have.length(shown);
    expect(a.warnings().concat(b.warnings())).to.deep.equal([]);
    expect(b.of('group').map(({ change }) => change)).to.not.include('rekey');
  });

  it('leaves the keys to the devices that stay and to those that come', async () => {
    const scene = await begin();
    const { world, a, b } = scene;
    await world.until(a.client.revokeDevice((await deviceOf(scene)) as never));
    await world.until(b.client.send(team, 'under the fresh key'));
    const later = await world.joinAgain('ann', 'ann-3');
    expect(await world.shown(later, 1)).to.deep.equal(['under the fresh key']);
    await world.until(later.client.send(team, 'from the new one'));
    expect(await world.shown(b, 1)).to.deep.equal(['from the new one']);
  });

  it('keeps what is written for the other devices until their login, in order', async () => {
    const scene = await begin();
    const { world, a, b } = scene;
    const other = await world.joinAgain('ann', 'ann-3');
    await world.until(b.client.send(team, 'before'));
    await world.shown(other, 1);
    await world.until(a.client.revokeDevice((await deviceOf(scene)) as never));
    for (const text of ['one', 'two']) await world.until(b.client.send(team, text));
    await world.until(a.client.send(guests, 'three'));
    await world.pass(2_000);
    expect(other.shown()).to.deep.equal(['before']);
    expect(new Set(other.warnings())).to.deep.equal(new Set(['E_AUTH']));
    await world.until(other.client.login(PASSWORD));
    expect(await world.shown(other, 3)).to.deep.equal(['before', 'one', 'two']);
    const guestsSeen = await world.until(other.client.history(guests));
    expect(guestsSeen.map(({ text }) => text)).to.deep.equal(['three']);
    await world.until(other.client.send(team, 'four'));
    expect((await world.shown(b, 2)).at(-1)).to.equal('four');
  });

  it('is planned once: nothing is made anew at later logins', async () => {
    const scene = await begin();
    const { world, a, b } = scene;
    await world.until(a.client.revokeDevice((await deviceOf(scene)) as never));
    for (let count = 0; count < 3; count += 1) {
      a.crash();
      await a.restart();
      await world.pass(500);
    }
    expect(await epochAt(scene, b, team)).to.equal(2);
  });

  it('makes nothing anew for a device that there never was', async () => {
    const scene = await begin();
    const { world, a, b } = scene;
    expect(await world.code(a.client.revokeDevice(99 as never))).to.equal('E_NO_SUCH_DEVICE');
    await world.pass(500);
    expect(await epochAt(scene, b, team)).to.equal(1);
  });

  for (let afterMs = 5; afterMs <= 80; afterMs += 5)
    it(`is finished at the next login when the client dies after ${afterMs} ms`, async () => {
      const scene = await begin();
      const { world, a, b } = scene;
      const device = await deviceOf(scene);
      a.client.revokeDevice(device as never).catch(() => undefined);
      await world.pass(afterMs);
      a.crash();
      await a.restart();
      await world.pass(2_000);
      const known = (await world.until(a.client.devices())).map((each) => each.device);
      if (known.includes(device as never)) return;
      for (const group of [team, guests]) expect(await epochAt(scene, b, group)).to.be.at.least(2);
      await world.until(b.client.send(team, 'afterwards'));
      expect((await world.shown(a, 1)).at(-1)).to.equal('afterwards');
    });
});

/** Groups as people use them: the client library against three whole nodes. */
import { expect } from 'chai';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import { ClusterWorld } from './cluster-world.ts';

const team = parseGroupId('#team');
const ann = parseUserId('@ann');
const ben = parseUserId('@ben');
const eve = parseUserId('@eve');

describe('groups of the client library', function () {
  this.timeout(20_000);

  it('are created with everybody in, and everybody reads what is written, in one order', async () => {
    const world = await ClusterWorld.start();
    const [a, b, c] = [await world.join('ann'), await world.join('ben'), await world.join('carl')];
    const made = await world.until(
      a.client.group.create(team, { members: [ben, parseUserId('carl')], title: 'The team' }),
    );
    expect(made).to.deep.equal({ group: team, epoch: 1 });
    await world.eventually(() => c.of('group').length > 0 && b.of('group').length > 0, 'told');
    expect(b.of('group').map(({ change, user, by }) => [change, user, by])).to.deep.equal([
      ['created', ann, ann],
      ['added', ben, ann],
    ]);
    for (let i = 1; i <= 5; i += 1) {
      await world.until(a.client.send(team, `a${i}`));
      await world.until(b.client.send(team, `b${i}`));
    }
    const shown = await world.shown(c, 10);
    expect(shown).to.deep.equal(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4', 'a5', 'b5']);
    expect(await world.shown(b, 5)).to.deep.equal(['a1', 'a2', 'a3', 'a4', 'a5']);
    const infoOfC = await world.until(c.client.group.info(team));
    expect(infoOfC.title).to.equal('The team');
    expect(infoOfC.members).to.deep.equal([
      { user: ann, role: 'admin', online: true },
      { user: ben, role: 'member', online: true },
      { user: parseUserId('carl'), role: 'member', online: true },
    ]);
    expect(a.warnings().concat(b.warnings(), c.warnings())).to.deep.equal([]);
  });

  it('let people in and put them out; each reads from the first to the last day only', async () => {
    const world = await ClusterWorld.start();
    const [a, b, e] = [await world.join('ann'), await world.join('ben'), await world.join('eve')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.until(a.client.send(team, 'before'));
    expect(await world.until(a.client.group.add(team, eve))).to.deep.equal({ epoch: 2 });
    await world.until(a.client.send(team, 'during'));
    expect(await world.shown(e, 1)).to.deep.equal(['during']);
    await world.until(e.client.send(team, 'hello'));
    expect(await world.until(a.client.group.remove(team, eve))).to.deep.equal({ epoch: 3 });
    await world.eventually(() => e.of('group').some(({ change }) => change === 'removed'), 'out');
    await world.until(a.client.send(team, 'after'));
    expect(await world.shown(b, 4)).to.deep.equal(['before', 'during', 'hello', 'after']);
    expect(e.shown()).to.deep.equal(['during']);
    expect(await world.code(e.client.send(team, 'let me'))).to.equal('E_NO_SUCH_GROUP');
    expect(await world.until(e.client.groups())).to.deep.equal([]);
  });

  it('go on after somebody has left: the next sender makes a new key', async () => {
    const world = await ClusterWorld.start();
    const [a, b, e] = [await world.join('ann'), await world.join('ben'), await world.join('eve')];
    await world.until(a.client.group.create(team, { members: [ben, eve] }));
    await world.eventually(() => e.of('group').length > 0 && b.of('group').length > 0, 'told');
    await world.until(e.client.group.leave(team));
    await world.until(b.client.send(team, 'among us'));
    expect(await world.shown(a, 1)).to.deep.equal(['among us']);
    const info = await world.until(a.client.group.info(team));
    expect([info.epoch, info.members.length]).to.deep.equal([2, 2]);
  });

  it('wait for who is away, and open on another device', async () => {
    const world = await ClusterWorld.start();
    const [a, b] = [await world.join('ann'), await world.join('ben')];
    await world.until(a.client.group.create(team, { members: [ben] }));
    await world.eventually(() => b.of('group').length > 0, 'told');
    b.crash();
    for (let i = 1; i <= 300; i += 1) await world.until(a.client.send(team, `m${i}`));
    const client = await b.open();
    const { pending } = await world.until(client.connect());
    expect(pending).to.equal(300);
    await world.until(client.caughtUp());
    expect(b.shown()).to.have.lengthOf(300);
    const other = await world.joinAgain('ben', 'ben-2');
    await world.until(other.client.caughtUp());
    expect(other.shown()).to.deep.equal(b.shown());
    const own = await world.joinAgain('ann', 'ann-2');
    await world.until(own.client.caughtUp());
    expect(await own.client.history(team, { limit: 1000 })).to.have.lengthOf(300);
  });

  it('tell a sender who has got a message and who has read it', async () => {
    const world = await ClusterWorld.start();
    const [a, b, e] = [await world.join('ann'), await world.join('ben'), await world.join('eve')];
    await world.until(a.client.group.create(team, { members: [ben, eve] }));
    const sent = await world.until(a.client.send(team, 'who is here?', { wait: 'delivered' }));
    expect(sent.state).to.equal('delivered');
    const receipts = a.of('receipt').map(({ by, state }) => `${by} ${state}`);
    expect(receipts.toSorted()).to.deep.equal(['@ben delivered', '@eve delivered']);
    await world.until(b.client.markRead(team, sent.id));
    await world.eventually(() => a.of('receipt').length === 3, 'read');
    expect(a.of('receipt').at(-1)).to.include({ by: ben, state: 'read', id: sent.id });
    await world.until(e.client.markRead(team, sent.id));
    await world.eventually(() => a.of('sent').at(-1)?.state === 'read', 'read by all');
  });
});

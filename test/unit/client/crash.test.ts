/** The client's process is killed at every point of its life: nothing that was promised is lost, nothing is shown twice. */
import { expect } from 'chai';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { Home, PASSWORD, World } from './world.ts';

const TEXTS = ['one', 'two', 'three', 'four', 'five'];

/** Texts of the history of one conversation at a home, oldest first. */
async function history(home: Home, peer: Home): Promise<readonly string[]> {
  return (await home.client.history(peer.user)).map(({ text }) => text ?? '');
}

/** Lets the world go on in small steps until `steps` transactions of `home` have been flushed, then kills it. */
async function killAfter(world: World, home: Home, steps: number, kept: number): Promise<boolean> {
  let flushed = 0;
  for (let turn = 0; turn < 4_000; turn++) {
    const before = home.disk.unflushed;
    world.clock.step();
    await Promise.resolve();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (home.disk.unflushed < before) flushed += before - home.disk.unflushed;
    if (flushed < steps) continue;
    home.crash(kept);
    return true;
  }
  return false;
}

describe('client: killed while it sends', () => {
  for (const kept of [0, 1, 2])
    for (let steps = 1; steps <= 8; steps++)
      it(`after ${steps} transactions, ${kept} more on the disk: each message arrives once, in order`, async () => {
        const world = await World.start(steps * 10 + kept);
        const [alice, bob] = [await world.join('alice'), await world.join('bob')];
        const send = (text: string): Promise<unknown> =>
          alice.client.send(bob.user, text, { id: `id-${text}` }).catch(() => undefined);
        // Two before, so that some may be answered while others are on their way.
        void send('one');
        void send('two');
        await world.pass(steps % 3);
        for (const text of TEXTS.slice(2)) void send(text);
        const isKilled = await killAfter(world, alice, steps, kept);
        if (!isKilled) alice.crash(kept);
        await alice.restart();
        // The caller does not know what became of them and sends all again, under the same ids.
        await world.until(
          Promise.all(TEXTS.map((text) => alice.client.send(bob.user, text, { id: `id-${text}` }))),
        );
        await world.pass(5_000);
        expect(bob.shown()).to.deep.equal(TEXTS);
        expect(bob.warnings()).to.deep.equal([]);
        expect(await history(alice, bob)).to.deep.equal(TEXTS);
        expect(alice.client.queued()).to.equal(0);
      });
});

describe('client: killed while it receives', () => {
  for (const kept of [0, 1])
    for (let steps = 1; steps <= 6; steps++)
      it(`after ${steps} transactions, ${kept} more on the disk: its history has each message once`, async () => {
        const world = await World.start(steps * 10 + kept);
        const [alice, bob] = [await world.join('alice'), await world.join('bob')];
        for (const text of TEXTS) void alice.client.send(bob.user, text).catch(() => undefined);
        if (!(await killAfter(world, bob, steps, kept))) bob.crash(kept);
        await bob.restart();
        await world.pass(30_000);
        expect(await history(bob, alice)).to.deep.equal(TEXTS);
        expect(bob.warnings()).to.deep.equal([]);
        const { messages } = await bob.client.unprinted(undefined, 100);
        expect(messages.map(({ text }) => text)).to.deep.equal(TEXTS);
      });
});

describe('client: killed before its account is set up', () => {
  for (const kept of [0, 1])
    for (let steps = 1; steps <= 5; steps++) {
      it(`by ${steps} transactions of a registration, ${kept} more on the disk: the password opens the account`, async () => {
        const world = await World.start(steps * 10 + kept);
        const home = new Home(world, parseUserId('alice'), 'alice-1');
        const client = await home.open();
        const registering = client.register(PASSWORD).then(() => client.connect());
        registering.catch(() => undefined);
        if (!(await killAfter(world, home, steps, kept))) home.crash(kept);
        const again = await home.open();
        if (!world.cluster.accounts.has(home.user)) await world.until(again.register(PASSWORD));
        await world.until(again.login(PASSWORD));
        expect(again.registered).to.equal(true);
        const bob = await world.join('bob');
        await world.until(bob.client.send(home.user, 'welcome'));
        await world.pass(1_000);
        expect(home.shown()).to.deep.equal(['welcome']);
      });

      it(`by ${steps} transactions of a first login, ${kept} more on the disk: the password tries again`, async () => {
        const world = await World.start(steps * 10 + kept);
        await world.join('alice');
        const home = new Home(world, parseUserId('alice'), 'alice-2');
        const client = await home.open();
        client.login(PASSWORD).catch(() => undefined);
        if (!(await killAfter(world, home, steps, kept))) home.crash(kept);
        const again = await home.open();
        await world.until(again.login(PASSWORD));
        expect(again.registered).to.equal(true);
        expect(world.account(home).sessions.size).to.be.at.least(2);
      });
    }
});

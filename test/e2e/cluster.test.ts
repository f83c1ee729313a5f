/** Three real node processes, many accounts: what people would notice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { seededRandom } from '../../src/ops/random.ts';
import { NodeLogs } from '../support/node-logs.ts';
import { Rpc, temporaryFolder } from '../support/processes.ts';

const SEED = Number(process.env['FASTCHAT_SEED'] ?? Date.now() % 1_000_000);
const password = 'correct horse battery';

describe('a cluster of three nodes', function () {
  this.timeout(180_000);
  let cluster: DevCluster;
  const folder = temporaryFolder();
  const rpcs: Rpc[] = [];
  const logs = new NodeLogs();

  const open = (home: string, url = cluster.url): Rpc => {
    const rpc = new Rpc({ home: `${folder.path}/${home}`, url });
    rpcs.push(rpc);
    return rpc;
  };

  before(async () => {
    cluster = await startDevCluster({
      nodes: 3,
      args: ['--log-level', 'debug'],
      onLog: logs.onLog,
    });
  });

  afterEach(async function () {
    logs.endTest(this.currentTest);
    await Promise.all(rpcs.splice(0).map((rpc) => rpc.end()));
  });

  after(async () => {
    await cluster?.stop();
    folder.remove();
  });

  it(`delivers 600 random messages of 12 accounts once and in order (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const rpc = open('many');
    const names = Array.from({ length: 12 }, (_, index) => `@user${index}`);
    await Promise.all(names.map((account) => rpc.call('register', { account, password })));
    const logins = [];
    for (const account of names) logins.push(await rpc.call('login', { account, password }));
    const perNode = new Map<string, number>();
    for (const { node } of logins) perNode.set(node, (perNode.get(node) ?? 0) + 1);
    expect([...perNode.keys()].sort(), 'every node got logins').to.deep.equal(['n1', 'n2', 'n3']);
    expect(Math.max(...perNode.values()), 'no node got most of them').to.be.at.most(9);

    const pick = (): string => names[Math.floor(random.fraction() * names.length)]!;
    const expected = new Map<string, string[]>();
    const sends = Array.from({ length: 600 }, (_, index) => {
      const from = pick();
      let to = pick();
      while (to === from) to = pick();
      const key = `${from}>${to}`;
      expected.set(key, [...(expected.get(key) ?? []), `message ${index}`]);
      return rpc.call('send', { account: from, to, text: `message ${index}` });
    });
    const results = await Promise.all(sends);
    expect(new Set(results.map(({ id }) => id)).size).to.equal(600);
    expect(results.every(({ state }) => state !== 'queued')).to.equal(true);
    await rpc.eventCount(600, ({ type }) => type === 'message');
    const shown = new Map<string, string[]>();
    for (const event of rpc.events.filter(({ type }) => type === 'message')) {
      const key = `${String(event['from'])}>${event.account}`;
      shown.set(key, [...(shown.get(key) ?? []), String(event['text'])]);
    }
    expect(Object.fromEntries(shown)).to.deep.equal(Object.fromEntries(expected));
  });

  it('lets exactly one of two simultaneous registrations of a name win, many times', async () => {
    const [first, second] = cluster.nodes.map((node) => node.ready.url);
    const one = open('race-1', first);
    const other = open('race-2', second);
    for (let round = 0; round < 20; round += 1) {
      const account = `@racer${round}`;
      const outcomes = await Promise.allSettled(
        [one, other].map((rpc) => rpc.call('register', { account, password: `pw ${round}` })),
      );
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(lost, account).to.have.length(1);
      expect(lost[0]!.reason.code).to.equal('E_NAME_TAKEN');
    }
  });

  it('keeps 1,000 acknowledged messages for an offline user through kill -9 of every node', async () => {
    const sender = open('sender');
    const first = open('first-home');
    await sender.call('register', { account: 'ann', password });
    await sender.call('login', { account: 'ann', password });
    await first.call('register', { account: 'olga', password });
    await first.end();
    const texts = Array.from({ length: 1000 }, (_, index) => `kept ${index}`);
    // A hundred at a time: each waits half a minute at most, which a slow machine needs for fewer than all of them.
    for (let from = 0; from < texts.length; from += 100)
      await Promise.all(
        texts
          .slice(from, from + 100)
          .map((text) => sender.call('send', { account: 'ann', to: '@olga', text })),
      );

    await Promise.all([0, 1, 2].map((index) => cluster.kill(index, 'SIGKILL')));
    for (const index of [0, 1, 2]) await cluster.restart(index);

    const home = open('another-machine');
    const { pending } = await home.call('login', { account: 'olga', password });
    expect(pending).to.equal(1000);
    await home.eventCount(1000, ({ type }) => type === 'message');
    expect(home.messages('@olga').map((event) => event['text'])).to.deep.equal(texts);
    const history = await home.call('history', {
      account: 'olga',
      conversation: '@ann',
      limit: 2000,
    });
    expect(history.map((message: { text: string }) => message.text)).to.deep.equal(texts);
  });

  it('acknowledges again, and shows once, what was sent while its node died', async () => {
    const sender = open('retry-sender');
    const receiver = open('retry-receiver');
    await sender.call('register', { account: 'sam', password });
    await receiver.call('register', { account: 'rita', password });
    await sender.call('login', { account: 'sam', password });
    await receiver.call('login', { account: 'rita', password });
    const sends = Array.from({ length: 200 }, (_, index) =>
      sender.call('send', { account: 'sam', to: '@rita', text: `through ${index}` }),
    );
    await Promise.race(sends);
    await cluster.kill(1, 'SIGKILL');
    await cluster.restart(1);
    await Promise.all(sends);
    await receiver.eventCount(200, ({ type }) => type === 'message');
    expect(receiver.messages('@rita').map((event) => event['text'])).to.deep.equal(
      Array.from({ length: 200 }, (_, index) => `through ${index}`),
    );
  });
});

describe('a cluster on one machine that cannot start', () => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  it('leaves no node behind', async function () {
    this.timeout(60_000);
    // The second node finds a file where its data should be.
    writeFileSync(join(folder.path, 'n2'), '');
    const dataDir = folder.path;
    const failed = startDevCluster({ nodes: 2, dataDir }).catch((cause: unknown) => cause);
    expect(await failed).to.be.an('error');
    // Were the first one still there, its data would be in use.
    const cluster = await startDevCluster({ nodes: 1, dataDir });
    await cluster.stop();
  });
});

/** What an operator sees of a cluster of three, and what is left of it when a node dies for good. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';

const password = 'correct horse battery';

describe('an operator of three nodes', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const names = ['@ann', '@ben', '@cleo', '@dora', '@emil', '@finn'];
  let cluster: DevCluster;
  let rpc: Rpc;

  /** Asks the first node; the lines of its answer. */
  async function admin(...words: string[]): Promise<any[]> {
    const done = await run(['admin', ...words, '--json', '--data', `${cluster.dataDir}/n1`]);
    expect(done.code, done.stderr).to.equal(0);
    return done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  before(async () => {
    cluster = await startDevCluster({ nodes: 3 });
    rpc = new Rpc({ home: folder.path, url: cluster.url });
    for (const account of names) await rpc.call('register', { account, password });
    for (const account of names) await rpc.call('login', { account, password });
  });

  after(async () => {
    await rpc?.end();
    await cluster?.stop();
    folder.remove();
  });

  it('sees every node with its lease, version and share of the shards', async () => {
    const nodes = await admin('nodes');
    expect(nodes.map(({ node }) => node)).to.deep.equal(['n1', 'n2', 'n3']);
    for (const each of nodes) {
      expect(each).to.include({ state: 'up', lease: 'held', shardsHeld: 256 });
      expect(each.shardsOwned).to.be.within(85, 86);
      expect(each.version).to.match(/^\d+\.\d+\.\d+/);
    }
  });

  it('sees where an address lives and that its copies are level', async () => {
    const [where] = await admin('where', '@ann');
    expect(where.replicas).to.have.members(['n1', 'n2', 'n3']);
    expect(where.copies.map(({ state }: { state: string }) => state)).to.deep.equal([
      'owner',
      'streaming',
      'streaming',
    ]);
    expect(where.acknowledged).to.be.above(0);
  });

  it('sees the accounts of all nodes at any of them, and nothing to move', async () => {
    const users = await admin('user', 'list');
    expect(users.map(({ user }) => user)).to.deep.equal(names);
    const plan = await run(['admin', 'rebalance', '--dry-run', '--data', `${cluster.dataDir}/n2`]);
    expect([plan.code, plan.stdout]).to.deep.equal([0, '']);
  });

  it('may forget a node once it is dead, and everybody is served by the others', async () => {
    const early = await run(['admin', 'nodes', 'forget', 'n3', '--data', `${cluster.dataDir}/n1`]);
    expect(early.code).to.equal(2);
    expect(early.stderr).to.contain('n3 lives');
    await cluster.kill(2, 'SIGKILL');
    const sends = names.map((account, index) =>
      rpc.call('send', {
        account,
        to: names[(index + 1) % names.length],
        text: `without n3 from ${account}`,
      }),
    );
    await Promise.all(sends);
    await rpc.eventCount(names.length, ({ type }) => type === 'message');
    const leaseOf = async (): Promise<string> => (await admin('nodes'))[2].lease;
    while ((await leaseOf()) !== 'ended');
    const [gone] = await admin('nodes', 'forget', 'n3');
    expect(gone).to.include({ node: 'n3', isGone: true });
    const [status] = await admin('status');
    expect(status).to.include({ degraded: false, degradedShards: 0, ownerlessShards: 0 });
    expect(status.members.map(({ node }: { node: string }) => node)).to.deep.equal(['n1', 'n2']);
    expect(status.replicas).to.deep.equal({ target: 3, effective: 2 });
  });
});

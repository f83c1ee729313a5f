/** Ctrl+C and SIGTERM: a drained node, a saved outbox, a clean terminal. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';

const password = 'correct horse battery';

describe('signals', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();

  after(() => folder.remove());

  it('SIGTERM drains a node: its sessions go on elsewhere, it exits 0', async () => {
    const cluster = await startDevCluster({ nodes: 2 });
    const rpc = new Rpc({ home: `${folder.path}/drain`, url: cluster.url });
    const names = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay'];
    for (const account of names) await rpc.call('register', { account, password });
    const placed = new Map<string, string>();
    for (const account of names)
      placed.set(account, (await rpc.call('login', { account, password })).node);
    const moved = names.find((name) => placed.get(name) === 'n2');
    expect(moved, 'somebody is on n2').to.not.equal(undefined);
    const reconnected = rpc.event(
      ({ type, account, node, connected }) =>
        type === 'state' && account === `@${moved}` && connected === true && node === 'n1',
    );
    cluster.nodes[1]!.kill('SIGTERM');
    expect(await cluster.nodes[1]!.exited).to.equal(0);
    await reconnected;
    await rpc.end();
    await cluster.stop();
  });

  it('SIGTERM to a client saves what no node has acknowledged', async () => {
    const cluster = await startDevCluster({ nodes: 1 });
    const home = `${folder.path}/outbox`;
    const rpc = new Rpc({ home, url: cluster.url });
    for (const account of ['ann', 'ben']) await rpc.call('register', { account, password });
    await rpc.call('login', { account: 'ann', password });
    await rpc.call('send', { account: 'ann', to: '@ben', text: 'first' });
    await cluster.kill(0, 'SIGKILL');
    const queued = await rpc.call('send', {
      account: 'ann',
      to: '@ben',
      text: 'kept in the outbox',
      wait: 'none',
    });
    expect(queued.state).to.equal('queued');
    expect(await rpc.kill('SIGTERM'), 'ended by a signal, in order').to.equal(130);

    await cluster.restart(0);
    const tail = await run(['tail', '--json', '-u', 'ann', '--home', home]);
    expect(tail.code, tail.stderr).to.equal(0);
    const ben = await run(['tail', '--json', '-u', 'ben', '--home', home]);
    const texts = ben.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).text);
    expect(texts).to.deep.equal(['first', 'kept in the outbox']);
    await cluster.stop();
  });
});

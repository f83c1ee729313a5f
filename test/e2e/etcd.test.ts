/** Real node processes that keep their map in real etcd processes: what people and operators would notice. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import type { ClusterReport } from '../../src/ops/admin-api.ts';
import { LEASE_TTL_MS } from '../../src/protocol/limits.ts';
import { describeWithEtcd, EtcdCluster, passTime } from '../support/etcd.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';

const password = 'correct horse battery';
const FREE = ['--listen', '127.0.0.1:0', '--mesh', '127.0.0.1:0', '--http', '127.0.0.1:0'];

describeWithEtcd('a cluster of two nodes on three members of etcd', function () {
  this.timeout(90_000);
  const folder = temporaryFolder();
  let etcd: EtcdCluster;
  let cluster: DevCluster;
  let rpc: Rpc;

  before(async () => {
    etcd = await EtcdCluster.start({ members: 3 });
    cluster = await startDevCluster({ nodes: 2, args: ['--coordinator', etcd.url()] });
    rpc = new Rpc({ home: `${folder.path}/home`, url: cluster.url });
    for (const account of ['ann', 'ben']) {
      await rpc.call('register', { account, password });
      await rpc.call('login', { account, password });
    }
  });
  after(async () => {
    await rpc?.end();
    await cluster?.stop();
    await etcd?.stop();
    folder.remove();
  });

  const exchange = async (text: string): Promise<void> => {
    for (const [account, to] of [
      ['ann', '@ben'],
      ['ben', '@ann'],
    ] as const) {
      const { state } = await rpc.call('send', { account, to, text });
      expect(state, text).to.not.equal('queued');
      await rpc.event((event) => event.type === 'message' && event['text'] === text);
    }
  };
  const report = async (): Promise<ClusterReport> => {
    const response = await fetch(new URL('/cluster', cluster.nodes[0]?.ready.http));
    return (await response.json()) as ClusterReport;
  };
  const node = (data: string, ...args: readonly string[]) =>
    run(['node', '--data', `${folder.path}/${data}`, ...FREE, ...args], {
      env: { FASTCHAT_NODE_DEV: 'true' },
    });

  it('refuses a node of another cluster, and says how to get in or aside', async () => {
    const { code, stderr } = await node('stranger', '--coordinator', etcd.url());
    expect(code).to.equal(1);
    expect(stderr)
      .to.match(/E_CONFIG/)
      .and.to.contain('--join')
      .and.to.contain('/NAME');
  });

  it('refuses a member that looks for the map elsewhere', async () => {
    const joinFile = cluster.nodes[1]?.ready.joinFile ?? '';
    const { code, stderr } = await node('lost', '--join', joinFile);
    expect(code).to.equal(1);
    expect(stderr).to.contain('--coordinator etcd://');
    await run(['admin', 'nodes', 'forget', 'n3', '--data', `${cluster.dataDir}/n1`]);
  });

  it('says that etcd does not answer when there is none', async () => {
    const { code, stderr } = await node('early', '--coordinator', 'etcd://127.0.0.1:1');
    expect(code).to.equal(3);
    expect(stderr).to.contain('E_UNREACHABLE').and.to.contain('127.0.0.1:1');
  });

  it('goes on with one member of etcd dead, and with none left', async () => {
    await exchange('three members');
    await etcd.kill(0);
    await exchange('two members');
    await etcd.kill(1);
    await etcd.kill(2);
    await passTime(LEASE_TTL_MS + 500);
    await exchange('none');
    for (const index of [0, 1, 2]) void etcd.restart(index);
    await etcd.ready();
    await exchange('three again');
  });

  it('never writes over a map that is there', async () => {
    const dataDir = `${cluster.dataDir}/n1`;
    const { code, stderr } = await run(['admin', 'rebuild-map', '--data', dataDir]);
    expect(code).to.equal(2);
    expect(stderr).to.contain('never written over');
  });

  it('gets its map back from a node when etcd has lost everything', async () => {
    const before = await report();
    await etcd.post('/v3/kv/deleterange', { key: 'AA==', range_end: 'AA==' });
    const { code, stdout } = await run(['admin', 'rebuild-map', '--data', `${cluster.dataDir}/n1`]);
    expect(code).to.equal(0);
    expect(stdout).to.contain(`rebuilt from map ${before.version}`);
    let now = await report();
    while (now.version <= before.version) {
      await passTime(100);
      now = await report();
    }
    await exchange('rebuilt');
    await cluster.kill(1, 'SIGKILL');
    await cluster.restart(1);
    await exchange('after a restart');
  });
});

import { createCluster } from '../../src/cluster/etcd/create.ts';
import { EtcdCoordinator } from '../../src/cluster/etcd/etcd-coordinator.ts';
import { EtcdGateway } from '../../src/cluster/etcd/gateway.ts';
import { EtcdKeys } from '../../src/cluster/etcd/keys.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { silentLog } from '../../src/ops/log.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import { describeWithEtcd, EtcdCluster, passTime } from '../support/etcd.ts';
import { CONTRACT_SHARDS, coordinatorContract } from './coordinator.contract.ts';

const clock = systemClock;
const clusterId = new Uint8Array(16).fill(3);
const N1 = parseNodeId('n1');

describeWithEtcd('a coordinator in a real etcd', function () {
  this.timeout(40_000);
  let etcd: EtcdCluster;
  let prefixes = 0;

  before(async () => {
    etcd = await EtcdCluster.start();
  });
  after(() => etcd.stop());

  coordinatorContract('etcd', async () => {
    prefixes += 1;
    const prefix = `contract-${prefixes}/`;
    const gateway = (): EtcdGateway =>
      new EtcdGateway({ endpoints: etcd.endpoints, tls: undefined, clock });
    const making = gateway();
    const record = { clusterId, shards: CONTRACT_SHARDS, first: N1 };
    await createCluster(making, new EtcdKeys(prefix), record);
    making.close();
    const open = (): EtcdCoordinator =>
      new EtcdCoordinator({ gateway: gateway(), prefix, clusterId, clock, log: silentLog });
    const coordinator = open();
    const other = open();
    return {
      coordinator,
      other,
      names: { first: 'n1', other: 'n2' },
      settleMs: 300,
      nowMs: () => clock.mono(),
      run: (work) => work,
      pass: passTime,
      crash: () => etcd.kill(),
      restart: async () => {
        await etcd.restart();
        return coordinator;
      },
      close: async () => {
        await coordinator.close();
        await other.close();
      },
    };
  });
});

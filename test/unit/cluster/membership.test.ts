import { expect } from 'chai';
import { Membership } from '../../../src/cluster/membership.ts';
import { ShardDirectory } from '../../../src/cluster/shard-map.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import { FakeNetwork } from './support/fake-network.ts';
import { memoryMeta } from './support/fake-router-node.ts';
import { memberOf } from './support/test-cluster.ts';

const [A, B, C] = ['a', 'b', 'c'].map((name, index) => memberOf(name, index)) as [
  ReturnType<typeof memberOf>,
  ReturnType<typeof memberOf>,
  ReturnType<typeof memberOf>,
];

describe('membership', () => {
  const clock = new VirtualClock();
  const create = () => {
    const network = new FakeNetwork(clock);
    const directory = new ShardDirectory(memoryMeta());
    const mesh = network.open(A.node);
    const membership = new Membership({ self: A.node, mesh, directory, clock, log: silentLog });
    membership.start();
    const adopt = (version: number, ...members: readonly (typeof A)[]): void => {
      directory.adopt({ members, map: { version, shards: [] } });
    };
    return { network, mesh, membership, adopt };
  };

  it('connects to exactly the other members, and again to one that moved', () => {
    const { mesh, adopt } = create();
    adopt(1, A, B, C);
    expect(mesh.connected).to.deep.equal(['b', 'c']);
    adopt(2, A, B, C);
    expect(mesh.connected).to.deep.equal(['b', 'c']);
    adopt(3, A, { ...B, meshEndpoint: 'tcp://127.0.0.1:9' });
    expect(mesh.connected).to.deep.equal(['b', 'b']);
  });

  it('knows who is heard and for how long', async () => {
    const { network, membership, adopt } = create();
    adopt(1, A, B, C);
    network.open(B.node);
    await clock.advance(10);
    let changes = 0;
    membership.onChange(() => (changes += 1));
    expect(membership.status().map(({ isUp }) => isUp)).to.deep.equal([true, true, false]);
    network.close(B.node);
    await clock.advance(50);
    expect(changes).to.equal(1);
    expect(membership.isUp(B.node)).to.equal(false);
    const silent = membership.status().find(({ member }) => member.node === B.node);
    expect(silent?.forMs).to.be.within(40, 50);
    expect(membership.isUp(parseNodeId('nobody'))).to.equal(false);
  });
});

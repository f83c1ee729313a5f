import { expect } from 'chai';
import { ShardDirectory } from '../../../src/cluster/shard-map.ts';
import { parseNodeId, parseShardId } from '../../../src/protocol/ids.ts';
import { memoryMeta, owned } from './support/fake-router-node.ts';
import { memberOf } from './support/test-cluster.ts';

const S0 = parseShardId(0);
const view = (version: number, ...shards: ReturnType<typeof owned>[]) => ({
  members: [memberOf('a', 0)],
  map: { version, shards },
});

describe('the shard directory', () => {
  it('knows nothing at first, and starts from what it saved', async () => {
    const store = memoryMeta();
    const first = new ShardDirectory(store);
    expect(first.shards).to.equal(0);
    first.adopt(view(1, owned('a', 1)));
    first.adopt(view(2, owned('b', 2)));
    await first.saved();
    const second = new ShardDirectory(store);
    expect(second.view).to.deep.equal(first.view);
    expect(second.ownedBy(parseNodeId('b'))).to.deep.equal([0]);
  });

  it('adopts only newer versions', () => {
    const directory = new ShardDirectory(memoryMeta());
    expect(directory.adopt(view(5, owned('a', 2)))).to.equal(true);
    expect(directory.adopt(view(5, owned('b', 3)))).to.equal(false);
    expect(directory.adopt(view(4, owned('b', 3)))).to.equal(false);
    expect(directory.assignment(S0)).to.deep.equal(owned('a', 2));
  });

  it('keeps an assignment that it learned on the way when an older one comes in a newer view', () => {
    const directory = new ShardDirectory(memoryMeta());
    directory.adopt(view(1, owned('a', 1), owned('a', 1)));
    expect(directory.adoptAssignment(S0, owned('b', 3))).to.equal(true);
    expect(directory.adoptAssignment(S0, owned('c', 3))).to.equal(false);
    directory.adopt(view(2, owned('a', 2), owned('b', 2)));
    expect(directory.view.map.shards).to.deep.equal([owned('b', 3), owned('b', 2)]);
  });

  it('tells which shards changed, until it is told to stop', () => {
    const directory = new ShardDirectory(memoryMeta());
    const changes: number[][] = [];
    const listening = directory.listen({ onShards: (changed) => changes.push([...changed]) });
    directory.adopt(view(1, owned('a', 1), owned('a', 1)));
    directory.adopt(view(2, owned('a', 1), owned('b', 2)));
    listening.cancel();
    directory.adopt(view(3, owned('b', 2), owned('b', 2)));
    expect(changes).to.deep.equal([[0, 1], [1]]);
  });

  it('ignores shards that the cluster does not have', () => {
    const directory = new ShardDirectory(memoryMeta());
    expect(directory.adoptAssignment(S0, owned('a', 1))).to.equal(false);
  });
});

import { expect } from 'chai';
import { clusterRecord, EtcdKeys } from '../../../../src/cluster/etcd/keys.ts';
import { EtcdMirror } from '../../../../src/cluster/etcd/mirror.ts';
import type { KeyValue } from '../../../../src/cluster/etcd/mirror.ts';
import { encode } from '../../../../src/protocol/codec.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';

const keys = new EtcdKeys('/test/');
const clusterId = new Uint8Array(16).fill(3);
const record = { clusterId, shards: 4, first: parseNodeId('n1'), base: 0 };

/** Everything under the prefix after the change with this revision. */
function stateAt(revision: number): readonly KeyValue[] {
  return [
    { key: keys.cluster, value: encode(clusterRecord, record), modRevision: 1 },
    { key: keys.changed, value: new Uint8Array(0), modRevision: revision },
  ];
}

function mirrorThatSaw(seenVersion: number): EtcdMirror {
  return new EtcdMirror({ keys, clusterId, seenVersion });
}

describe('the mirror of etcd', () => {
  it('passes over an answer that is late: of two reads under way the newer came first', () => {
    const mirror = mirrorThatSaw(0);
    const knownBefore = mirror.version;
    mirror.load(stateAt(82), 82, knownBefore);
    mirror.load(stateAt(79), 79, knownBefore);
    expect(mirror.view?.map.version).to.equal(82);
    expect(mirror.revision).to.equal(82);
  });

  it('refuses a state that is older than what was known when it was asked for', () => {
    const mirror = mirrorThatSaw(0);
    mirror.load(stateAt(82), 82, mirror.version);
    expect(() => mirror.load(stateAt(79), 79, mirror.version)).to.throw('older state');
    expect(mirror.view?.map.version).to.equal(82);
  });

  it('refuses a state that is older than what an earlier life of the node saw', () => {
    const mirror = mirrorThatSaw(100);
    expect(() => mirror.load(stateAt(79), 79, mirror.version)).to.throw('older state');
    expect(mirror.view).to.equal(undefined);
  });
});

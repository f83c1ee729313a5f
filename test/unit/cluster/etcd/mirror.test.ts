import { expect } from 'chai';
import { clusterRecord, EtcdKeys } from '../../../../src/cluster/etcd/keys.ts';
import { EtcdMirror } from '../../../../src/cluster/etcd/mirror.ts';
import type { KeyValue } from '../../../../src/cluster/etcd/mirror.ts';
import { member as memberRecord, shardAssignment } from '../../../../src/cluster/members.ts';
import { encode } from '../../../../src/protocol/codec.ts';
import { asFastChatError } from '../../../../src/protocol/errors.ts';
import { parseNodeId, parseShardId } from '../../../../src/protocol/ids.ts';
import { testMember } from '../../../contract/coordinator.contract.ts';

const keys = new EtcdKeys('fastchat/');
const clusterId = new Uint8Array(16).fill(1);
const N1 = parseNodeId('n1');
const N2 = parseNodeId('n2');

const cluster = (base = 0, id = clusterId): KeyValue => ({
  key: keys.cluster,
  value: encode(clusterRecord, { clusterId: id, shards: 4, first: N1, base }),
  modRevision: 2,
});
const changed = (modRevision: number): KeyValue => ({
  key: keys.changed,
  value: Uint8Array.of(0),
  modRevision,
});
const shard = (index: number, epoch: number, modRevision: number): KeyValue => ({
  key: keys.shard(parseShardId(index)),
  value: encode(shardAssignment, { epoch, owner: N2, replicas: [N2] }),
  modRevision,
});
const member = (name: string, modRevision: number): KeyValue => ({
  key: keys.member(parseNodeId(name)),
  value: encode(memberRecord, testMember(name)),
  modRevision,
});
const lease = (value: string | undefined, modRevision: number): KeyValue => ({
  key: keys.lease(N1),
  value: value === undefined ? undefined : Buffer.from(value),
  modRevision,
});

describe('what a node knows of etcd', () => {
  const make = (seenVersion = 0): EtcdMirror => new EtcdMirror({ keys, clusterId, seenVersion });
  /** An answer that was asked for when `knownBefore` was known. */
  const load = (
    mirror: EtcdMirror,
    all: readonly KeyValue[],
    revision: number,
    knownBefore = mirror.version,
  ): void => mirror.load(all, revision, knownBefore);
  const codeOf = (work: () => void): string => {
    try {
      work();
    } catch (cause) {
      return asFastChatError(cause).code;
    }
    return 'none';
  };
  const epochs = (mirror: EtcdMirror): readonly number[] =>
    mirror.view?.map.shards.map(({ epoch }) => epoch) ?? [];

  it('has a shard that nobody wrote as it was made, and members by name', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(9), member('n2', 8), member('n1', 3), shard(2, 7, 9)], 12);
    expect(epochs(mirror)).to.deep.equal([1, 1, 7, 1]);
    expect(mirror.view?.members.map(({ node }) => node)).to.deep.equal(['n1', 'n2']);
    expect(mirror.view?.map.version).to.equal(9);
    expect(mirror.shardRevision(parseShardId(2))).to.equal(9);
    expect(mirror.shardRevision(parseShardId(1))).to.equal(0);
  });

  it('follows events, and skips what a read has brought already', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(9), shard(2, 7, 9)], 12);
    mirror.apply([shard(2, 6, 8), changed(8)], 8);
    mirror.apply([shard(2, 7, 9), changed(9), shard(3, 2, 13), changed(13)], 13);
    expect(epochs(mirror)).to.deep.equal([1, 1, 7, 2]);
    expect(mirror.view?.map.version).to.equal(13);
  });

  it('keeps the same view while only leases change, and knows the leases', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(9)], 12);
    const { view } = mirror;
    mirror.apply([lease('id', 13)], 13);
    expect([...mirror.leases.keys()]).to.deep.equal([N1]);
    mirror.apply([lease(undefined, 14)], 14);
    expect(mirror.leases.size).to.equal(0);
    expect(mirror.view).to.equal(view);
  });

  it('C1: never goes back, not even for an answer that was overtaken', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(9), lease('id', 11)], 12);
    load(mirror, [cluster(), changed(9)], 10);
    expect(mirror.leases.size).to.equal(1);
    expect(codeOf(() => load(mirror, [cluster(), changed(8)], 20))).to.equal('E_UNREACHABLE');
    expect(mirror.view?.map.version).to.equal(9);
    expect(codeOf(() => load(make(10), [cluster(), changed(9)], 12))).to.equal('E_UNREACHABLE');
  });

  it('passes over an answer that is late: of two reads under way the newer came first', () => {
    const mirror = make();
    const knownBefore = mirror.version;
    load(mirror, [cluster(), changed(82)], 82, knownBefore);
    load(mirror, [cluster(), changed(79)], 79, knownBefore);
    expect(mirror.view?.map.version).to.equal(82);
    expect(mirror.revision).to.equal(82);
  });

  it('takes a map that was rebuilt in an empty etcd for newer, although its revisions are small', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(900), shard(0, 5, 900)], 950);
    load(mirror, [cluster(1_000_000), changed(7), shard(0, 1005, 6)], 8);
    expect(mirror.view?.map.version).to.equal(1_000_007);
    expect(epochs(mirror)[0]).to.equal(1005);
    mirror.apply([shard(0, 1006, 9), changed(9)], 9);
    expect(epochs(mirror)[0]).to.equal(1006);
  });

  it('has nothing to say of an etcd without the cluster, and refuses another one', () => {
    const mirror = make();
    load(mirror, [cluster(), changed(9)], 12);
    const { view } = mirror;
    expect(codeOf(() => load(mirror, [], 13))).to.equal('E_UNREACHABLE');
    const gone = { ...cluster(), value: undefined, modRevision: 14 };
    expect(codeOf(() => mirror.apply([gone], 14))).to.equal('E_UNREACHABLE');
    const other = cluster(0, new Uint8Array(16));
    expect(codeOf(() => load(mirror, [other, changed(20)], 20))).to.equal('E_CONFIG');
    expect(mirror.view).to.equal(view);
  });

  it('ignores keys that are none of ours', () => {
    const mirror = make();
    const strange = { key: 'fastchat/notes/x', value: Uint8Array.of(1), modRevision: 5 };
    load(mirror, [cluster(), changed(9), strange], 12);
    expect(mirror.view?.map.version).to.equal(9);
    expect(keys.parse('other/cluster')).to.equal(undefined);
  });

  it('names ranges that hold its keys and nothing else', () => {
    const { from, to } = keys.under('');
    for (const key of [keys.cluster, keys.lease(N1), keys.shard(parseShardId(4095))])
      expect(key >= from && key < to, key).to.equal(true);
    for (const key of ['fastchat', 'fastchat0', 'fastchat2/cluster'])
      expect(key >= from && key < to, key).to.equal(false);
  });
});

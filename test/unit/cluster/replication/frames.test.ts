import { expect } from 'chai';
import {
  AppendEncoder,
  encodeAppend,
  packCommit,
  replicaRequest,
} from '../../../../src/cluster/replication/frames.ts';
import { decode } from '../../../../src/protocol/codec.ts';
import { parseShardId } from '../../../../src/protocol/ids.ts';

describe('the commits that an owner sends', () => {
  it('arrive as they were made, with what the owner knows of their keys', () => {
    const shard = parseShardId(3);
    const entry = { key: Buffer.from('entry'), value: Buffer.from('new'), isNew: true };
    const record = { key: Buffer.from('record'), value: Buffer.from('changed') };
    const removed = { key: Buffer.from('gone'), value: undefined };
    const payload = encodeAppend([packCommit(shard, 7, 12, 6, [entry, record, removed])]);

    const request = decode(replicaRequest, payload);

    expect(request).to.deep.equal({
      type: 'append',
      commits: [
        {
          shard,
          epoch: 7,
          seq: 12,
          before: 6,
          writes: [entry, { ...record, isNew: undefined }, { ...removed, isNew: undefined }],
        },
      ],
    });
  });

  it('are encoded once for replicas that get the same', () => {
    const shard = parseShardId(3);
    const [first, second] = [1, 2].map((seq) => packCommit(shard, 7, seq, 6, []));
    if (first === undefined || second === undefined) throw new Error('two commits');
    const encoder = new AppendEncoder();
    const payload = encoder.encode([first, second]);
    expect(encoder.encode([first, second])).to.equal(payload);
    expect(encoder.encode([second])).to.deep.equal(encodeAppend([second]));
    expect(encoder.encode([first])).to.deep.equal(encodeAppend([first]));
  });
});

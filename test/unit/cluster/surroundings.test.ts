import { expect } from 'chai';
import type { ShardAssignment } from '../../../src/cluster/members.ts';
import { hasOthers, judge, mayReturn } from '../../../src/cluster/surroundings.ts';
import type { Surroundings } from '../../../src/cluster/surroundings.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';

const nodes = (names: string): readonly NodeId[] =>
  names.split('').map((digit) => parseNodeId(`n${digit}`));

/** `123`: n1 owns the shard, n2 and n3 have a copy. */
function shards(...sets: readonly string[]): readonly ShardAssignment[] {
  return sets.map((set) => {
    const replicas = nodes(set);
    const [owner] = replicas;
    if (owner === undefined) throw new Error('a shard has an owner');
    return { epoch: 1, owner, replicas };
  });
}

const THREE = shards('123', '231', '312');

/** n`self` of n1, n2 and n3, each of which owns a shard that all have a copy of. */
function at(self: string, heard: string, more: Partial<Surroundings> = {}): Surroundings {
  return {
    self: parseNodeId(`n${self}`),
    members: nodes('123'),
    heard: new Set(nodes(heard)),
    isHeardElsewhere: () => false,
    live: new Set(nodes('123')),
    shards: THREE,
    ...more,
  };
}

const PAIR = { members: nodes('12'), live: new Set(nodes('12')), shards: shards('12', '21') };

describe('what a node makes of whom it hears', () => {
  it('stays while it hears everybody who lives', () => {
    expect(judge(at('1', '123'))).to.equal('stay');
    expect(judge(at('1', '1', { live: new Set(nodes('1')) })), 'the others are dead').to.equal(
      'stay',
    );
  });

  it('steps aside when the others are more, and only then', () => {
    for (const self of ['1', '2', '3']) expect(judge(at(self, self))).to.equal('minority');
    expect(judge(at('2', '23')), 'n1 is alone and goes').to.equal('stay');
    expect(judge(at('3', '3', { live: undefined })), 'without the coordinator').to.equal(
      'minority',
    );
  });

  it('of two halves the one without the first name goes', () => {
    expect(judge(at('1', '1', PAIR))).to.equal('stay');
    expect(judge(at('2', '2', PAIR))).to.equal('minority');
  });

  it('stays in the minority when nothing here could be taken over, and something is served', () => {
    const single = shards('1', '2', '3');
    expect(judge(at('2', '2', { shards: single, live: undefined }))).to.equal('stay');
    expect(judge(at('2', '2', { shards: shards('1', '3') })), 'it serves nothing').to.equal(
      'minority',
    );
  });

  it('of two that do not hear each other the later name goes, if somebody hears the other', () => {
    const isHeardElsewhere = (): boolean => true;
    expect(judge(at('1', '13', { isHeardElsewhere }))).to.equal('stay');
    expect(judge(at('2', '23', { isHeardElsewhere }))).to.equal('split');
    expect(judge(at('2', '23')), 'nobody hears n1: it goes by itself').to.equal('stay');
    const blind = at('2', '23', { isHeardElsewhere, live: undefined });
    expect(judge(blind), 'who lives is not known').to.equal('stay');
  });

  it('comes back when it hears whoever lives, and enough copies are heard', () => {
    const live = new Set(nodes('23'));
    expect(mayReturn(at('1', '1', { live }))).to.equal(false);
    expect(mayReturn(at('1', '12', { live })), 'n3 lives and is not heard').to.equal(false);
    expect(mayReturn(at('1', '123', { live }))).to.equal(true);
    expect(mayReturn(at('1', '12', { live: new Set(nodes('2')) })), 'n3 is dead').to.equal(true);
    expect(mayReturn(at('1', '1', { live: new Set() })), 'nobody has a lease').to.equal(false);
    expect(mayReturn(at('2', '2', { ...PAIR, live: new Set() })), 'n1 is dead').to.equal(true);
  });

  it('comes back without the coordinator when most members are heard', () => {
    expect(mayReturn(at('1', '12', { live: undefined }))).to.equal(true);
    expect(mayReturn(at('1', '1', { live: undefined }))).to.equal(false);
  });

  it('knows of a better place when others have taken what it had', () => {
    const taken = shards('231', '231', '312');
    expect(hasOthers(at('1', '1'), 1), 'nobody has').to.equal(false);
    expect(hasOthers(at('1', '1', { shards: taken }), 1)).to.equal(true);
    expect(hasOthers(at('1', '1', { live: undefined }), 1), 'nobody tells').to.equal(true);
    const isolated = { live: new Set(nodes('1')), shards: taken };
    expect(hasOthers(at('1', '1', isolated), 0), 'it had nothing, nobody lives').to.equal(false);
    expect(hasOthers(at('1', '1', { shards: taken }), 0), 'others live').to.equal(true);
  });
});

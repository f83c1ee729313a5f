/**
 * Groups in the hands of a node that owns the cluster's keys, of a member who keeps to no rule, and of both together,
 * against the real client: what it takes, what it shows, and what it warns of. Numbers as in docs/SECURITY.md.
 */
import { expect } from 'chai';
import { Refused } from '../../bench/generator/raw-link.ts';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { clientCalls, push } from '../../src/protocol/client-calls.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import type { GroupEntry } from '../../src/protocol/group-log.ts';
import { parseGroupId, parseUserId } from '../../src/protocol/ids.ts';
import type { GroupId } from '../../src/protocol/ids.ts';
import { GroupTalk } from '../support/group-talk.ts';
import { Rpc, temporaryFolder } from '../support/processes.ts';
import { must } from '../unit/crypto/group-people.ts';
import { HonestPair } from './honest-pair.ts';
import { HostileGate } from './hostile-gate.ts';
import type { Item } from './hostile-gate.ts';
import { HostileMember } from './hostile-member.ts';
import { LyingLog, answer } from './lying-log.ts';

const [ann, bob, carl, eve] = ['ann', 'bob', 'carl', 'eve'].map(parseUserId) as [
  ReturnType<typeof parseUserId>,
  ReturnType<typeof parseUserId>,
  ReturnType<typeof parseUserId>,
  ReturnType<typeof parseUserId>,
];
const { groupInfo, groupKeys, subscribe, groups } = clientCalls.calls;

describe('groups under attack', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const talk = new GroupTalk();
  const opened: Rpc[] = [];
  let cluster: DevCluster;
  /** Between the node and bob's client; carl's and dave's are honest unless a test says otherwise. */
  let gate: HostileGate;
  let victim: Rpc;
  let mallory: HostileMember;
  let honest: HonestPair;
  /** Where bob's events began when the test did. */
  let mark = 0;

  const open = (home: string, url: string): Rpc => {
    const process = new Rpc({ home: `${folder.path}/${home}`, url });
    opened.push(process);
    return process;
  };

  before(async () => {
    cluster = await startDevCluster({ nodes: 1 });
    gate = await HostileGate.open(`${cluster.dataDir}/n1`, cluster.url);
    const genuine = open('genuine', cluster.url);
    victim = open('victim', gate.url);
    await talk.arrive(genuine, 'ann', 'carl', 'dave', 'eve');
    await talk.arrive(victim, 'bob');
    mallory = await HostileMember.register('mallory', cluster.url);
    honest = await HonestPair.start(`${folder.path}/honest`, cluster.url);
  });

  beforeEach(() => {
    gate.tamper = (item) => item;
    mark = victim.events.length;
  });

  afterEach(() => honest.exchange(2));

  after(async () => {
    await honest?.finish();
    mallory?.link.destroy();
    await Promise.all(opened.map((each) => each.kill('SIGKILL')));
    await gate?.close();
    await cluster?.stop();
    folder.remove();
  });

  /** A group of ann, bob, mallory and others, which all of them know. */
  async function team(...others: readonly string[]): Promise<GroupId> {
    const group = parseGroupId(talk.name());
    const members = ['bob', 'mallory', ...others];
    await talk.call('ann', 'group.create', { group, members });
    for (const name of ['ann', 'bob', ...others]) await talk.told(name, group, 'created');
    await mallory.follow(group);
    return group;
  }

  /** Resolves when a process has been warned by one of these codes since the event with that index. */
  async function warned(codes: readonly string[], at = victim, since = mark): Promise<void> {
    await at.event(
      (event) =>
        event.type === 'warning' &&
        codes.includes(String(event['code'])) &&
        at.events.indexOf(event) >= since,
    );
    mark = victim.events.length;
  }

  const lieAbout = (group: GroupId): LyingLog => new LyingLog(gate, mallory.suite, group);

  /** An honest message that the node shows to bob as something else. */
  async function swap(log: LyingLog, group: GroupId, forged: Partial<GroupEntry>): Promise<void> {
    log.insteadOfMessage(({ seq, at }) => ({ ...forged, seq, at }) as GroupEntry);
    await talk.send('ann', group, `carrier ${log.seen.length}`);
  }

  const message = (envelope: Envelope): Partial<GroupEntry> => ({ type: 'message', envelope });
  const operation = (signed: Uint8Array): Partial<GroupEntry> => ({ type: 'operation', signed });

  /** The newest message of a group as the node has it. */
  async function newest(group: GroupId): Promise<Envelope> {
    const messages = (await mallory.pull(group)).filter((entry) => entry.type === 'message');
    return must(messages.at(-1)).envelope;
  }

  /** Honest traffic reaches bob, in the order of the log. */
  async function goesOn(group: GroupId, text = 'and on it goes'): Promise<void> {
    await talk.send('ann', group, text);
    await talk.heard('bob', group, text);
  }

  const names = async (account: string, group: GroupId): Promise<string[]> =>
    (await talk.members(account, group)).map(([user]) => user);

  it('7: a member whom no admin added is not taken in, whoever signs', async () => {
    const group = await team();
    const log = lieAbout(group);
    const letIn = { type: 'add', user: eve, role: 'member' } as const;
    for (const author of [ann, mallory.user]) {
      await swap(log, group, operation(mallory.operation(group, letIn, author)));
      await warned(author === ann ? ['E_SIGNATURE'] : ['E_NOT_ADMIN']);
    }
    gate.tamper = (item, call) => {
      if (call !== 'groupInfo') return log.tamper(item, call);
      const told = groupInfo.reply.parseFrom(item, 2);
      const members = [...told.members, { user: eve, role: 'admin', online: true } as const];
      return answer(item, groupInfo, { ...told, members });
    };
    expect(await names('bob', group)).to.have.members(['@ann', '@bob', '@mallory']);
    expect(talk.changes('bob', group).map(([, user]) => user)).to.not.include('@eve');
    await talk.call('ann', 'group.add', { group, user: '@dave' });
    await talk.told('bob', group, 'added', 'dave');
    await goesOn(group);
    expect(await names('bob', group)).to.have.members(['@ann', '@bob', '@dave', '@mallory']);
  });

  it('7: a rename that was forged, or that only members want, changes no title', async () => {
    const group = await team();
    await talk.call('ann', 'group.rename', { group, title: 'genuine' });
    await talk.told('bob', group, 'renamed');
    await mallory.follow(group);
    const log = lieAbout(group);
    for (const author of [ann, mallory.user]) {
      await swap(log, group, operation(mallory.operation(group, { type: 'rename' }, author)));
      await warned(author === ann ? ['E_SIGNATURE'] : ['E_NOT_ADMIN']);
    }
    log.insteadOfOperation((entry) => {
      const signed = Uint8Array.from(entry.signed);
      signed[signed.length - 1] = (signed.at(-1) ?? 0) ^ 1;
      return { ...entry, signed };
    });
    await talk.call('ann', 'group.rename', { group, title: 'changed on the way' });
    await warned(['E_SIGNATURE', 'E_BAD_FRAME']);
    const { title } = await talk.call('bob', 'group.info', { group });
    expect(title).to.equal('genuine');
    log.repent();
    await goesOn(group);
  });

  it('8: a member who was removed does not come back by an old operation, or an old roster', async () => {
    const group = await team();
    await talk.call('ann', 'group.add', { group, user: carl });
    const old = must((await mallory.pull(group)).findLast(({ type }) => type === 'operation'));
    await talk.call('ann', 'group.remove', { group, user: carl });
    await talk.told('bob', group, 'removed', 'carl');
    const log = lieAbout(group);
    await swap(log, group, old);
    await warned(['E_STALE_EPOCH', 'E_ALREADY_MEMBER', 'E_SIGNATURE', 'E_BAD_FRAME']);
    expect(await names('bob', group)).to.not.include('@carl');
    await goesOn(group);
    expect(await names('bob', group)).to.not.include('@carl');
  });

  it('8: a node that shows an older state after a reconnect changes nothing', async () => {
    const group = await team();
    await talk.call('ann', 'group.add', { group, user: carl });
    await talk.told('bob', group, 'added', 'carl');
    await talk.call('ann', 'group.remove', { group, user: carl });
    await talk.told('bob', group, 'removed', 'carl');
    await talk.leave('bob');
    gate.tamper = (item, call) => {
      if (call === 'groups') {
        const told = groups.reply.parseFrom(item, 2);
        const older = told.groups.map((each) =>
          each.group === group ? { ...each, position: 1 } : each,
        );
        return answer(item, groups, { groups: older });
      }
      if (call !== 'subscribe') return item;
      const told = subscribe.reply.parseFrom(item, 2);
      const older = told.groups.map((each) => {
        if (each.group !== group || each.standing === undefined) return each;
        return { ...each, standing: { ...each.standing, head: 2, position: 2, epoch: 2 } };
      });
      return answer(item, subscribe, { groups: older });
    };
    await talk.enter(victim, 'bob');
    expect(await names('bob', group)).to.not.include('@carl');
    await talk.send('bob', group, 'not for carl');
    await talk.heard('ann', group, 'not for carl');
    expect((await newest(group)).boxEpoch).to.equal(3);
    await goesOn(group);
    expect(await names('bob', group)).to.not.include('@carl');
  });

  it('8: two members who are shown different operations do not read each other, and are told', async () => {
    const group = await team();
    await talk.call('ann', 'group.promote', { group, user: '@mallory' });
    await talk.told('bob', group, 'promoted');
    await mallory.follow(group);
    const toAnn = mallory.operation(group, { type: 'add', user: carl, role: 'member' });
    const toBob = mallory.operation(group, { type: 'add', user: eve, role: 'member' });
    const log = lieAbout(group);
    log.insteadOfOperation((entry) => ({ ...entry, signed: toBob }));
    const genuine = talk.seat('ann');
    const since = genuine.events.length;
    await mallory.operate(group, toAnn, [carl]);
    await talk.told('ann', group, 'added', 'carl');
    await talk.told('bob', group, 'added', 'eve');
    await talk.send('ann', group, 'which group is this?');
    await warned(['E_DECRYPT']);
    await talk.send('bob', group, 'and this one?');
    await warned(['E_DECRYPT'], genuine, since);
    expect(talk.shown('bob', group)).to.deep.equal([]);
    expect(talk.shown('ann', group)).to.deep.equal([]);
  });

  it('8: a removal that is withheld stops what follows, and opens nothing to the one removed', async () => {
    const group = await team('carl');
    const log = lieAbout(group);
    log.insteadOfOperation(() => undefined);
    await talk.call('ann', 'group.remove', { group, user: carl });
    await talk.told('carl', group, 'removed');
    await talk.send('ann', group, 'without carl');
    await warned(['E_STALE_EPOCH', 'E_DECRYPT', 'E_NO_SUCH_MESSAGE']);
    expect(talk.shown('bob', group)).to.deep.equal([]);
    const refused = await talk.code('bob', 'send', {
      to: group,
      text: 'with carl?',
      timeoutMs: 500,
    });
    expect(refused).to.be.oneOf(['E_TIMEOUT', 'E_STALE_EPOCH', 'E_RATE_LIMITED', 'E_DECRYPT']);
    const written = (await mallory.pull(group)).filter(({ type }) => type === 'message');
    expect(written, 'nothing under the old key').to.have.length(1);
    log.repent();
    await talk.leave('bob');
    await talk.enter(victim, 'bob');
    await goesOn(group);
    await talk.told('bob', group, 'removed', 'carl');
    expect(await names('bob', group)).to.not.include('@carl');
  });

  it('9: a message shown again, here, in another group or as a letter, is shown once', async () => {
    const [group, other] = [await team(), await team()];
    await goesOn(group, 'once only');
    const envelope = await newest(group);
    const log = lieAbout(group);
    await swap(log, group, message(envelope));
    await goesOn(group, 'after the replay');
    expect(talk.shown('bob', group)).to.deep.equal(['once only', 'after the replay']);

    const there = lieAbout(other);
    for (const moved of [envelope, { ...envelope, to: other }]) {
      mark = victim.events.length;
      await swap(there, other, message(moved));
      await warned(['E_DECRYPT', 'E_SIGNATURE', 'E_BAD_FRAME', 'E_NO_SUCH_GROUP']);
    }
    await goesOn(other, 'after the moves');
    expect(talk.shown('bob', other)).to.deep.equal(['after the moves']);

    for (const as of [envelope, { ...envelope, to: bob }]) {
      mark = victim.events.length;
      gate.tamper = (item) => {
        const told = item[0] === 2 ? push.parse(item) : undefined;
        if (told?.type !== 'entries') return item;
        const entries = told.entries.map((entry) => ({ ...entry, envelope: as }));
        return push.pack({ ...told, entries }) as Item;
      };
      await talk.send('carl', '@bob', 'a letter that is swapped');
      await warned(['E_DECRYPT', 'E_SIGNATURE', 'E_BAD_FRAME']);
    }
    gate.tamper = (item) => item;
    await talk.send('carl', '@bob', 'a letter that arrives', { wait: 'delivered' });
    const letters = await talk.texts('bob', '@carl');
    expect(letters).to.deep.equal(['a letter that arrives']);
  });

  it('10: what is dropped shows as a gap', async () => {
    const group = await team();
    await goesOn(group, 'first');
    const log = lieAbout(group);
    log.insteadOfMessage(() => undefined);
    await talk.send('ann', group, 'withheld');
    await goesOn(group, 'third');
    await warned(['E_NO_SUCH_MESSAGE']);
    expect(talk.shown('bob', group)).to.deep.equal(['first', 'third']);
  });

  it('10: reordered messages show as a gap, and the late one is not slipped in', async () => {
    const group = await team();
    await goesOn(group, 'first');
    await talk.leave('bob');
    const log = lieAbout(group);
    for (const text of ['second', 'third', 'fourth']) await talk.send('ann', group, text);
    const messages = (await mallory.pull(group)).filter((entry) => entry.type === 'message');
    const [second, third] = [must(messages[1]), must(messages[2])];
    log.at(second.seq, (entry) => ({ ...entry, type: 'message', envelope: third.envelope }));
    log.at(third.seq, (entry) => ({ ...entry, type: 'message', envelope: second.envelope }));
    await talk.enter(victim, 'bob');
    await talk.heard('bob', group, 'fourth');
    await warned(['E_NO_SUCH_MESSAGE', 'E_SIGNATURE']);
    const shown = talk.shown('bob', group);
    expect(shown.slice(0, 2)).to.deep.equal(['first', 'third']);
    expect(shown.filter((text) => text === 'second').length, 'not behind its successor').to.equal(
      0,
    );
  });

  it('33: who was removed reads nothing later, with all that the node has', async () => {
    const group = await team();
    await goesOn(group, 'with bob');
    await talk.call('ann', 'group.remove', { group, user: bob });
    await talk.told('bob', group, 'removed', 'bob');
    await mallory.follow(group);
    await talk.send('ann', group, 'without bob');
    await talk.call('ann', 'group.add', { group, user: carl });
    await talk.send('carl', group, 'nor this');
    const { incarnation } = await mallory.link.call('groupInfo', { group });
    const entries = await mallory.pull(group);
    gate.tell(push.pack({ type: 'groupEntries', group, incarnation, entries }) as Item);
    const late = entries.filter(({ seq }) => seq > 3);
    gate.tell(push.pack({ type: 'groupEntries', group, incarnation, entries: late }) as Item);
    await talk.send('ann', '@bob', 'marker', { wait: 'delivered' });
    expect(await talk.texts('bob', group)).to.deep.equal(['with bob']);
    expect(talk.shown('bob', group)).to.deep.equal(['with bob']);
    expect(await talk.code('bob', 'send', { to: group, text: 'x' })).to.equal('E_NO_SUCH_GROUP');
  });

  it('33: nor one who is never told of the removal, who is warned instead', async () => {
    const group = await team();
    const log = lieAbout(group);
    log.insteadOfOperation(() => undefined);
    const { incarnation } = await mallory.link.call('groupInfo', { group });
    gate.tamper = (item, call) => {
      const told = item[0] === 18 ? push.parse(item) : undefined;
      return told?.type === 'membership' && told.group === group
        ? undefined
        : log.tamper(item, call);
    };
    await talk.call('ann', 'group.remove', { group, user: bob });
    await mallory.follow(group);
    await talk.send('ann', group, 'without bob');
    const entries = (await mallory.pull(group)).filter(({ type }) => type === 'message');
    gate.tell(push.pack({ type: 'groupEntries', group, incarnation, entries }) as Item);
    await warned([
      'E_STALE_EPOCH',
      'E_DECRYPT',
      'E_NO_SUCH_MESSAGE',
      'E_NO_SUCH_GROUP',
      'E_NOT_MEMBER',
    ]);
    expect(await talk.texts('bob', group)).to.deep.equal([]);
  });

  it('34: a new member reads nothing from before, with the whole log', async () => {
    const group = parseGroupId(talk.name());
    await talk.call('ann', 'group.create', { group, members: ['mallory', 'carl'] });
    await mallory.follow(group);
    await talk.send('ann', group, 'before bob');
    const before = await mallory.pull(group);
    const { incarnation } = await mallory.link.call('groupInfo', { group });
    gate.tamper = (item, call) => {
      if (call !== 'subscribe') return item;
      const told = subscribe.reply.parseFrom(item, 2);
      const wider = told.groups.map((each) => {
        if (each.group !== group || each.standing === undefined) return each;
        return { ...each, standing: { ...each.standing, since: 1 } };
      });
      return answer(item, subscribe, { groups: wider });
    };
    await talk.call('ann', 'group.add', { group, user: bob });
    await talk.told('bob', group, 'added', 'bob');
    gate.tell(push.pack({ type: 'groupEntries', group, incarnation, entries: before }) as Item);
    await goesOn(group, 'with bob');
    gate.tell(push.pack({ type: 'groupEntries', group, incarnation, entries: before }) as Item);
    await goesOn(group, 'marker');
    expect(await talk.texts('bob', group)).to.deep.equal(['with bob', 'marker']);
  });

  it('35: a member who writes in the name of another is found out', async () => {
    const group = await team();
    const log = lieAbout(group);
    const forged = mallory.envelope(group, 'I, ann, resign', { from: ann, counter: 1 });
    await swap(log, group, message(forged));
    await warned(['E_SIGNATURE']);
    await goesOn(group);
    expect(talk.shown('bob', group)).to.deep.equal(['and on it goes']);
  });

  it('36: nothing is taken under a key that was replaced, from members and from who was removed', async () => {
    const group = await team();
    const stale = mallory.key(group);
    await talk.call('ann', 'group.add', { group, user: carl });
    await talk.told('bob', group, 'added', 'carl');
    const log = lieAbout(group);
    await swap(log, group, message(mallory.envelope(group, 'by an old key', {}, stale)));
    await warned(['E_STALE_EPOCH']);
    const relabelled = { ...mallory.envelope(group, 'by an old key', {}, stale), boxEpoch: 2 };
    await swap(log, group, message(relabelled));
    await warned(['E_DECRYPT']);
    await mallory.follow(group);
    const last = mallory.key(group);
    await talk.call('ann', 'group.remove', { group, user: '@mallory' });
    await talk.told('bob', group, 'removed', 'mallory');
    await swap(log, group, message(mallory.envelope(group, 'from outside', {}, last)));
    await warned(['E_NOT_MEMBER', 'E_STALE_EPOCH']);
    await goesOn(group);
    expect(talk.shown('bob', group)).to.deep.equal(['and on it goes']);
  });

  it('37: a key that no operation announced is not used', async () => {
    const group = await team('carl');
    const { box } = await mallory.link.call('keys', { user: bob });
    const own = mallory.suite.random(32);
    let forged = 0;
    gate.tamper = (item, call) => {
      if (call !== 'groupKeys') return item;
      const told = groupKeys.reply.parseFrom(item, 2);
      const sealed = mallory.suite.seal(own, box.publicKey);
      forged += 1;
      const seals = told.seals.map((seal) => ({ ...seal, boxEpoch: box.epoch, sealed }));
      const unasked = { epoch: 99, boxEpoch: box.epoch, sealed };
      return answer(item, groupKeys, { ...told, seals: [...seals, unasked] });
    };
    await talk.call('ann', 'group.remove', { group, user: carl });
    await talk.told('ann', group, 'removed', 'carl');
    await talk.send('ann', group, 'under the new key');
    await warned(['E_DECRYPT']);
    expect(forged).to.be.greaterThan(0);
    expect(talk.shown('bob', group)).to.deep.equal([]);
    gate.tamper = (item) => item;
    await talk.leave('bob');
    await talk.enter(victim, 'bob');
    await goesOn(group, 'under the same key');
    const { epoch } = await talk.call('bob', 'group.info', { group });
    expect(epoch).to.equal(2);
  });

  describe('a genuine node, told by a member who keeps to no rule', () => {
    const codeOf = async (work: Promise<unknown>): Promise<string> => {
      try {
        await work;
        return 'none';
      } catch (cause) {
        return cause instanceof Refused ? cause.code : String(cause);
      }
    };

    it('refuses operations without the right, the signature, the place or the seals', async () => {
      const group = await team();
      const attempt = (signed: Uint8Array, sealedTo: readonly (typeof ann)[] = []) =>
        codeOf(mallory.operate(group, signed, sealedTo));
      const letIn = { type: 'add', user: eve, role: 'member' } as const;
      expect(await attempt(mallory.operation(group, letIn), [eve])).to.equal('E_NOT_ADMIN');
      expect(await attempt(mallory.operation(group, letIn, ann), [eve])).to.equal('E_SIGNATURE');
      for (const change of [
        { type: 'rename' },
        { type: 'delete' },
        { type: 'remove', user: bob },
        { type: 'promote', user: mallory.user, role: 'admin' },
        { type: 'transfer', user: bob },
      ] as const)
        expect(await attempt(mallory.operation(group, change)), change.type).to.equal(
          'E_NOT_ADMIN',
        );
      const rekey = mallory.operation(group, { type: 'rekey' });
      expect(await attempt(rekey, [bob])).to.equal('E_STALE_EPOCH');
      expect(await attempt(rekey, [ann, bob, mallory.user, eve])).to.equal('E_BAD_FRAME');
      await talk.call('ann', 'group.rename', { group, title: 'later' });
      expect(await attempt(rekey, [ann, bob, mallory.user])).to.equal('E_STALE_EPOCH');
      expect(await names('bob', group)).to.have.members(['@ann', '@bob', '@mallory']);
      expect(await attempt(mallory.operation(group, { type: 'leave' }))).to.equal('E_STALE_EPOCH');
    });

    it('refuses messages in another name or under an old key; a stranger finds no group', async () => {
      const group = await team();
      const send = (envelope: Envelope): Promise<string> =>
        codeOf(mallory.link.call('send', { envelope }));
      const stale = mallory.key(group);
      expect(await send(mallory.envelope(group, 'x', { from: ann }))).to.equal('E_BAD_FRAME');
      await talk.call('ann', 'group.add', { group, user: carl });
      expect(await send(mallory.envelope(group, 'x', {}, stale))).to.equal('E_STALE_EPOCH');
      const closed = parseGroupId(talk.name());
      await talk.call('ann', 'group.create', { group: closed, members: ['bob'] });
      const { link } = mallory;
      const { incarnation } = await link.call('groupInfo', { group });
      const asked = { group: closed, incarnation };
      for (const work of [
        link.call('groupInfo', { group: closed }),
        link.call('groupPull', { ...asked, from: 1, limit: 10 }),
        link.call('groupChain', { ...asked, from: 1, limit: 10 }),
        link.call('groupKeys', { ...asked, from: 0 }),
      ])
        expect(await codeOf(work)).to.equal('E_NO_SUCH_GROUP');
      const { groups: standing } = await link.call('subscribe', { groups: [closed] });
      expect(standing[0]?.standing).to.equal(undefined);
    });

    it('shows a new member nothing of the log from before', async () => {
      const group = parseGroupId(talk.name());
      await talk.call('ann', 'group.create', { group, members: ['bob'] });
      await talk.send('ann', group, 'before mallory');
      await talk.call('ann', 'group.add', { group, user: '@mallory' });
      await mallory.follow(group);
      const entries = await mallory.pull(group);
      expect(entries.map(({ type }) => type)).to.deep.equal(['operation']);
      const { incarnation } = await mallory.link.call('groupInfo', { group });
      const { seals } = await mallory.link.call('groupKeys', { group, incarnation, from: 0 });
      expect(seals.map(({ epoch }) => epoch)).to.deep.equal([2]);
    });
  });
});

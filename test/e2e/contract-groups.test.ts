/** Groups as the contract promises them through JSON-RPC: shapes, events, order, devices, receipts, and who reads what. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { GroupTalk, PASSWORD } from '../support/group-talk.ts';
import { Rpc, temporaryFolder } from '../support/processes.ts';
import { MESSAGE, expectEvent, expectShape } from '../support/shapes.ts';

const GROUP_EVENT = {
  group: 'string',
  change: 'string',
  user: 'string',
  by: 'string',
  epoch: 'number',
} as const;
/** What an event may tell besides. */
const MORE = ['members', 'role', 'title', 'topic'];
const SENT = {
  id: 'string',
  conversation: 'string',
  seq: 'number',
  timestamp: 'number',
  state: 'string',
} as const;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const numbered = (what: string, count: number): string[] =>
  upTo(count).map((index) => `${what} ${index}`);

describe('the contract of groups', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const opened: Rpc[] = [];
  const talk = new GroupTalk();
  let cluster: DevCluster;
  let desk: Rpc;
  let laptop: Rpc;
  let phone: Rpc;

  const open = (home: string): Rpc => {
    const process = new Rpc({ home: `${folder.path}/${home}`, url: cluster.url });
    opened.push(process);
    return process;
  };

  before(async () => {
    cluster = await startDevCluster({ nodes: 3 });
    [desk, laptop, phone] = [open('desk'), open('laptop'), open('phone')];
    await Promise.all([
      talk.arrive(desk, 'ann', 'dan'),
      talk.arrive(laptop, 'ben', 'eve'),
      talk.arrive(phone, 'cat', 'fay'),
    ]);
  });

  after(async () => {
    await Promise.all(opened.map((each) => each.kill('SIGKILL')));
    await cluster?.stop();
    folder.remove();
  });

  describe('results', () => {
    it('of every change of a group: exactly their fields', async () => {
      const group = talk.name();
      const created = await talk.call('ann', 'group.create', {
        group,
        members: ['@ben', 'cat'],
        title: 'The Team 🦊',
      });
      expect(created).to.deep.equal({ group, epoch: 1 });
      const added = await talk.call('ann', 'group.add', { group, user: '@dan' });
      expect(added).to.deep.equal({ epoch: 2 });
      const removed = await talk.call('ann', 'group.remove', { group, user: 'dan' });
      expect(removed).to.deep.equal({ epoch: 3 });
      for (const [method, params] of [
        ['group.promote', { user: '@ben' }],
        ['group.demote', { user: '@ben' }],
        ['group.rename', { title: 'Another' }],
        ['group.transfer', { user: '@ben' }],
        ['group.leave', {}],
      ] as const)
        expect(await talk.call('ann', method, { group, ...params }), method).to.deep.equal({});
      expect(await talk.call('ben', 'group.delete', { group })).to.deep.equal({});
    });

    it('group.create: a name with and without its sigil, folded; members and title are optional', async () => {
      const name = talk.name();
      const made = await talk.call('ann', 'group.create', { group: name.toUpperCase().slice(1) });
      expect(made).to.deep.equal({ group: name, epoch: 1 });
      expect(await talk.members('ann', name)).to.deep.equal([['@ann', 'admin']]);
      const { title } = await talk.call('ann', 'group.info', { group: name });
      expect(title).to.equal('');
      await talk.call('ann', 'group.delete', { group: name });
    });

    it('group.info: members by role and presence, the same for every member', async () => {
      await talk.arrive(phone, 'gus');
      const group = talk.name();
      const others = { members: ['@ben', '@gus'], title: 'who is who' };
      await talk.call('ann', 'group.create', { group, ...others });
      await talk.told('gus', group, 'created');
      await talk.leave('gus');
      // The node of the group hears of that a little later.
      const isOnline = async (): Promise<boolean> =>
        (await talk.call('ann', 'group.info', { group })).members.find(
          ({ user }: any) => user === '@gus',
        ).online;
      while (await isOnline()) await talk.call('ann', 'groups');
      for (const account of ['ann', 'ben']) {
        await talk.told(account, group, 'created');
        const info = await talk.call(account, 'group.info', { group });
        expectShape(
          { ...info, members: '' },
          {
            group: 'string',
            title: 'string',
            epoch: 'number',
            members: 'string',
          },
          ['topic'],
        );
        expect(info).to.include({ group, title: 'who is who', epoch: 1 });
        for (const member of info.members)
          expectShape(member, { user: 'string', role: 'string', online: 'boolean' });
        expect(info.members).to.have.deep.members([
          { user: '@ann', role: 'admin', online: true },
          { user: '@ben', role: 'member', online: true },
          { user: '@gus', role: 'member', online: false },
        ]);
      }
    });

    it('groups: those one is in, with the own role, also in a later process', async () => {
      const at = open('lists');
      await talk.arrive(at, 'lea');
      expect(await talk.call('lea', 'groups')).to.deep.equal([]);
      const [own, other] = [talk.name(), talk.name()];
      await talk.call('lea', 'group.create', { group: own, title: 'mine' });
      await talk.call('ann', 'group.create', { group: other, members: ['@lea'], title: 'hers' });
      await talk.told('lea', other, 'created');
      const listed = async (): Promise<unknown[]> => {
        const list = await talk.call('lea', 'groups');
        for (const each of list)
          expectShape(each, { group: 'string', title: 'string', role: 'string' }, ['topic']);
        return list.map(({ group, title, role }: any) => [group, title, role]);
      };
      const both = [
        [own, 'mine', 'admin'],
        [other, 'hers', 'member'],
      ];
      expect(await listed()).to.have.deep.members(both);
      await at.end();
      await talk.enter(open('lists'), 'lea');
      expect(await listed()).to.have.deep.members(both);
      await talk.call('ann', 'group.rename', { group: other, title: 'ours' });
      await talk.call('ann', 'group.promote', { group: other, user: '@lea' });
      await talk.told('lea', other, 'promoted');
      expect(await listed()).to.have.deep.members([both[0], [other, 'ours', 'admin']]);
      await talk.call('lea', 'group.delete', { group: own });
      await talk.call('ann', 'group.remove', { group: other, user: '@lea' });
      await talk.told('lea', other, 'removed');
      expect(await listed()).to.deep.equal([]);
    });

    it('E_NO_SUCH_USER: creation is all or nothing, and names who is missing', async () => {
      const group = talk.name();
      const members = ['@ben', '@nobody-here', '@cat'];
      const failed = await talk.call('ann', 'group.create', { group, members }).catch((e) => e);
      expect(failed.code).to.equal('E_NO_SUCH_USER');
      expect(failed.error.message).to.contain('@nobody-here');
      for (const account of ['ann', 'ben'])
        expect(await talk.code(account, 'group.info', { group })).to.equal('E_NO_SUCH_GROUP');
      await talk.call('cat', 'group.create', { group, members: ['@ben'] });
      await talk.told('ben', group, 'created');
      expect(talk.changes('ann', group)).to.deep.equal([]);
      expect(await talk.members('ben', group)).to.have.deep.members([
        ['@ben', 'member'],
        ['@cat', 'admin'],
      ]);
    });
  });

  describe('events', () => {
    it('every change is told to whoever is a member then, once, in one order', async () => {
      const group = talk.name();
      const at = (user: string, method: string, params = {}): Promise<any> =>
        talk.call(user, `group.${method}`, { group, ...params });
      await at('ann', 'create', { members: ['@ben', '@cat'], title: 'first' });
      await at('ann', 'add', { user: '@dan' });
      await at('ann', 'promote', { user: '@ben' });
      await at('ben', 'rename', { title: 'second' });
      await at('ann', 'demote', { user: '@ben' });
      await at('ann', 'transfer', { user: '@ben' });
      await at('ben', 'remove', { user: '@dan' });
      await at('cat', 'leave');
      await at('ben', 'delete');
      const created = ['created', '@ann', '@ann', 1] as const;
      const upToLeaving = [
        ['added', '@dan', '@ann', 2],
        ['promoted', '@ben', '@ann', 2],
        ['renamed', '@ben', '@ben', 2],
        ['demoted', '@ben', '@ann', 2],
        ['transferred', '@ben', '@ann', 2],
        ['removed', '@dan', '@ben', 3],
        ['left', '@cat', '@cat', 3],
      ] as const;
      const deleted = ['deleted', '@ben', '@ben', 3] as const;
      for (const account of ['ann', 'ben']) await talk.told(account, group, 'deleted');
      await talk.told('cat', group, 'left');
      await talk.told('dan', group, 'removed');
      expect(talk.changes('ann', group)).to.deep.equal([created, ...upToLeaving, deleted]);
      expect(talk.changes('ben', group)).to.deep.equal([
        created,
        ['added', '@ben', '@ann', 1],
        ...upToLeaving,
        deleted,
      ]);
      expect(talk.changes('cat', group)).to.deep.equal([
        created,
        ['added', '@cat', '@ann', 1],
        ...upToLeaving,
      ]);
      expect(talk.changes('dan', group)).to.deep.equal(upToLeaving.slice(0, -1));
    });

    it('have exactly their fields', async () => {
      const group = await talk.found('ann', 'ben');
      await talk.call('ann', 'group.rename', { group, title: 'shape of events' });
      await talk.call('ann', 'group.delete', { group });
      await talk.told('ben', group, 'deleted');
      const told = laptop.events.filter((event) => event['group'] === group);
      expect(told).to.have.length(4);
      for (const event of told) expectEvent(event, GROUP_EVENT, MORE);
    });
  });

  describe('messages', () => {
    it('reach every member once, under #group, with one number everywhere', async () => {
      const group = await talk.found('ann', 'ben', 'cat');
      const earliest = Date.now();
      const sent = await talk.send('ann', group, 'to all of you');
      expectShape(sent, SENT);
      expect(sent).to.include({ conversation: group, seq: 1 });
      expect(sent.state).to.be.oneOf(['stored', 'delivered']);
      expect(sent.timestamp).to.be.within(earliest, Date.now());
      for (const account of ['ben', 'cat']) {
        const event = await talk.heard(account, group, 'to all of you');
        expectEvent(event, MESSAGE);
        expect(event).to.include({
          id: sent.id,
          conversation: group,
          from: '@ann',
          seq: 1,
          timestamp: sent.timestamp,
        });
      }
      for (const account of ['ann', 'ben', 'cat']) {
        const [kept, ...more] = await talk.history(account, group);
        expect(more).to.deep.equal([]);
        expectShape(kept, MESSAGE, ['state']);
        expect(kept).to.include({ id: sent.id, conversation: group, from: '@ann', seq: 1 });
      }
      await talk.send('ben', group, 'and an answer');
      await talk.heard('ann', group, 'and an answer');
      await talk.heard('cat', group, 'and an answer');
      expect(talk.shown('ann', group), 'no echo of what one wrote').to.deep.equal([
        'and an answer',
      ]);
      expect(talk.shown('cat', group)).to.deep.equal(['to all of you', 'and an answer']);
    });

    it('of five senders at once: one order at all members, senders included', async () => {
      const senders = ['ann', 'ben', 'cat', 'dan', 'eve'];
      const group = await talk.found('ann', 'ben', 'cat', 'dan', 'eve', 'fay');
      const results = await Promise.all(
        senders.flatMap((sender) =>
          numbered(sender, 20).map((text) => talk.send(sender, group, text)),
        ),
      );
      const last = await talk.send('ann', group, 'marker');
      for (const account of [...senders.slice(1), 'fay'])
        await talk.heard(account, group, 'marker');
      const order = await talk.history('fay', group);
      expect(order).to.have.length(101);
      expect(order.map(({ seq }) => seq)).to.deep.equal(upTo(101).map((index) => index + 1));
      const sent = new Map([...results, last].map(({ id, seq }) => [id, seq]));
      for (const account of senders) {
        const mine = await talk.history(account, group);
        expect(
          mine.map(({ id }) => id),
          `order at ${account}`,
        ).to.deep.equal(order.map(({ id }) => id));
        const seqs = mine.map(({ seq }) => seq);
        expect(seqs, 'positions grow').to.deep.equal(seqs.toSorted((one, two) => one - two));
        const own = mine.filter(({ from }) => from === `@${account}`);
        expect(own.slice(0, 20).map(({ text }) => text)).to.deep.equal(numbered(account, 20));
        for (const { id, seq } of own)
          expect(sent.get(id), `${id} as it was answered`).to.equal(seq);
        const others = mine.filter(({ from }) => from !== `@${account}`);
        const events = new Map(
          talk
            .seat(account)
            .events.flatMap((event) =>
              event.type === 'message' &&
              event.account === `@${account}` &&
              event['conversation'] === group
                ? [[event['id'], event['seq']]]
                : [],
            ) as [string, number][],
        );
        expect([...events], `events of ${account}`).to.deep.equal(
          others.map(({ id, seq }) => [id, seq]),
        );
      }
    });

    it('one id is one message, also after kill -9; with another text E_USAGE', async () => {
      const at = open('ids');
      await talk.arrive(at, 'ida');
      const group = await talk.found('ann', 'ida', 'ben');
      const results = await Promise.all(
        upTo(4).map(() => talk.send('ida', group, 'only once', { id: 'job-1' })),
      );
      for (const { id, seq, timestamp } of results)
        expect([id, seq, timestamp]).to.deep.equal(['job-1', 1, results[0].timestamp]);
      const burst = numbered('mid', 40);
      const sends = burst.map((text, index) => talk.send('ida', group, text, { id: `m-${index}` }));
      const settled = Promise.allSettled(sends);
      await Promise.race(sends);
      await at.kill('SIGKILL');
      await settled;
      await talk.enter(open('ids'), 'ida');
      for (const [index, text] of burst.entries())
        expect((await talk.send('ida', group, text, { id: `m-${index}` })).id).to.equal(
          `m-${index}`,
        );
      const twice = { to: group, text: 'else', id: 'job-1' };
      expect(await talk.code('ida', 'send', twice)).to.equal('E_USAGE');
      await talk.send('ida', group, 'marker');
      await talk.heard('ben', group, 'marker');
      expect(talk.shown('ben', group)).to.deep.equal(['only once', ...burst, 'marker']);
    });

    it('E_TOO_LARGE: 64 KiB and not one byte more; texts survive byte for byte', async () => {
      const group = await talk.found('ann', 'ben');
      const samples = ['🦊'.repeat(16 * 1024), ' a\r\nb\u0000\u001b[2J\u202e\u2028 ', '{"x":1}'];
      for (const text of samples) await talk.send('ann', group, text);
      await talk.heard('ben', group, '{"x":1}');
      expect(talk.shown('ben', group)).to.deep.equal(samples);
      const over = { to: group, text: `${'x'.repeat(64 * 1024)}y` };
      expect(await talk.code('ann', 'send', over)).to.equal('E_TOO_LARGE');
      expect(await talk.code('ann', 'send', { to: group, text: '' })).to.match(/E_USAGE|-32602/);
    });
  });

  describe('reading', () => {
    it('history in pages, search, unread counts and markRead', async () => {
      const group = await talk.found('ann', 'ben');
      const all = numbered('page', 23);
      const sent: any[] = [];
      for (const text of all) sent.push(await talk.send('ann', group, text));
      await talk.heard('ben', group, 'page 22');
      let before: string | undefined;
      let pages: any[] = [];
      for (;;) {
        const query = { conversation: group, limit: 7, ...(before !== undefined && { before }) };
        const page = await talk.call('ben', 'history', query);
        if (page.length === 0) break;
        expect(page.length).to.be.at.most(7);
        pages = [...page, ...pages];
        before = page[0].id;
      }
      expect(pages.map(({ text }) => text)).to.deep.equal(all);
      const found = await talk.call('ben', 'search', { query: 'page 1', conversation: group });
      expect(found.map(({ text }: any) => text)).to.have.members(
        all.filter((text) => text.startsWith('page 1')),
      );
      for (const each of found) expectShape(each, MESSAGE, ['state']);
      const conversation = async (account: string): Promise<any> =>
        (await talk.call(account, 'conversations')).find(
          (each: any) => each.conversation === group,
        );
      expect(await conversation('ben')).to.deep.equal({
        conversation: group,
        unread: 23,
        lastTimestamp: sent.at(-1).timestamp,
      });
      expect(await conversation('ann')).to.include({ unread: 0 });
      const mark = (index: number): Promise<unknown> =>
        talk.call('ben', 'markRead', { conversation: group, id: sent[index].id });
      expect(await mark(19)).to.deep.equal({});
      expect(await conversation('ben')).to.include({ unread: 3 });
      await mark(2);
      expect(await conversation('ben'), 'an earlier mark changes nothing').to.include({
        unread: 3,
      });
      await mark(22);
      expect(await conversation('ben')).to.include({ unread: 0 });
      const nothing = { conversation: group, id: 'no-such-message' };
      expect(await talk.code('ben', 'markRead', nothing)).to.match(/^E_/);
    });

    it('receipts name the member: delivered and read, each once; wait: delivered', async () => {
      await talk.arrive(phone, 'ole');
      const group = await talk.found('ann', 'ben', 'cat', 'ole');
      await talk.leave('ole');
      const sent = await talk.send('ann', group, 'who has it?', { id: 'who-has-it' });
      expect(sent.state).to.equal('stored');
      const receipt = (by: string, state: string) => (event: any) =>
        event.type === 'receipt' &&
        event.account === '@ann' &&
        event.id === sent.id &&
        event.by === `@${by}` &&
        event.state === state;
      for (const by of ['ben', 'cat']) {
        const event = await desk.event(receipt(by, 'delivered'));
        expectEvent(event, { id: 'string', conversation: 'string', by: 'string', state: 'string' });
        expect(event['conversation']).to.equal(group);
      }
      expect(desk.events.filter(receipt('ole', 'delivered'))).to.deep.equal([]);
      await talk.call('ben', 'markRead', { conversation: group, id: sent.id });
      await desk.event(receipt('ben', 'read'));
      await talk.enter(phone, 'ole');
      await desk.event(receipt('ole', 'delivered'));
      const all = { id: 'who-has-it', wait: 'delivered' };
      const again = await talk.send('ann', group, 'who has it?', all);
      expect(again, 'delivered: every other member has it').to.deep.equal({
        ...sent,
        state: 'delivered',
      });
      const later = await talk.send('ann', group, 'a later one', { wait: 'delivered' });
      expectShape(later, SENT);
      expect(later.state).to.equal('delivered');
      const isLater = (event: any): boolean => event.type === 'receipt' && event.id === later.id;
      await desk.eventCount(3, isLater);
      for (const [by, state, count] of [
        ['ben', 'delivered', 1],
        ['cat', 'delivered', 1],
        ['ole', 'delivered', 1],
        ['ben', 'read', 1],
        ['cat', 'read', 0],
        ['ann', 'delivered', 0],
      ] as const)
        expect(desk.events.filter(receipt(by, state)), `${by} ${state}`).to.have.length(count);
    });
  });

  describe('devices and absence', () => {
    it('two devices of a member, and one that comes later, see one order', async () => {
      const other = open('second-device');
      await talk.arrive(desk, 'tam');
      const group = await talk.found('ann', 'tam', 'ben');
      await other.call('login', { account: 'tam', password: PASSWORD });
      const texts: string[] = [];
      for (const [index, text] of numbered('both', 12).entries()) {
        const sender = ['ann', 'ben', 'tam'][index % 3] ?? 'ann';
        await talk.send(sender, group, text);
        texts.push(text);
      }
      await other.call('send', { account: 'tam', to: group, text: 'from the other one' });
      await talk.send('ben', group, 'marker');
      texts.push('from the other one', 'marker');
      const later = open('third-device');
      await later.call('login', { account: 'tam', password: PASSWORD });
      const marker = (event: any): boolean =>
        event.type === 'message' && event.account === '@tam' && event.text === 'marker';
      for (const at of [desk, other, later]) await at.event(marker);
      const query = { account: 'tam', conversation: group, limit: 1000 };
      for (const at of [desk, other, later]) {
        const history = await at.call('history', query);
        expect(history.map(({ text }: any) => text)).to.deep.equal(texts);
      }
      const { members } = await later.call('group.info', { account: 'tam', group });
      expect(members.map(({ user }: any) => user)).to.have.members(['@ann', '@ben', '@tam']);
      expect(await later.call('groups', { account: 'tam' })).to.have.length(1);
      await later.call('send', { account: 'tam', to: group, text: 'the third speaks' });
      await talk.heard('ann', group, 'the third speaks');
    });

    it('what waits is counted at login, groups included, and shown in order', async () => {
      const at = open('away');
      await talk.arrive(at, 'amy');
      const [one, two] = [await talk.found('ann', 'amy'), await talk.found('ben', 'amy')];
      await talk.leave('amy');
      for (const text of numbered('one', 5)) await talk.send('ann', one, text);
      for (const text of numbered('two', 3)) await talk.send('ben', two, text);
      await talk.send('ann', '@amy', 'and a letter');
      await talk.call('ann', 'group.add', { group: one, user: '@cat' });
      await talk.call('ann', 'group.rename', { group: one, title: 'meanwhile' });
      expect(await talk.enter(at, 'amy')).to.include({ pending: 9 });
      await at.eventCount(9, ({ type, account }) => type === 'message' && account === '@amy');
      expect(talk.shown('amy', one)).to.deep.equal(numbered('one', 5));
      expect(talk.shown('amy', two)).to.deep.equal(numbered('two', 3));
      await talk.told('amy', one, 'renamed');
      expect(await talk.call('amy', 'group.info', { group: one })).to.include({
        title: 'meanwhile',
        epoch: 2,
      });
      await talk.leave('amy');
      expect(await talk.enter(at, 'amy')).to.include({ pending: 0 });
    });

    it('who was let in while away finds the group at login', async () => {
      const at = open('let-in');
      await talk.arrive(at, 'joy');
      await talk.leave('joy');
      const group = await talk.found('ann', 'ben');
      await talk.send('ann', group, 'not for joy');
      await talk.call('ann', 'group.add', { group, user: '@joy' });
      await talk.send('ben', group, 'welcome');
      expect(await talk.enter(at, 'joy')).to.include({ pending: 1 });
      await talk.heard('joy', group, 'welcome');
      await talk.send('joy', group, 'hello');
      await talk.heard('ann', group, 'hello');
      expect(await talk.texts('joy', group)).to.deep.equal(['welcome', 'hello']);
    });
  });

  describe('who reads what', () => {
    it('a new member reads nothing from before, on no device, at no time', async () => {
      const at = open('newcomer');
      await talk.arrive(at, 'neo');
      const group = await talk.found('ann', 'ben');
      for (const text of numbered('before', 5)) await talk.send('ann', group, text);
      const { epoch } = await talk.call('ann', 'group.add', { group, user: '@neo' });
      expect(await talk.told('neo', group, 'added')).to.include({
        user: '@neo',
        by: '@ann',
        epoch,
      });
      await talk.send('ben', group, 'after');
      await talk.heard('neo', group, 'after');
      expect(await talk.texts('neo', group)).to.deep.equal(['after']);
      const [first] = await talk.history('neo', group);
      expect(first.seq).to.equal(1);
      const fresh = open('newcomer-2');
      await talk.enter(fresh, 'neo');
      await talk.heard('neo', group, 'after');
      await talk.send('ann', group, 'marker');
      await talk.heard('neo', group, 'marker');
      expect(await talk.texts('neo', group)).to.deep.equal(['after', 'marker']);
      expect(await talk.call('neo', 'search', { query: 'before' })).to.deep.equal([]);
    });

    it('who was removed gets nothing later; let in again, only what comes then', async () => {
      const group = await talk.found('ann', 'ben', 'cat');
      await talk.send('ann', group, 'with cat');
      await talk.heard('cat', group, 'with cat');
      await talk.call('ann', 'group.remove', { group, user: '@cat' });
      await talk.told('cat', group, 'removed');
      await talk.send('ben', group, 'without cat');
      await talk.heard('ann', group, 'without cat');
      for (const [method, params] of [
        ['send', { to: group, text: 'hello?' }],
        ['group.info', { group }],
        ['group.leave', { group }],
      ] as const)
        expect(await talk.code('cat', method, params), method).to.equal('E_NO_SUCH_GROUP');
      expect(await talk.texts('cat', group), 'what was read stays').to.deep.equal(['with cat']);
      await talk.call('ann', 'group.add', { group, user: '@cat' });
      await talk.send('ben', group, 'with cat again');
      await talk.heard('cat', group, 'with cat again');
      await talk.send('cat', group, 'thanks');
      await talk.heard('ben', group, 'thanks');
      expect(await talk.texts('cat', group)).to.deep.equal([
        'with cat',
        'with cat again',
        'thanks',
      ]);
      expect(await talk.texts('ben', group)).to.deep.equal([
        'with cat',
        'without cat',
        'with cat again',
        'thanks',
      ]);
    });

    it('who was removed while away reads up to that, and no further', async () => {
      const at = open('put-out');
      await talk.arrive(at, 'otto');
      const group = await talk.found('ann', 'otto', 'ben');
      await talk.leave('otto');
      await talk.send('ann', group, 'the last for otto');
      await talk.call('ann', 'group.remove', { group, user: '@otto' });
      await talk.send('ann', group, 'not for otto');
      await talk.enter(at, 'otto');
      await talk.told('otto', group, 'removed');
      await talk.send('ann', '@otto', 'marker', { wait: 'delivered' });
      expect(await talk.texts('otto', group)).to.deep.equal(['the last for otto']);
      expect(await talk.call('otto', 'groups')).to.deep.equal([]);
    });

    it('when one leaves, the next sender makes a new key; two at once agree', async () => {
      const group = await talk.found('ann', 'ben', 'cat', 'dan');
      await talk.call('cat', 'group.leave', { group });
      for (const account of ['ann', 'ben', 'dan', 'cat']) await talk.told(account, group, 'left');
      await Promise.all(['ann', 'ben', 'dan'].map((name) => talk.send(name, group, `by ${name}`)));
      await talk.send('ben', group, 'marker');
      for (const account of ['ann', 'dan']) await talk.heard(account, group, 'marker');
      const order = await talk.texts('ann', group);
      expect(order).to.have.members(['by ann', 'by ben', 'by dan', 'marker']);
      for (const account of ['ben', 'dan'])
        expect(await talk.texts(account, group)).to.deep.equal(order);
      expect(await talk.texts('cat', group)).to.deep.equal([]);
      for (const account of ['ann', 'ben', 'dan'])
        expect((await talk.call(account, 'group.info', { group })).epoch).to.be.greaterThan(1);
      expect(talk.changes('ann', group).map(([change]) => change)).to.deep.equal([
        'created',
        'left',
      ]);
    });

    it('a deleted group is gone for all; its name begins anew', async () => {
      const group = await talk.found('ann', 'ben', 'cat');
      await talk.send('ben', group, 'in the old one');
      await talk.heard('cat', group, 'in the old one');
      await talk.call('ann', 'group.delete', { group });
      for (const account of ['ann', 'ben', 'cat']) {
        await talk.told(account, group, 'deleted');
        for (const [method, params] of [
          ['group.info', { group }],
          ['send', { to: group, text: 'anybody?' }],
          ['group.leave', { group }],
        ] as const)
          expect(await talk.code(account, method, params), method).to.equal('E_NO_SUCH_GROUP');
        const names = (await talk.call(account, 'groups')).map((each: any) => each.group);
        expect(names).to.not.include(group);
      }
      const again = await talk.call('cat', 'group.create', { group, members: ['@dan', '@ann'] });
      expect(again).to.deep.equal({ group, epoch: 1 });
      await talk.told('dan', group, 'created');
      await talk.send('cat', group, 'in the new one');
      for (const account of ['dan', 'ann']) await talk.heard(account, group, 'in the new one');
      await talk.send('ann', group, 'marker');
      await talk.heard('cat', group, 'marker');
      expect(await talk.texts('dan', group)).to.deep.equal(['in the new one', 'marker']);
      expect(talk.shown('ben', group), 'no member of the new one').to.deep.equal([]);
      expect(await talk.members('ann', group)).to.have.deep.members([
        ['@ann', 'member'],
        ['@cat', 'admin'],
        ['@dan', 'member'],
      ]);
    });

    it('the last member who leaves ends the group', async () => {
      const group = await talk.found('ann');
      await talk.call('ann', 'group.leave', { group });
      expect(await talk.code('ann', 'group.info', { group })).to.equal('E_NO_SUCH_GROUP');
      await talk.call('ben', 'group.create', { group });
      expect(await talk.members('ben', group)).to.deep.equal([['@ben', 'admin']]);
    });

    it('an observer reads and leaves, and may nothing else until promoted', async () => {
      const group = await talk.found('ann', 'ben');
      await talk.call('ann', 'group.add', { group, user: '@cat', role: 'observer' });
      await talk.told('cat', group, 'added');
      expect(await talk.members('cat', group)).to.deep.include(['@cat', 'observer']);
      await talk.send('ann', group, 'read this');
      await talk.heard('cat', group, 'read this');
      for (const [method, params] of [
        ['send', { to: group, text: 'may I?' }],
        ['group.add', { group, user: '@dan' }],
        ['group.remove', { group, user: '@ben' }],
        ['group.rename', { group, title: 'mine' }],
        ['group.promote', { group, user: '@cat' }],
        ['group.delete', { group }],
      ] as const)
        expect(await talk.code('cat', method, params), method).to.equal('E_NOT_ADMIN');
      await talk.call('ann', 'group.promote', { group, user: '@cat', role: 'member' });
      await talk.told('cat', group, 'promoted');
      await talk.send('cat', group, 'now I may');
      await talk.heard('ben', group, 'now I may');
      await talk.call('ann', 'group.demote', { group, user: '@cat', role: 'observer' });
      await talk.told('cat', group, 'demoted');
      const late = { to: group, text: 'and no more' };
      expect(await talk.code('cat', 'send', late)).to.equal('E_NOT_ADMIN');
      await talk.call('cat', 'group.leave', { group });
      await talk.told('ann', group, 'left');
      await talk.send('ben', group, 'marker');
      await talk.heard('ann', group, 'marker');
      expect(talk.shown('ann', group)).to.deep.equal(['now I may', 'marker']);
    });
  });

  describe('every node killed at once', () => {
    it('nothing acknowledged is lost, nothing twice, one order; who was away catches up', async () => {
      const at = open('slept');
      await talk.arrive(at, 'zoe');
      const group = await talk.found('ann', 'ben', 'cat', 'zoe');
      await talk.leave('zoe');
      const sends = ['ann', 'ben', 'cat'].flatMap((sender) =>
        numbered(sender, 30).map((text) =>
          talk.send(sender, group, text, { id: text.replace(' ', '-') }),
        ),
      );
      const settled = Promise.allSettled(sends);
      await Promise.race(sends);
      await Promise.all(upTo(3).map((index) => cluster.kill(index, 'SIGKILL')));
      await Promise.all(upTo(3).map((index) => cluster.restart(index)));
      await settled;
      for (const sender of ['ann', 'ben', 'cat'])
        for (const text of numbered(sender, 30))
          await talk.send(sender, group, text, { id: text.replace(' ', '-') });
      const added = await talk.call('ann', 'group.add', { group, user: '@dan' });
      expect(added).to.deep.equal({ epoch: 2 });
      await talk.send('ann', group, 'marker');
      for (const account of ['ben', 'cat', 'dan']) await talk.heard(account, group, 'marker');
      expect(await talk.enter(at, 'zoe')).to.include({ pending: 91 });
      await talk.heard('zoe', group, 'marker');
      const order = await talk.texts('zoe', group);
      expect(new Set(order).size, 'nothing twice').to.equal(order.length);
      expect(order).to.have.length(91);
      for (const sender of ['ann', 'ben', 'cat']) {
        const own = order.filter((text) => text.startsWith(`${sender} `));
        expect(own, `what ${sender} sent`).to.deep.equal(numbered(sender, 30));
        expect(await talk.texts(sender, group)).to.deep.equal(order);
      }
      expect(talk.shown('dan', group)).to.deep.equal(['marker']);
    });
  });
});

/** The rules of groups through JSON-RPC: every refusal of the contract, and what happens when several people act at once. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { GroupTalk, PASSWORD } from '../support/group-talk.ts';
import { Rpc, temporaryFolder } from '../support/processes.ts';
import type { RpcFailure } from '../support/processes.ts';

const MEMBERS_MAX = 6;
const ROUNDS = 20;

const numbered = (what: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${what} ${index}`);

/** Code of a refusal, undefined for what was done. */
const codeOf = (outcome: PromiseSettledResult<unknown>): string | undefined =>
  outcome.status === 'fulfilled' ? undefined : (outcome.reason as RpcFailure).code;

describe('the rules of groups', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const opened: Rpc[] = [];
  const talk = new GroupTalk();
  const nodeOf = new Map<string, string>();
  let cluster: DevCluster;

  const open = (home: string): Rpc => {
    const process = new Rpc({ home: `${folder.path}/${home}`, url: cluster.url });
    opened.push(process);
    return process;
  };

  /** What somebody may do to a group, with the params of a valid call. */
  const changes = (group: string): readonly (readonly [string, Record<string, unknown>])[] => [
    ['group.add', { group, user: '@fay' }],
    ['group.remove', { group, user: '@ben' }],
    ['group.promote', { group, user: '@ben' }],
    ['group.demote', { group, user: '@ben' }],
    ['group.transfer', { group, user: '@ben' }],
    ['group.rename', { group, title: 'x' }],
    ['group.delete', { group }],
  ];

  before(async () => {
    cluster = await startDevCluster({
      nodes: 3,
      args: ['--limits.groupMembers', String(MEMBERS_MAX)],
    });
    const seats = [open('desk'), open('laptop'), open('phone')];
    const people = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal'];
    await Promise.all(
      people.map((account, index) => talk.arrive(seats[index % 3] as Rpc, account)),
    );
    for (const account of people)
      nodeOf.set(account, (await talk.call(account, 'login', { password: PASSWORD })).node);
  });

  after(async () => {
    await Promise.all(opened.map((each) => each.kill('SIGKILL')));
    await cluster?.stop();
    folder.remove();
  });

  describe('refusals', () => {
    it('E_NO_SUCH_GROUP: a stranger cannot tell a private group from none', async () => {
      const group = await talk.found('ann', 'ben');
      const asks = (name: string): readonly (readonly [string, Record<string, unknown>])[] => [
        ...changes(name),
        ['group.info', { group: name }],
        ['group.leave', { group: name }],
        ['send', { to: name, text: 'hello?' }],
      ];
      const none = '#no-group-of-this-name';
      for (const [index, [method, params]] of asks(group).entries()) {
        const [real, missing] = await Promise.all(
          [params, asks(none)[index]?.[1] ?? {}].map(async (given) => {
            const failed = await talk.call('cat', method, given).catch((error) => error);
            return failed as RpcFailure;
          }),
        );
        expect(real?.code, method).to.equal('E_NO_SUCH_GROUP');
        const plain = (failure: RpcFailure | undefined, name: string): string =>
          JSON.stringify(failure?.error).replaceAll(name, '#');
        expect(plain(real, group), method).to.equal(plain(missing, none));
      }
      expect(await talk.members('ben', group)).to.have.length(2);
    });

    it('E_GROUP_EXISTS: a name is taken, for members and strangers', async () => {
      const group = await talk.found('ann', 'ben');
      for (const account of ['ann', 'ben', 'cat'])
        expect(await talk.code(account, 'group.create', { group })).to.equal('E_GROUP_EXISTS');
      const members = ['@cat'];
      expect(await talk.code('ann', 'group.create', { group, members })).to.equal('E_GROUP_EXISTS');
      expect(await talk.members('ben', group)).to.have.length(2);
      expect(talk.changes('cat', group)).to.deep.equal([]);
    });

    it('E_ALREADY_MEMBER: adding somebody twice, or oneself', async () => {
      const group = await talk.found('ann', 'ben');
      for (const user of ['@ben', '@ann'])
        expect(await talk.code('ann', 'group.add', { group, user })).to.equal('E_ALREADY_MEMBER');
      expect((await talk.call('ann', 'group.info', { group })).epoch).to.equal(1);
    });

    it('E_NOT_MEMBER: what is done to somebody who is not in the group', async () => {
      const group = await talk.found('ann', 'ben');
      for (const method of ['remove', 'promote', 'demote', 'transfer'])
        expect(await talk.code('ann', `group.${method}`, { group, user: '@cat' }), method).to.equal(
          'E_NOT_MEMBER',
        );
    });

    it('E_NOT_ADMIN: a member may write and leave, and change nothing', async () => {
      const group = await talk.found('ann', 'cat', 'ben');
      for (const [method, params] of changes(group))
        expect(await talk.code('cat', method, params), method).to.equal('E_NOT_ADMIN');
      await talk.send('cat', group, 'but I may write');
      await talk.heard('ben', group, 'but I may write');
      await talk.call('cat', 'group.leave', { group });
      await talk.told('ben', group, 'left');
      expect(talk.changes('ben', group).map(([change]) => change)).to.deep.equal([
        'created',
        'added',
        'left',
      ]);
      expect((await talk.call('ben', 'group.info', { group })).title).to.equal('');
    });

    it('E_NOT_ADMIN: an admin that was demoted is a member like the others', async () => {
      const group = await talk.found('ann', 'cat', 'ben');
      await talk.call('ann', 'group.promote', { group, user: '@cat' });
      await talk.call('cat', 'group.demote', { group, user: '@ann' });
      for (const [method, params] of changes(group))
        expect(await talk.code('ann', method, params), method).to.equal('E_NOT_ADMIN');
    });

    it('E_LAST_ADMIN: the last admin of others transfers or deletes, and then may go', async () => {
      const group = await talk.found('ann', 'ben');
      expect(await talk.code('ann', 'group.leave', { group })).to.equal('E_LAST_ADMIN');
      const self = { group, user: '@ann' };
      expect(await talk.code('ann', 'group.demote', self)).to.equal('E_LAST_ADMIN');
      await talk.call('ann', 'group.transfer', { group, user: '@ben' });
      await talk.told('ben', group, 'transferred');
      expect(await talk.members('ben', group)).to.have.deep.members([
        ['@ann', 'member'],
        ['@ben', 'admin'],
      ]);
      expect(await talk.code('ben', 'group.leave', { group })).to.equal('E_LAST_ADMIN');
      await talk.call('ann', 'group.leave', { group });
      await talk.told('ben', group, 'left');
      await talk.call('ben', 'group.leave', { group });
      expect(await talk.code('ben', 'group.info', { group })).to.equal('E_NO_SUCH_GROUP');
    });

    it('E_GROUP_FULL: by creation and by addition, at the operator’s limit', async () => {
      const group = talk.name();
      const six = ['@ben', '@cat', '@dan', '@eve', '@fay', '@gus'];
      const made = { group, members: six };
      const refused = await talk.seat('ann').refusal('group.create', { account: 'ann', ...made });
      expect(refused.code).to.equal('E_GROUP_FULL');
      expect(refused.retry).to.equal('later');
      expect(await talk.code('ann', 'group.info', { group })).to.equal('E_NO_SUCH_GROUP');
      await talk.call('ann', 'group.create', { group, members: six.slice(0, MEMBERS_MAX - 1) });
      const more = { group, user: '@gus' };
      expect(await talk.code('ann', 'group.add', more)).to.equal('E_GROUP_FULL');
      await talk.call('ann', 'group.remove', { group, user: '@ben' });
      await talk.call('ann', 'group.add', more);
      await talk.told('gus', group, 'added');
      expect(await talk.members('gus', group)).to.have.length(MEMBERS_MAX);
    });

    it('E_BAD_NAME: groups and users outside the alphabet, wherever they are named', async () => {
      const group = await talk.found('ann', 'ben');
      const bad = [
        '#',
        '#-dash',
        '#sp ace',
        '#ünicode',
        '#а-cyrillic',
        `#${'x'.repeat(33)}`,
        '#a#b',
      ];
      for (const name of [...bad, '#b\u202ed', '@ann'])
        expect(await talk.code('ann', 'group.create', { group: name }), name).to.match(
          /E_BAD_NAME|-32602/,
        );
      for (const name of bad)
        expect(await talk.code('ann', 'send', { to: name, text: 'x' }), name).to.match(
          /E_BAD_NAME|-32602/,
        );
      const user = '@b\u202eob';
      for (const [method, params] of [
        ['group.add', { group, user }],
        ['group.remove', { group, user }],
        ['group.create', { group: talk.name(), members: [user] }],
      ] as const)
        expect(await talk.code('ann', method, params), method).to.equal('E_BAD_NAME');
    });

    it('E_NO_SUCH_USER: adding nobody', async () => {
      const group = await talk.found('ann', 'ben');
      const nobody = { group, user: '@nobody-at-all' };
      const failed = await talk.call('ann', 'group.add', nobody).catch((error) => error);
      expect(failed.code).to.equal('E_NO_SUCH_USER');
      expect(failed.error.message).to.contain('@nobody-at-all');
      expect((await talk.call('ann', 'group.info', { group })).epoch).to.equal(1);
    });

    it('E_TOO_LARGE: a title of 128 characters and not one more', async () => {
      const group = await talk.found('ann', 'ben');
      const full = 'ü'.repeat(128);
      await talk.call('ann', 'group.rename', { group, title: full });
      await talk.told('ben', group, 'renamed');
      const over = { group, title: `${full}!` };
      expect(await talk.code('ann', 'group.rename', over)).to.equal('E_TOO_LARGE');
      const made = { group: talk.name(), title: `${full}!` };
      expect(await talk.code('ann', 'group.create', made)).to.equal('E_TOO_LARGE');
      expect((await talk.call('ben', 'group.info', { group })).title).to.equal(full);
    });

    it('E_USAGE: removing oneself, a rise that is none, a transfer to oneself', async () => {
      const group = await talk.found('ann', 'ben');
      await talk.call('ann', 'group.promote', { group, user: '@ben' });
      for (const [method, params] of [
        ['group.remove', { group, user: '@ann' }],
        ['group.promote', { group, user: '@ben' }],
        ['group.transfer', { group, user: '@ann' }],
      ] as const)
        expect(await talk.code('ann', method, params), method).to.equal('E_USAGE');
    });

    it('a member who is named twice is one, and so is who creates the group', async () => {
      const group = talk.name();
      const members = ['@cat', 'CAT', '@ann'];
      await talk.call('ann', 'group.create', { group, members });
      expect(await talk.members('ann', group)).to.deep.equal([
        ['@ann', 'admin'],
        ['@cat', 'member'],
      ]);
    });

    it('E_NOT_LOGGED_IN: nothing without a session', async () => {
      const seat = talk.seat('ann');
      await seat.call('register', { account: 'sleeper', password: PASSWORD });
      const group = '#team';
      for (const [method, params] of [
        ...changes(group),
        ['group.create', { group }],
        ['group.info', { group }],
        ['group.leave', { group }],
        ['groups', {}],
      ] as const)
        expect(
          (await seat.refusal(method, { account: 'sleeper', ...params })).code,
          method,
        ).to.equal('E_NOT_LOGGED_IN');
    });

    it('malformed params are -32602', async () => {
      const group = talk.name();
      for (const [method, params] of [
        ['group.create', {}],
        ['group.create', { group: 7 }],
        ['group.create', { group, members: '@ben' }],
        ['group.create', { group, members: [7] }],
        ['group.create', { group, title: 7 }],
        ['group.add', { group }],
        ['group.rename', { group }],
        ['group.rename', { group, title: null }],
        ['group.promote', { group, user: ['@ben'] }],
      ] as const) {
        const failed = await talk.call('ann', method, params).catch((error) => error);
        expect(failed.error?.code, `${method} ${JSON.stringify(params)}`).to.equal(-32602);
      }
    });
  });

  describe('several at once', () => {
    it(`one name, created on two nodes at once: exactly one wins, ${ROUNDS} times`, async () => {
      const [first] = nodeOf.keys();
      const other = [...nodeOf].find(([, node]) => node !== nodeOf.get(first ?? ''))?.[0];
      if (first === undefined || other === undefined) throw new Error('sessions at two nodes');
      const wins = new Map<string, number>();
      for (const name of numbered('#twin', ROUNDS).map((text) => text.replace(' ', '-'))) {
        const pair = Number(name.slice(6)) % 2 === 0 ? [first, other] : [other, first];
        const outcomes = await Promise.allSettled(
          pair.map((account) =>
            talk.call(account, 'group.create', { group: name, members: ['@hal'] }),
          ),
        );
        const codes = outcomes.map(codeOf);
        expect(codes, name).to.have.members([undefined, 'E_GROUP_EXISTS']);
        const winner = pair[codes.indexOf(undefined)] ?? '';
        const loser = pair[codes.indexOf('E_GROUP_EXISTS')] ?? '';
        wins.set(winner, (wins.get(winner) ?? 0) + 1);
        await talk.told('hal', name, 'created');
        expect(talk.changes('hal', name)[0]).to.deep.equal([
          'created',
          `@${winner}`,
          `@${winner}`,
          1,
        ]);
        expect(await talk.code(loser, 'group.info', { group: name })).to.equal('E_NO_SUCH_GROUP');
        expect(talk.changes(loser, name)).to.deep.equal([]);
        await talk.call(winner, 'group.delete', { group: name });
      }
      const twice = talk
        .seat('hal')
        .events.filter(
          ({ account, change, group }) =>
            account === '@hal' && change === 'created' && String(group).startsWith('#twin'),
        );
      expect(twice, 'nobody was let in by the loser').to.have.length(ROUNDS);
    });

    it(`two admins change one group at once: both are done where both can be, ${ROUNDS} times`, async () => {
      const group = await talk.found('ann', 'ben', 'cat', 'dan');
      await talk.call('ann', 'group.promote', { group, user: '@ben' });
      const everybody = ['ann', 'ben', 'cat', 'dan'];
      type Wish = readonly [method: string, params: Record<string, unknown>];
      /** What ann and ben do at once, and how many of the two can be done. */
      const pairs: readonly (readonly [Wish, Wish, number])[] = [
        [['add', { user: '@eve' }], ['add', { user: '@fay' }], 2],
        [['remove', { user: '@eve' }], ['remove', { user: '@fay' }], 2],
        [['add', { user: '@eve' }], ['add', { user: '@eve' }], 1],
        [['remove', { user: '@eve' }], ['remove', { user: '@eve' }], 1],
        [['rename', { title: 'by ann' }], ['rename', { title: 'by ben' }], 2],
      ];
      // Created and promoted so far; who was let in at the creation is told of that as well.
      let done = 2;
      const toldUpTo = (account: string): Promise<void> =>
        talk.toldCount(account, group, account === 'ann' ? done : done + 1);
      for (let round = 0; round < ROUNDS; round += 1) {
        const [one, two, possible] = pairs[round % pairs.length] ?? [['', {}], ['', {}], 0];
        const outcomes = await Promise.allSettled([
          talk.call('ann', `group.${one[0]}`, { group, ...one[1] }),
          talk.call('ben', `group.${two[0]}`, { group, ...two[1] }),
        ]);
        const codes = outcomes.map(codeOf);
        const refused = codes.filter((code) => code !== undefined);
        expect(refused, `round ${round}: ${String(codes)}`).to.have.length(2 - possible);
        for (const code of refused) expect(code).to.be.oneOf(['E_ALREADY_MEMBER', 'E_NOT_MEMBER']);
        done += possible;
        for (const account of everybody) await toldUpTo(account);
      }
      const order = talk.changes('ann', group);
      const info = await talk.call('ann', 'group.info', { group });
      for (const account of everybody.slice(1)) {
        const letIn = ['added', `@${account}`, '@ann', 1];
        expect(talk.changes(account, group), account).to.deep.equal([
          order[0],
          letIn,
          ...order.slice(1),
        ]);
        expect(await talk.call(account, 'group.info', { group })).to.deep.equal(info);
      }
    });

    it(`two admins put each other out: exactly one does, ${ROUNDS} times`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const group = await talk.found('ann', 'ben', 'cat');
        await talk.call('ann', 'group.promote', { group, user: '@ben' });
        await talk.told('ben', group, 'promoted');
        const outcomes = await Promise.allSettled([
          talk.call('ann', 'group.remove', { group, user: '@ben' }),
          talk.call('ben', 'group.remove', { group, user: '@ann' }),
        ]);
        const codes = outcomes.map(codeOf);
        expect(codes, `round ${round}`).to.have.members([undefined, 'E_NO_SUCH_GROUP']);
        const [stays, goes] = codes[0] === undefined ? ['ann', 'ben'] : ['ben', 'ann'];
        await talk.told('cat', group, 'removed', goes);
        await talk.told(goes, group, 'removed', goes);
        for (const account of [stays, 'cat'])
          expect(await talk.members(account, group)).to.have.deep.members([
            [`@${stays}`, 'admin'],
            ['@cat', 'member'],
          ]);
        expect(await talk.code(goes, 'group.info', { group })).to.equal('E_NO_SUCH_GROUP');
      }
    });

    it('a removal in the middle of sends: no send fails, nobody misses one, who is out reads a prefix', async () => {
      for (let round = 0; round < 6; round += 1) {
        const group = await talk.found('ann', 'ben', 'cat', 'dan');
        const sends = ['ben', 'dan'].flatMap((sender) =>
          numbered(sender, 15).map((text) => talk.send(sender, group, text)),
        );
        const late = Promise.allSettled(
          numbered('cat', 15).map((text) => talk.send('cat', group, text)),
        );
        await Promise.race(sends);
        await talk.call('ann', 'group.remove', { group, user: '@cat' });
        await Promise.all(sends);
        const codes = (await late).map(codeOf);
        await talk.send('ben', group, 'marker');
        for (const account of ['ann', 'dan']) await talk.heard(account, group, 'marker');
        await talk.told('cat', group, 'removed');
        const order = await talk.texts('ann', group);
        for (const account of ['ben', 'dan'])
          expect(await talk.texts(account, group), account).to.deep.equal(order);
        for (const sender of ['ben', 'dan'])
          expect(order.filter((text) => text.startsWith(`${sender} `))).to.deep.equal(
            numbered(sender, 15),
          );
        const stored = numbered('cat', 15).filter((_, index) => codes[index] === undefined);
        expect(order.filter((text) => text.startsWith('cat '))).to.deep.equal(stored);
        for (const code of codes)
          if (code !== undefined) expect(code).to.be.oneOf(['E_NO_SUCH_GROUP', 'E_NOT_MEMBER']);
        const kept = new Set(order);
        const seen = (await talk.texts('cat', group)).filter((text) => kept.has(text));
        expect(seen, 'what cat read is how it began').to.deep.equal(order.slice(0, seen.length));
        expect(seen).to.not.include('marker');
      }
    });

    it('one leaves in the middle of sends: a new key, and nothing lost', async () => {
      for (let round = 0; round < 6; round += 1) {
        const group = await talk.found('ann', 'ben', 'cat', 'dan');
        const sends = ['ann', 'ben', 'dan'].flatMap((sender) =>
          numbered(sender, 10).map((text) => talk.send(sender, group, text)),
        );
        await Promise.race(sends);
        await talk.call('cat', 'group.leave', { group });
        await Promise.all(sends);
        await talk.send('ann', group, 'marker');
        for (const account of ['ben', 'dan']) await talk.heard(account, group, 'marker');
        const order = await talk.texts('ann', group);
        expect(order).to.have.length(31);
        for (const account of ['ben', 'dan'])
          expect(await talk.texts(account, group), account).to.deep.equal(order);
        await talk.told('cat', group, 'left');
        const seen = await talk.texts('cat', group);
        expect(seen).to.deep.equal(order.slice(0, seen.length));
        expect(seen).to.not.include('marker');
        expect((await talk.call('ben', 'group.info', { group })).epoch).to.be.greaterThan(1);
      }
    });

    it('people are added while others write: each reads from there on, all of it', async () => {
      const group = await talk.found('ann', 'ben', 'cat');
      const sends = ['ben', 'cat'].flatMap((sender) =>
        numbered(sender, 30).map((text) => talk.send(sender, group, text)),
      );
      for (const name of ['dan', 'eve', 'fay'])
        await talk.call('ann', 'group.add', { group, user: `@${name}` });
      await Promise.all(sends);
      await talk.send('ann', group, 'marker');
      for (const account of ['ben', 'cat', 'dan', 'eve', 'fay'])
        await talk.heard(account, group, 'marker');
      const order = await talk.texts('ann', group);
      expect(order).to.have.length(61);
      for (const account of ['ben', 'cat'])
        expect(await talk.texts(account, group), account).to.deep.equal(order);
      for (const account of ['dan', 'eve', 'fay']) {
        const seen = await talk.texts(account, group);
        expect(seen, account).to.deep.equal(order.slice(order.length - seen.length));
      }
    });
  });
});

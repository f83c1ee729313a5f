import { expect } from 'chai';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { message } from '../../support/fake-client.ts';
import type { FakeClient } from '../../support/fake-client.ts';
import { groupView } from '../../support/fake-groups.ts';

describe('fastchat group', () => {
  let world: CliWorld;
  let client: FakeClient;

  beforeEach(async () => {
    world = await CliWorld.create('alice');
    client = world.client('alice');
    const members = { '@alice': 'admin', '@bob': 'member' } as const;
    client.group.put(groupView('#team', members, { title: 'Our team', topic: 'deploys' }));
  });
  afterEach(() => world.remove());

  const calls = (): readonly string[] => client.calls.filter((call) => call.startsWith('group.'));

  const table: ReadonlyArray<
    readonly [argv: readonly string[], call: string, json: object, note: string]
  > = [
    [
      ['create', 'ops', 'bob', '@carol', '@bob', '--title', 'Ops', '--topic', '- x'],
      'group.create #ops @bob+@carol Ops - x',
      { group: '#ops', epoch: 1 },
      "#ops is made with 2 others; write to it: fastchat chat '#ops'",
    ],
    [
      ['add', '#team', 'carol'],
      'group.add #team @carol ',
      { group: '#team', user: '@carol', epoch: 4 },
      '@carol is a member of #team',
    ],
    [
      ['remove', 'team', '@bob'],
      'group.remove #team @bob',
      { group: '#team', user: '@bob', epoch: 4 },
      '@bob is no member of #team any more',
    ],
    [
      ['promote', '#team', '@bob'],
      'group.promote #team @bob',
      { group: '#team', user: '@bob', role: 'admin' },
      '@bob is an admin of #team',
    ],
    [
      ['demote', '#team', '@bob', '--role', 'observer'],
      'group.demote #team @bob',
      { group: '#team', user: '@bob', role: 'observer' },
      '@bob is an observer of #team',
    ],
    [
      ['transfer', '#team', '@bob'],
      'group.transfer #team @bob',
      { group: '#team', user: '@bob' },
      '@bob is an admin of #team; you are a member',
    ],
    [
      ['rename', '#team', 'The', 'others'],
      'group.rename #team The others',
      { group: '#team', title: 'The others' },
      '#team is called The others',
    ],
    [
      ['rename', '#team', ''],
      'group.rename #team ',
      { group: '#team', title: '' },
      '#team has no title',
    ],
    [
      ['topic', '#team', 'on call'],
      'group.setTopic #team on call',
      { group: '#team', topic: 'on call' },
      'the topic of #team is: on call',
    ],
    [
      ['topic', '#team', ''],
      'group.setTopic #team ',
      { group: '#team', topic: '' },
      '#team has no topic',
    ],
    [['leave', '#team'], 'group.leave #team', { group: '#team' }, 'you have left #team'],
    [['delete', '#team', '--yes'], 'group.delete #team', { group: '#team' }, '#team is deleted'],
  ];
  for (const [argv, call, json, note] of table)
    it(`${argv.join(' ')}: does it, answers a program and tells a person`, async () => {
      const { code, out, err } = await world.run(['group', ...argv, '--json']);
      expect(code).to.equal(0);
      expect(calls().at(-1)).to.equal(call);
      expect(JSON.parse(out)).to.deep.equal({ v: 1, ...json });
      expect(err).to.contain(note);
    });

  it('does it to several, and says of each what is the matter', async () => {
    client.fail('group.add', world.error('E_ALREADY_MEMBER', 'no'));
    const argv = ['group', 'add', '#team', '@bob', '@carol', '--role', 'observer', '--json'];
    const { code, err, lines } = await world.run(argv);
    expect(code).to.equal(1);
    expect(err).to.contain('@bob is a member of #team already');
    expect(lines.map((line) => JSON.parse(line) as object)).to.deep.equal([
      { v: 1, group: '#team', user: '@carol', epoch: 4 },
    ]);
    expect(err).to.contain('@carol is an observer of #team');
  });

  describe('refused', () => {
    const refusals: ReadonlyArray<
      readonly [argv: string, method: string, code: ErrorCode, exit: number, advice: string]
    > = [
      ['leave #team', 'leave', 'E_LAST_ADMIN', 1, 'promote or transfer first, or delete the group'],
      ['demote #team @alice', 'demote', 'E_LAST_ADMIN', 1, 'promote or transfer first'],
      ['create #team', 'create', 'E_GROUP_EXISTS', 1, 'choose another name'],
      ['create #x @zed', 'create', 'E_NO_SUCH_USER', 7, 'nothing was changed'],
      ['add #team @bob', 'add', 'E_GROUP_FULL', 5, 'remove somebody first'],
      ['add #team @bob', 'add', 'E_NOT_ADMIN', 7, 'the info of #team shows whom to ask'],
      ['remove #team @zed', 'remove', 'E_NOT_MEMBER', 7, '@zed is not a member of #team'],
      ['info #x', 'info', 'E_NO_SUCH_GROUP', 7, 'ask an admin of it to add you'],
      ['rename #team x', 'rename', 'E_TOO_LARGE', 5, 'a title has at most 128 characters'],
      ['transfer #team @bob', 'transfer', 'E_UNREACHABLE', 3, 'as the client put it'],
    ];
    for (const [argv, method, code, exit, advice] of refusals)
      it(`${argv} with ${code} is exit ${exit} and what to do`, async () => {
        client.fail(`group.${method}`, world.error(code, 'as the client put it'));
        const { code: exited, out, err } = await world.run(['group', ...argv.split(' ')]);
        expect(exited).to.equal(exit);
        expect(out).to.equal('');
        expect(err).to.contain(advice).and.to.contain(code);
      });
  });

  describe('delete', () => {
    it('asks at a terminal, and takes only a yes for a yes', async () => {
      for (const [answer, expected] of [
        ['n', 2],
        ['', 2],
        ['y', 0],
      ] as const) {
        const { io, code } = world.start(['group', 'delete', 'team'], { isTTY: true });
        io.stdin.write(`${answer}\n`);
        expect(await code).to.equal(expected);
        expect(io.err()).to.contain('for all its 2 members and cannot be undone. Delete it? y/n');
        expect(io.err()).to.contain(expected === 0 ? '#team is deleted' : 'nothing was deleted');
      }
      expect(calls().filter((call) => call.startsWith('group.delete'))).to.have.length(1);
    });

    it('never asks without one: it wants --yes', async () => {
      const { code, err } = await world.run(['group', 'delete', '#team']);
      expect(code).to.equal(2);
      expect(err).to.contain('--yes if that is meant');
      expect(calls()).to.deep.equal(['group.info #team']);
    });
  });

  describe('list', () => {
    it('is a table for people, columns for pipes, objects for programs', async () => {
      client.group.put(groupView('#ops', { '@alice': 'observer' }));
      const { out } = await world.run(['group', 'list']);
      expect(out).to.equal('#team\tadmin\tOur team\tdeploys\n#ops\tobserver\t\t\n');
      const { lines } = await world.run(['group', 'list', '--json']);
      expect(JSON.parse(lines[0] ?? '')).to.deep.equal({
        v: 1,
        group: '#team',
        title: 'Our team',
        topic: 'deploys',
        role: 'admin',
      });
      const { io, code } = world.start(['group', 'list'], { isTTY: true });
      expect(await code).to.equal(0);
      expect(io.out()).to.match(/^GROUP {2}YOU ARE {3}TITLE {5}TOPIC\n#team {2}admin {5}Our team/);
    });

    it('says how to make one where there is none', async () => {
      client.group.views.clear();
      const { code, out, err } = await world.run(['group', 'list']);
      expect([code, out]).to.deep.equal([0, '']);
      expect(err).to.contain("fastchat group create '#name' @friend");
    });

    it('works without a connection, and says so; a refused device is told what to do', async () => {
      client.fail('connect', world.error('E_UNREACHABLE', 'no node answers'));
      const offline = await world.run(['group', 'list']);
      expect(offline.code).to.equal(0);
      expect(offline.out).to.contain('#team');
      expect(offline.err).to.contain('no node answers; this is what this device knows');
      client.fail('connect', world.error('E_AUTH', 'no'));
      const refused = await world.run(['group', 'list']);
      expect(refused.code).to.equal(6);
      expect(refused.err).to.contain('fastchat login -u alice');
    });
  });

  describe('info', () => {
    it('shows title, topic, members, roles and who is online', async () => {
      const { io, code } = world.start(['group', 'info', 'team'], { isTTY: true });
      expect(await code).to.equal(0);
      expect(io.out()).to.equal(
        '#team Our team\ntopic: deploys\n2 members\n@alice  admin   online\n@bob    member\n',
      );
      const { out } = await world.run(['group', 'info', '#team', '--json']);
      expect(JSON.parse(out)).to.deep.equal({
        v: 1,
        group: '#team',
        title: 'Our team',
        topic: 'deploys',
        epoch: 3,
        members: [
          { user: '@alice', role: 'admin', online: true },
          { user: '@bob', role: 'member', online: false },
        ],
      });
    });

    it('shows nothing that a terminal would obey, and no line that the title made up', async () => {
      const title = `\u001b[2J\u202e\u009b31m\n@eve  admin${'x'.repeat(150)}`;
      client.group.put(groupView('#team', { '@alice': 'admin' }, { title, topic: '\u0007\u2066' }));
      for (const argv of [['info', '#team'], ['list'], ['topic', '#team']])
        for (const isTTY of [true, false]) {
          const { io, code } = world.start(['group', ...argv], { isTTY, stdin: '' });
          await code;
          // oxlint-disable-next-line no-control-regex -- that is what must not be there
          expect(io.out() + io.err()).to.not.match(/[\u0007\u001b\u009b\u202e\u2066]|^@eve/m);
        }
    });

    it('topic shows the topic alone', async () => {
      const { out, err } = await world.run(['group', 'topic', '#team']);
      expect([out, err]).to.deep.equal(['deploys\n', '']);
    });
  });

  describe('as a target', () => {
    it('of send: with its sigil, and bare where only it has the name', async () => {
      const { code } = await world.run(['send', '#team', 'team', '-m', 'hi']);
      expect(code).to.equal(0);
      expect(new Set(client.sent.map(({ to }) => to))).to.deep.equal(new Set(['#team']));
    });

    it('is ambiguous beside a user of the same name: exit 7 with both', async () => {
      client.messages.push(message({ id: 'a', from: '@team', conversation: '@team', text: 'x' }));
      const { code, err } = await world.run(['send', 'team', '-m', 'hi']);
      expect(code).to.equal(7);
      expect(err).to.contain('write #team or @team');
      expect(client.sent).to.deep.equal([]);
    });

    it('of send: says why a group does not take a message', async () => {
      client.fail('send', world.error('E_NOT_ADMIN', 'no'));
      const observer = await world.run(['send', '#team', '-m', 'hi']);
      expect(observer.code).to.equal(7);
      expect(observer.err).to.contain('you are an observer of #team, who reads only');
      client.fail('send', world.error('E_NO_SUCH_GROUP', 'no'));
      const stranger = await world.run(['send', '#others', '-m', 'hi']);
      expect(stranger.code).to.equal(7);
      expect(stranger.err).to.contain('you are in no group #others');
    });

    it('of read and tail, with the names of those who wrote', async () => {
      for (const from of ['@bob', '@carol'])
        client.messages.push(message({ id: from, from, conversation: '#team', text: 'hi' }));
      client.messages.push(message({ id: 'd', from: '@bob', conversation: '@bob', text: 'psst' }));
      for (const argv of [
        ['read', '#team'],
        ['read', 'team'],
        ['tail', 'team'],
      ]) {
        const { code, lines } = await world.run(argv);
        expect(code).to.equal(0);
        expect(lines.map((line) => line.split('\t').slice(1))).to.deep.equal([
          ['#team', '@bob', 'hi'],
          ['#team', '@carol', 'hi'],
        ]);
      }
    });

    it('of tail --follow: what happens to it is a note, and nothing that happens elsewhere', async () => {
      const { io, code } = world.start(['tail', '#team', '--follow']);
      const bob = parseUserId('bob');
      const event = { type: 'group', change: 'left', user: bob, by: bob, epoch: 4 } as const;
      // Nothing shows when it begins to listen.
      while (io.err() === '') {
        for (const group of ['#ops', '#team'].map(parseGroupId)) client.emit({ ...event, group });
        await new Promise((resolve) => setImmediate(resolve));
      }
      io.signal('SIGINT');
      expect(await code).to.equal(130);
      expect(io.err()).to.equal('fastchat: @bob left #team\n');
      expect(io.out()).to.equal('');
    });

    it('of read: empty where nobody has written, exit 7 where the account is not in it', async () => {
      const empty = await world.run(['read', '#team']);
      expect([empty.code, empty.out]).to.deep.equal([0, '']);
      const none = await world.run(['read', '#none']);
      expect(none.code).to.equal(7);
      expect(none.err).to.contain('no conversation with #none');
    });
  });
});

import { expect } from 'chai';
import { GROUP_METHODS } from '../../../src/cli/rpc/group-methods.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import { GROUP_MEMBERS_MAX } from '../../../src/protocol/limits.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { message } from '../../support/fake-client.ts';
import { groupView } from '../../support/fake-groups.ts';
import { request, talkRpc } from '../../support/rpc-talk.ts';
import type { Json, Talk } from '../../support/rpc-talk.ts';

describe('groups over JSON-RPC', () => {
  let world: CliWorld;

  beforeEach(async () => {
    world = await CliWorld.create();
    const members = { '@alice': 'admin', '@bob': 'member' } as const;
    world.client('alice').group.put(groupView('#team', members, { title: 'Team' }));
  });
  afterEach(() => world.remove());

  const login = request('login', 'login', { account: 'alice', password: 'secret' });
  const ask = (method: string, params: object): Promise<Talk> =>
    talkRpc(world, [login, request(1, method, { account: 'alice', ...params })]);
  const calls = (): readonly string[] =>
    world.client('alice').calls.filter((call) => call.startsWith('group.'));

  const members = [
    { user: '@alice', role: 'admin', online: true },
    { user: '@bob', role: 'member', online: false },
  ];
  const bob = { group: '#team', user: '@bob' };
  const table: Readonly<Record<string, readonly [params: object, result: unknown, call: string]>> =
    {
      'group.create': [
        {
          group: 'ops',
          members: ['bob', 'alice', '@carol', '@Bob'],
          title: 'Ops',
          topic: 'deploys',
        },
        { group: '#ops', epoch: 1 },
        'group.create #ops @bob+@carol Ops deploys',
      ],
      'group.add': [
        { group: '#team', user: 'carol', role: 'observer' },
        { epoch: 4 },
        'group.add #team @carol observer',
      ],
      'group.remove': [bob, { epoch: 4 }, 'group.remove #team @bob'],
      'group.leave': [{ group: '#team' }, {}, 'group.leave #team'],
      'group.delete': [{ group: '#team' }, {}, 'group.delete #team'],
      'group.promote': [bob, {}, 'group.promote #team @bob'],
      'group.demote': [bob, {}, 'group.demote #team @bob'],
      'group.transfer': [bob, {}, 'group.transfer #team @bob'],
      'group.rename': [{ group: '#team', title: 'T 2' }, {}, 'group.rename #team T 2'],
      'group.topic': [{ group: '#team', topic: 'x' }, {}, 'group.setTopic #team x'],
      'group.info': [
        { group: 'TEAM' },
        { group: '#team', title: 'Team', epoch: 3, members },
        'group.info #team',
      ],
    };

  it('have a test for every method', () => {
    expect(Object.keys(GROUP_METHODS)).to.have.members(['groups', ...Object.keys(table)]);
  });

  for (const [method, [params, result, call]] of Object.entries(table))
    it(`${method} does what it says and answers as promised`, async () => {
      const { by } = await ask(method, params);
      expect(by(1)['result']).to.deep.equal(result);
      expect(calls()).to.deep.equal([call]);
    });

  it('are listed with the role, and a topic where there is one', async () => {
    const view = groupView('#ops', { '@alice': 'observer' }, { topic: 'deploys' });
    world.client('alice').group.put(view);
    const { by } = await ask('groups', {});
    expect(by(1)['result']).to.deep.equal([
      { group: '#team', title: 'Team', role: 'admin' },
      { group: '#ops', title: '', topic: 'deploys', role: 'observer' },
    ]);
  });

  it('are created with a name alone', async () => {
    await ask('group.create', { group: '#solo' });
    expect(calls()).to.deep.equal(['group.create #solo   ']);
  });

  describe('refuse in a sentence that says what to do', () => {
    const refusals: ReadonlyArray<
      readonly [method: string, params: object, code: ErrorCode, advice: string]
    > = [
      ['group.leave', { group: '#team' }, 'E_LAST_ADMIN', 'promote or transfer first, or delete'],
      ['group.demote', bob, 'E_LAST_ADMIN', 'you are the last admin of #team'],
      ['group.add', bob, 'E_ALREADY_MEMBER', '@bob is a member of #team already'],
      ['group.add', bob, 'E_GROUP_FULL', 'remove somebody first'],
      ['group.add', bob, 'E_NOT_ADMIN', 'only an admin may add members to #team'],
      ['group.add', bob, 'E_NO_SUCH_USER', 'as the client put it: check the name'],
      ['group.remove', bob, 'E_NOT_MEMBER', '@bob is not a member of #team'],
      ['group.promote', bob, 'E_NOT_ADMIN', 'only an admin may change roles in #team'],
      ['group.delete', { group: '#team' }, 'E_NOT_ADMIN', 'only an admin may delete #team'],
      ['group.create', { group: '#team' }, 'E_GROUP_EXISTS', 'choose another name'],
      ['group.rename', { group: '#team', title: 't' }, 'E_TOO_LARGE', 'at most 128 characters'],
      ['group.leave', { group: '#team' }, 'E_NOT_MEMBER', 'you are in no group #team'],
      ['group.info', { group: '#team' }, 'E_NO_SUCH_GROUP', 'ask an admin of it to add you'],
      ['group.transfer', bob, 'E_RATE_LIMITED', 'as the client put it'],
    ];
    for (const [method, params, code, advice] of refusals)
      it(`${method} with ${code}`, async () => {
        world.client('alice').fail(method, world.error(code, 'as the client put it'));
        const { by } = await ask(method, params);
        expect(by(1)['error'].data.code).to.equal(code);
        expect(by(1)['error'].message).to.contain(advice);
      });

    it('a message of an observer, or to a group of others', async () => {
      const errors = (['E_NOT_ADMIN', 'E_NO_SUCH_GROUP'] as const).map((code) =>
        world.error(code, 'no'),
      );
      world.client('alice').fail('send', ...errors);
      const say = { account: 'alice', to: '#team', text: 'hi' };
      const { by } = await talkRpc(world, [
        login,
        request(1, 'send', say),
        request(2, 'send', say),
      ]);
      expect(by(1)['error'].message).to.contain('ask an admin to promote you');
      expect(by(2)['error'].message).to.contain('ask an admin of it to add you');
    });

    it('keeps how long to wait', async () => {
      const full = world.error('E_GROUP_FULL', 'no', { retryAfterMs: 70 });
      world.client('alice').fail('group.add', full);
      const { by } = await ask('group.add', bob);
      expect(by(1)['error'].data).to.deep.equal({
        code: 'E_GROUP_FULL',
        retry: 'later',
        retryAfterMs: 70,
      });
    });
  });

  describe('take no other parameters', () => {
    const wrong: ReadonlyArray<readonly [what: string, method: string, params: object]> = [
      ['a role that is none', 'group.add', { ...bob, role: 'owner' }],
      ['members that are no list', 'group.create', { group: '#a', members: '@bob' }],
      ['a member that is no text', 'group.create', { group: '#a', members: [7] }],
      [
        'too many members',
        'group.create',
        { group: '#a', members: Array.from({ length: GROUP_MEMBERS_MAX + 1 }, () => 'b') },
      ],
      ['no title', 'group.rename', { group: '#a' }],
      ['an unknown one', 'group.leave', { group: '#a', reason: 'bye' }],
    ];
    for (const [what, method, params] of wrong)
      it(what, async () => {
        const { by } = await ask(method, params);
        expect(by(1)['error']).to.include({ code: -32602 });
        expect(calls()).to.deep.equal([]);
      });

    for (const name of ['#', '@team', '#te am', '#Tëam', '#te\u202eam', '#'.padEnd(34, 'a')])
      it(`the name ${JSON.stringify(name)}`, async () => {
        const { by } = await ask('group.info', { group: name });
        expect(by(1)['error'].data.code).to.equal('E_BAD_NAME');
        expect(calls()).to.deep.equal([]);
      });
  });

  it('announce what is done to them, what is written and who got it', async () => {
    const { io, code } = world.start(['rpc']);
    const client = world.client('alice');
    io.stdin.write(`${login}\n`);
    await io.shown('"login"');
    const group = parseGroupId('#team');
    const [ben, ada] = [parseUserId('ben'), parseUserId('ada')];
    const added = { type: 'group', group, change: 'added', user: ben, by: ada, epoch: 4 } as const;
    client.emit({ ...added, role: 'observer' });
    const title = 'evil \u001b]0;\u0007 \u202e';
    client.emit({ ...added, change: 'renamed', user: ada, title, topic: '' });
    client.receive(message({ id: 'a', from: '@ben', conversation: '#team', text: 'hi' }));
    client.emit({
      type: 'receipt',
      id: message(HI).id,
      conversation: group,
      by: ben,
      state: 'read',
    });
    io.stdin.end();
    expect(await code).to.equal(0);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(io.out()).to.not.match(/[\u0007\u001b\u202e]/);
    const lines = io.out().trim().split('\n').slice(1);
    const params = lines.map((line) => (JSON.parse(line) as Json)['params'] as Json);
    const account = '@alice';
    const shown = { account, type: 'group', group: '#team', by: '@ada', epoch: 4 };
    expect(params[0]).to.deep.equal({ ...shown, change: 'added', user: '@ben', role: 'observer' });
    expect(params[1]).to.deep.equal({
      ...shown,
      change: 'renamed',
      user: '@ada',
      title,
      topic: '',
    });
    expect(params[2]).to.include({ type: 'message', conversation: '#team', from: '@ben' });
    expect(params[3]).to.include({ type: 'receipt', conversation: '#team', by: '@ben' });
  });
});

const HI = { id: 'b', from: '@alice', conversation: '#team', text: 'hi' };

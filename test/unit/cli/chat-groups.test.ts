import { expect } from 'chai';
import { ChatSession } from '../../../src/cli/chat/chat-session.ts';
import { Names } from '../../../src/cli/chat/names.ts';
import { GROUP_ACTIONS } from '../../../src/cli/chat/group-actions.ts';
import type { GroupEvent } from '../../../src/client/group-api.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import {
  parseAddress,
  parseGroupId,
  parseMessageId,
  parseUserId,
} from '../../../src/protocol/ids.ts';
import { CHAT_MEMBERS_LISTED_MAX, CHAT_NAMES_MAX } from '../../../src/protocol/limits.ts';
import { FakeClient, message } from '../../support/fake-client.ts';
import { groupView } from '../../support/fake-groups.ts';
import { MemoryScreen } from '../../support/memory-screen.ts';

const team = parseGroupId('#team');
const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) =>
  parseUserId(name),
) as [never, never, never, never];

describe('groups in the chat', () => {
  let client: FakeClient;
  let screen: MemoryScreen;
  let clock: VirtualClock;
  let session: ChatSession;
  let listener: { off(): void } | undefined;

  async function begin(target: string | undefined, isInteractive = true): Promise<void> {
    screen = new MemoryScreen(isInteractive);
    session = new ChatSession(client, clock, screen);
    listener?.off();
    listener = client.on((event) => session.onEvent(event));
    await session.begin(target);
    await session.idle();
    await clock.advance(0);
  }

  beforeEach(async () => {
    client = new FakeClient('alice');
    client.group.put(
      groupView(
        '#team',
        { '@alice': 'admin', '@bob': 'member', '@carol': 'member', '@dave': 'observer' },
        { title: 'Our team', topic: 'deploys' },
      ),
    );
    clock = new VirtualClock();
    await begin('#team');
    screen.shown.length = 0;
  });

  const type = async (...lines: readonly string[]): Promise<void> => {
    for (const line of lines) {
      session.lines([line]);
      await session.idle();
    }
    await clock.advance(0);
  };
  const calls = (): readonly string[] =>
    client.calls.filter((call) => /^group\.(?!info)/.test(call));
  const written = (): ReadonlyArray<readonly [to: string, text: string]> =>
    client.sent.filter(({ wait }) => wait === 'none').map(({ to, text }) => [to, text]);
  const event = (fields: Partial<GroupEvent>): GroupEvent => ({
    type: 'group',
    group: team,
    change: 'added',
    user: bob,
    by: bob,
    epoch: 4,
    ...fields,
  });

  describe('opening', () => {
    it('names the group, what it is about and how many are there', async () => {
      await begin('#team');
      expect(screen.prompt).to.equal('[you→#team] ');
      expect(screen.shown.slice(1)).to.deep.equal([
        '-- #team "Our team", topic "deploys"',
        '-- #team has 4 members, 1 online: /members lists them',
      ]);
    });

    it('takes a bare name, /join, /msg and the name alone', async () => {
      for (const line of ['/join #team', '/join team', '/j TEAM', '/msg team', '#team']) {
        await begin(undefined);
        expect(screen.prompt).to.equal('[you→nobody] ');
        await type(line);
        expect(screen.prompt, line).to.equal('[you→#team] ');
      }
      await begin('team');
      expect(screen.prompt).to.equal('[you→#team] ');
    });

    it('goes back when the account is not in it, after it has caught up', async () => {
      await type('/msg @bob', '/join #others');
      expect(client.calls).to.include('caughtUp');
      expect(screen.prompt).to.equal('[you→@bob] ');
      expect(screen.shown.at(-1))
        .to.contain('!! you are in no group #others')
        .and.contain('ask an admin');
    });

    it('shows the title without a node, and stays', async () => {
      client.fail('group.info', new FastChatError('E_UNREACHABLE', 'no node'));
      await begin('#team');
      expect(screen.shown.slice(1)).to.deep.equal(['-- #team "Our team", topic "deploys"']);
      expect(screen.prompt).to.equal('[you→#team] ');
    });

    it('shows what was written with the names of who wrote it, and marks it as read', async () => {
      client.messages.push(message({ id: 'a', from: '@bob', conversation: '#team', text: 'hi' }));
      client.messages.push(message({ id: 'b', from: '@carol', conversation: '#team', text: 'ho' }));
      await begin('#team');
      expect(screen.shown.join('\n')).to.match(
        /── new ──\n── Sat 31 Jan ──\n.*bob │ hi\n.*carol │ ho/,
      );
      expect(client.calls).to.include('markRead #team b');
    });
  });

  it('sends to the group in the prompt, and to another one without switching', async () => {
    client.group.put(groupView('#ops', { '@alice': 'member' }));
    await type('hello', '#ops look', '@bob psst');
    expect(written()).to.deep.equal([
      ['#team', 'hello'],
      ['#ops', 'look'],
      ['@bob', 'psst'],
    ]);
    expect(screen.prompt).to.equal('[you→#team] ');
  });

  it('shows messages of other groups with their name, and counts them as unread', async () => {
    client.receive(message({ id: 'a', from: '@bob', conversation: '#ops', text: 'down!' }));
    expect(screen.shown.at(-1)).to.match(/^\[#ops\] \d\d:\d\d bob │ down!$/);
    await begin(undefined);
    expect(screen.shown).to.include('#ops (1 unread)');
  });

  it('lists groups in which nobody has written, with their titles', async () => {
    await type('/list');
    expect(screen.shown).to.deep.equal(['#team Our team']);
  });

  describe('commands', () => {
    const table: ReadonlyArray<readonly [line: string, call: string, shown: string]> = [
      [
        '/group create #ops @bob carol',
        'group.create #ops @bob+@carol  ',
        'you created #ops with @bob, @carol',
      ],
      ['/g cre solo', 'group.create #solo   ', 'you created #solo'],
      ['/invite @erin', 'group.add #team @erin ', 'you added @erin to #team'],
      [
        '/add erin observer',
        'group.add #team @erin observer',
        'you added @erin to #team as an observer',
      ],
      ['/a @erin #team', 'group.add #team @erin ', 'you added @erin to #team'],
      ['/kick @bob', 'group.remove #team @bob', 'you removed @bob from #team'],
      ['/remove bob', 'group.remove #team @bob', 'you removed @bob from #team'],
      ['/promote @bob', 'group.promote #team @bob', 'you promoted @bob to admin in #team'],
      [
        '/promote @dave member',
        'group.promote #team @dave',
        'you promoted @dave to member in #team',
      ],
      ['/demote @bob observer', 'group.demote #team @bob', 'you demoted @bob to observer in #team'],
      ['/transfer @bob', 'group.transfer #team @bob', 'you transferred #team to @bob'],
      ['/topic on call', 'group.setTopic #team on call', 'you set the topic of #team to "on call"'],
      ['/topic -', 'group.setTopic #team ', 'you removed the topic of #team'],
      ['/rename The others', 'group.rename #team The others', 'you renamed #team to "The others"'],
      ['/leave', 'group.leave #team', 'you left #team'],
      ['/part #team', 'group.leave #team', 'you left #team'],
      ['/group delete #team yes', 'group.delete #team', 'you deleted #team'],
    ];
    for (const [line, call, shown] of table)
      it(`${line}: is done, and told once`, async () => {
        await type(line);
        expect(calls()).to.deep.equal([call]);
        const notices = screen.shown.filter((one) => one.startsWith('-- you'));
        expect(notices).to.deep.equal([`-- ${shown}`]);
        expect(screen.shown.join('\n')).to.not.contain('!!');
      });

    it('list no more members than anybody reads', async () => {
      const many = Array.from({ length: CHAT_MEMBERS_LISTED_MAX + 1 }, (_, index) => `@u${index}`);
      const roles = Object.fromEntries(many.map((user) => [user, 'member' as const]));
      client.group.put(groupView('#team', roles));
      await type('/members');
      expect(screen.shown).to.have.length(CHAT_MEMBERS_LISTED_MAX + 3);
      expect(screen.shown.at(-1)).to.equal("  and 1 more: fastchat group info '#team' lists all");
    });

    it('do it to several', async () => {
      await type('/invite @erin @frank');
      expect(calls()).to.deep.equal(['group.add #team @erin ', 'group.add #team @frank ']);
    });

    const shown: ReadonlyArray<readonly [line: string, lines: readonly string[]]> = [
      [
        '/members',
        [
          '#team Our team',
          'topic: deploys',
          '4 members, 1 online:',
          '  @alice  admin     online',
          '  @bob    member',
          '  @carol  member',
          '  @dave   observer',
        ],
      ],
      ['/group list', ['#team (admin) Our team']],
      ['/group', ['#team (admin) Our team']],
      ['/topic', ['topic of #team: deploys']],
    ];
    for (const [line, lines] of shown)
      it(`${line} shows what there is`, async () => {
        await type(line);
        expect(screen.shown).to.deep.equal(lines);
        expect(calls()).to.deep.equal([]);
      });

    for (const line of ['/names', '/names #team', '/group info', '/group info team'])
      it(`${line} is /members`, async () => {
        await type('/members');
        const expected = screen.shown.splice(0);
        await type(line);
        expect(screen.shown).to.deep.equal(expected);
      });

    it('open what was made, and nothing once it is left', async () => {
      await type('/group create #ops');
      expect(screen.prompt).to.equal('[you→#ops] ');
      await type('/leave');
      expect(screen.prompt).to.equal('[you→nobody] ');
      await type('lost?');
      expect(screen.shown.at(-1)).to.contain('nobody would get "lost?"');
    });

    it('end a group only when the command says yes', async () => {
      await type('/group delete', '/group delete #team', '/group delete #team y');
      expect(calls()).to.deep.equal([]);
      expect(screen.shown).to.have.length(3);
      for (const line of screen.shown)
        expect(line).to.contain('cannot be undone').and.contain('/group delete #team yes');
    });

    const wrong: ReadonlyArray<readonly [line: string, hint: string]> = [
      ['/join', 'say which: /join #team'],
      ['/join @bob', 'is not a group name'],
      ['/invite', 'say who: /invite @bob'],
      ['/invite #team', 'say who: /invite @bob'],
      ['/invite @erin #a #b', 'one group at a time'],
      ['/kick @bob being rude', '"being" is too much'],
      ['/kick @b\u202eob', 'is not a user name'],
      ['/leave bye', '/leave #team another one'],
      ['/rename', 'say how it is to be called'],
      ['/group create', 'say which: /group create #team'],
      ['/group dleete #team', 'did you mean delete?'],
      ['/group constructor', 'there is no /group constructor'],
    ];
    for (const [line, hint] of wrong)
      it(`${JSON.stringify(line)} is explained and does nothing`, async () => {
        await type(line);
        expect(screen.shown.at(-1)).to.match(/^!! /).and.to.contain(hint);
        expect(calls()).to.deep.equal([]);
      });

    it('want a group in the prompt or in the line', async () => {
      await type('/msg @bob');
      for (const line of [
        '/leave',
        '/kick @bob',
        '/topic x',
        '/rename x',
        '/members',
        '/promote bob',
      ])
        await type(line);
      const alerts = screen.shown.filter((line) => line.startsWith('!!'));
      expect(alerts).to.have.length(6);
      for (const line of alerts) expect(line).to.contain('no group is open: /join #team opens one');
      expect(calls()).to.deep.equal([]);
    });

    const refusals: ReadonlyArray<
      readonly [line: string, method: string, code: ErrorCode, advice: string]
    > = [
      ['/leave', 'leave', 'E_LAST_ADMIN', 'promote or transfer first, or delete the group'],
      ['/invite @bob', 'add', 'E_ALREADY_MEMBER', '@bob is a member of #team already'],
      ['/invite @bob', 'add', 'E_GROUP_FULL', 'remove somebody first'],
      ['/kick @zed', 'remove', 'E_NOT_MEMBER', '@zed is not a member of #team'],
      ['/kick @bob', 'remove', 'E_NOT_ADMIN', 'only an admin may remove members from #team'],
      ['/group create #team', 'create', 'E_GROUP_EXISTS', 'choose another name'],
      ['/group create #x @zed', 'create', 'E_NO_SUCH_USER', 'check the name; nothing was changed'],
      ['/rename x', 'rename', 'E_TOO_LARGE', 'a title has at most 128 characters'],
      ['/members #x', 'info', 'E_NO_SUCH_GROUP', 'you are in no group #x'],
    ];
    for (const [line, method, code, advice] of refusals)
      it(`${line} refused with ${code} says what to do`, async () => {
        client.fail(`group.${method}`, new FastChatError(code, 'as the client put it'));
        await type(line);
        expect(screen.shown.at(-1)).to.match(/^!! /).and.to.contain(advice);
        expect(screen.prompt).to.equal('[you→#team] ');
      });

    it('have a test each', () => {
      const lines = [...table, ...shown, ...wrong].map(([line]) => line.split(/[ /]/)[1] ?? '');
      expect(lines).to.include.members(Object.keys(GROUP_ACTIONS));
    });
  });

  describe('what happens to them', () => {
    it('is one line, which tells who did what to whom', () => {
      client.emit(event({ user: alice, group: parseGroupId('#new') }));
      client.emit(event({ change: 'promoted', user: carol, role: 'admin' }));
      client.emit(event({ change: 'renamed', title: 'Our team', topic: 'on call' }));
      client.emit(event({ change: 'renamed', title: 'New', topic: 'on call' }));
      client.emit(event({ change: 'left' }));
      expect(screen.shown).to.deep.equal([
        '-- @bob added you to #new: /join #new opens it',
        '-- @bob promoted @carol to admin in #team',
        '-- @bob set the topic of #team to "on call"',
        '-- @bob renamed #team to "New"',
        '-- @bob left #team',
      ]);
    });

    it('tells a creation by somebody else once: as being added', () => {
      const group = parseGroupId('#new');
      client.emit(event({ group, change: 'created', members: [alice] }));
      client.emit(event({ group, user: alice }));
      expect(screen.shown).to.deep.equal(['-- @bob added you to #new: /join #new opens it']);
    });

    for (const change of ['removed', 'deleted'] as const)
      it(`closes the one in the prompt when it is ${change}`, async () => {
        client.emit(event({ change, user: change === 'removed' ? alice : bob }));
        expect(screen.prompt).to.equal('[you→nobody] ');
        await type('secret');
        expect(written()).to.deep.equal([]);
      });

    it('leaves another conversation open', async () => {
      await type('/msg @bob');
      client.emit(event({ change: 'deleted' }));
      expect(screen.prompt).to.equal('[you→@bob] ');
    });

    it('does not take a question out of the prompt', async () => {
      session.lines(['1', '2', '3', '4']);
      client.emit(event({ change: 'removed', user: alice }));
      expect(screen.prompt).to.contain('send 4 lines as one message? y/n');
      await type('y');
      expect(written()).to.deep.equal([]);
      expect(screen.shown.at(-1)).to.contain('nobody would get');
    });

    it('shows nothing that a terminal would obey, however long and hostile', async () => {
      const title = `\u001b]0;x\u0007\u202e\u009b2J\n-- @eve is your friend ${'x'.repeat(200)}`;
      client.group.put(groupView('#team', { '@alice': 'admin' }, { title, topic: title }));
      client.emit(event({ change: 'renamed', title, topic: title }));
      await type('/members', '/topic', '/group list', '/list', '#team');
      const text = screen.shown.join('\u0000');
      // oxlint-disable-next-line no-control-regex -- that is what must not be there
      expect(text).to.not.match(/[\u0007\u001b\u009b\u202e\n]/);
      expect(screen.shown[0]?.length).to.be.lessThan(220);
    });

    it('is a note in a pipe', async () => {
      await begin('#team', false);
      client.emit(event({ user: dave }));
      expect(screen.shown).to.deep.equal(['-- @bob added @dave to #team']);
    });
  });

  describe('completion', () => {
    it('knows groups without a connection, and the members of the one that is open', () => {
      expect(session.complete('#te')[0]).to.deep.equal(['#team ']);
      expect(session.complete('/kick @ca')[0]).to.deep.equal(['@carol ']);
    });

    it('learns a bounded number of names', async () => {
      const names = new Names(client, clock);
      for (let index = 0; index <= CHAT_NAMES_MAX; index += 1) names.add(parseUserId(`u${index}`));
      expect(names.all).to.have.length(CHAT_NAMES_MAX);
      // One that was not learnt is asked for.
      expect(await names.resolve(`u${CHAT_NAMES_MAX}`)).to.equal(`@u${CHAT_NAMES_MAX}`);
      expect(client.calls.at(-1)).to.equal(`presence @u${CHAT_NAMES_MAX}`);
    });

    it('learns who and what comes', () => {
      client.emit(event({ user: parseUserId('zoe') }));
      client.emit(event({ user: alice, group: parseGroupId('#quiet') }));
      expect(session.complete('/kick zo')[0]).to.deep.equal(['@zoe ']);
      expect(session.complete('/join #q')[0]).to.deep.equal(['#quiet ']);
    });
  });

  describe('own messages', () => {
    const receipt = (by: string, state: 'delivered' | 'read', id = 'M1'): void =>
      client.emit({
        type: 'receipt',
        id: parseMessageId(id),
        conversation: parseAddress('#team'),
        by: parseUserId(by),
        state,
      });
    const acks = (): readonly string[] => screen.shown.filter((line) => line.startsWith('  ✓'));

    it('are stored, then counted by member, then complete', async () => {
      await type('hello');
      expect(acks()).to.deep.equal(['  ✓ stored: "hello"']);
      receipt('bob', 'delivered');
      receipt('carol', 'delivered');
      receipt('carol', 'delivered');
      await clock.advance(5000);
      expect(acks().slice(1)).to.deep.equal(['  ✓✓ delivered 2/3: "hello"']);
      receipt('bob', 'read');
      receipt('dave', 'delivered');
      await clock.advance(5000);
      receipt('carol', 'read');
      receipt('dave', 'read');
      await clock.advance(5000);
      expect(acks().slice(2)).to.deep.equal(['  ✓✓ delivered 3/3, read by 1: "hello"']);
    });

    it('are read when all have read them', async () => {
      await type('hello');
      for (const by of ['bob', 'carol', 'dave']) receipt(by, 'read');
      await clock.advance(1000);
      expect(acks().at(-1)).to.equal('  ✓✓ read 3/3: "hello"');
    });

    it('are not delivered because one of the own devices heard so', async () => {
      await type('hello');
      const sent = { type: 'sent', id: parseMessageId('M1'), conversation: team } as const;
      client.emit({ ...sent, state: 'delivered' });
      await clock.advance(5000);
      expect(acks()).to.deep.equal(['  ✓ stored: "hello"']);
    });

    it('are counted without a whole where nobody knows how many there are', async () => {
      client.fail('group.info', new FastChatError('E_UNREACHABLE', 'no node'));
      client.group.put(groupView('#ops', { '@alice': 'member', '@bob': 'member' }));
      await type('#ops look');
      receipt('bob', 'delivered');
      await clock.advance(5000);
      expect(acks().at(-1)).to.equal('  ✓✓ delivered to 1: "look"');
    });

    it('count who is there now', async () => {
      client.emit(event({ change: 'removed', user: dave }));
      client.emit(event({ user: parseUserId('zoe') }));
      client.emit(event({ user: parseUserId('yan') }));
      await type('hello');
      receipt('bob', 'delivered');
      await clock.advance(5000);
      expect(acks().at(-1)).to.equal('  ✓✓ delivered 1/4: "hello"');
    });

    it('that a group refuses say why', async () => {
      client.fail('send', new FastChatError('E_NOT_ADMIN', 'no'));
      await type('hello');
      expect(screen.shown.at(-1)).to.equal(
        '!! not sent to #team: "hello": you are an observer of #team, who reads only: ask an admin to promote you',
      );
    });
  });
});

import { expect } from 'chai';
import { ChatSession } from '../../../src/cli/chat/chat-session.ts';
import { GROUP_ACTIONS } from '../../../src/cli/chat/group-actions.ts';
import { findSlash, SLASH_COMMANDS } from '../../../src/cli/chat/slash-commands.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseAddress, parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import { FakeClient, message } from '../../support/fake-client.ts';
import { MemoryScreen } from '../../support/memory-screen.ts';

const bob = parseAddress('@bob');

describe('ChatSession', () => {
  let client: FakeClient;
  let screen: MemoryScreen;
  let clock: VirtualClock;
  let session: ChatSession;

  beforeEach(async () => {
    client = new FakeClient('alice');
    screen = new MemoryScreen();
    clock = new VirtualClock();
    session = new ChatSession(client, clock, screen);
    client.on((event) => session.onEvent(event));
    await session.begin('@bob');
    await session.idle();
  });

  const type = async (...lines: readonly string[]): Promise<void> => {
    for (const line of lines) session.lines([line]);
    await session.idle();
  };
  /** What was written, not the questions after its fate. */
  const written = (): ReadonlyArray<readonly [to: string, text: string]> =>
    client.sent.filter(({ wait }) => wait === 'none').map(({ to, text }) => [to, text]);
  const unknown = (): FastChatError => new FastChatError('E_NO_SUCH_USER', 'no such user');

  it('begins with one line of hints, and what is unread', async () => {
    expect(screen.shown[0]).to.contain('/help').and.to.contain('/msg @name');
    client.messages.push(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'hi' }));
    await new ChatSession(client, clock, screen).begin(undefined);
    expect(screen.shown.at(-1)).to.equal('@bob (1 unread)');
  });

  it('names the target in the prompt, sends lines to it and shows them with their time', async () => {
    expect(screen.prompt).to.equal('[you→@bob] ');
    await type('hello', '//slash');
    expect(written()).to.deep.equal([
      ['@bob', 'hello'],
      ['@bob', '/slash'],
    ]);
    expect(screen.shown.join('\n')).to.match(/\d\d:\d\d you │ hello\n\d\d:\d\d you │ \/slash/);
    expect(screen.shown.at(-1)).to.equal('  ✓ stored: 2 messages, the last "/slash"');
  });

  it('sends elsewhere without switching, and switches with /msg', async () => {
    await type('@carol psst', '/msg @dave hi');
    await type('/query @erin');
    await type('to her');
    expect(written()).to.deep.equal([
      ['@carol', 'psst'],
      ['@dave', 'hi'],
      ['@erin', 'to her'],
    ]);
    expect(screen.prompt).to.equal('[you→@erin] ');
  });

  it('opens a bare name when such a user exists, otherwise says so and stays', async () => {
    await type('/msg carol');
    expect(screen.prompt).to.equal('[you→@carol] ');
    client.fail('presence', unknown());
    await type('/msg nosuch');
    expect(screen.prompt).to.equal('[you→@carol] ');
    expect(screen.shown.at(-1)).to.equal('!! there is no @nosuch');
  });

  it('begun with a bare name of nobody is an error inside of the chat', async () => {
    client.fail('presence', unknown());
    const fresh = new ChatSession(client, clock, screen);
    await fresh.begin('nosuch');
    await fresh.idle();
    expect(screen.shown.at(-1)).to.equal('!! there is no @nosuch');
    expect(screen.ended).to.equal(undefined);
  });

  it('goes back when the name that was opened turns out to be nobody', async () => {
    client.fail('presence', unknown());
    await type('/msg @nosuch');
    expect(screen.prompt).to.equal('[you→@bob] ');
    expect(screen.shown.at(-1)).to.equal('!! there is no @nosuch');
  });

  it('sends nothing without a target, and repeats what would have got lost', async () => {
    const fresh = new ChatSession(client, clock, screen);
    await fresh.begin(undefined);
    fresh.lines(['hello?']);
    fresh.lines(['1', '2', '3', '4']);
    await fresh.idle();
    expect(client.sent).to.deep.equal([]);
    expect(screen.shown.join('\n')).to.contain('"hello?"').and.to.contain('paste again');
  });

  it('shows an unknown command as an error and never sends it', async () => {
    await type('/verfy @bob SECRET', '/');
    expect(client.sent).to.deep.equal([]);
    expect(screen.shown.join('\n')).to.contain('did you mean /verify?');
  });

  describe('asked about a long paste', () => {
    const paste = ['1', '2', '3', '4'];

    it('sends it as one message at y, drops it at n', async () => {
      session.lines(paste);
      await session.idle();
      expect(client.sent).to.deep.equal([]);
      expect(screen.prompt).to.contain('send 4 lines as one message? y/n');
      await type('n');
      expect(screen.prompt).to.equal('[you→@bob] ');
      session.lines(paste);
      await type('y');
      expect(written()).to.deep.equal([['@bob', '1\n2\n3\n4']]);
    });

    it('asks again at anything else, and takes a second paste to the first', async () => {
      session.lines(paste);
      await type('yesterday', '');
      expect(screen.prompt).to.contain('4 lines');
      session.lines(['5', '6']);
      expect(screen.prompt).to.contain('6 lines');
      await type('Yes');
      expect(written()).to.deep.equal([['@bob', '1\n2\n3\n4\n5\n6']]);
    });
  });

  it('sends a short paste line by line', async () => {
    session.lines(['1', '2', '3']);
    await session.idle();
    expect(written()).to.have.length(3);
  });

  it('shows messages once and marks those of the open conversation as read', async () => {
    client.receive(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'hi' }));
    client.receive(message({ id: 'b', from: '@carol', conversation: '@carol', text: 'psst' }));
    expect(screen.shown.join('\n')).to.contain('bob │ hi').and.to.contain('[@carol]');
    expect(client.calls.filter((call) => call.startsWith('markRead'))).to.deep.equal([
      'markRead @bob a',
    ]);
    await type('/msg carol');
    expect(client.calls).to.include('markRead @carol b');
    expect(screen.shown.join('\n').match(/psst/g)).to.have.length(1);
    expect(session.complete('ca')[0]).to.deep.equal(['@carol ']);
  });

  it('sets unread messages apart when it opens a conversation', async () => {
    const read = message({ id: 'a', from: '@carol', conversation: '@carol', text: 'old' });
    client.messages.push({ ...read, state: 'read' });
    client.messages.push(message({ id: 'b', from: '@carol', conversation: '@carol', text: 'new' }));
    await type('/msg @carol');
    const from = screen.shown.findIndex((line) => line.includes('old'));
    expect(screen.shown.slice(from + 1, from + 3)).to.have.ordered.members([
      '── new ──',
      screen.shown.find((line) => line.includes('│ new')),
    ]);
  });

  it('lists no name that is nobody', async () => {
    const sent = message({ id: 'a', from: '@alice', conversation: '@nosuch', text: 'x' });
    client.messages.push({ ...sent, state: 'failed' });
    await type('/list');
    expect(screen.shown.at(-1)).to.contain('no conversations yet');
  });

  it('tells of a message once, at its best state, and of none that is from before', async () => {
    client.reaches = 'stored';
    await type('hello');
    const before = screen.shown.length;
    const user = parseUserId('bob');
    const receipt = { type: 'receipt', conversation: bob, by: user } as const;
    const states = ['delivered', 'read', 'read'] as const;
    for (const state of states) client.emit({ ...receipt, id: parseMessageId('M1'), state });
    client.emit({ ...receipt, id: parseMessageId('yesterday'), state: 'read' });
    await clock.advance(5000);
    expect(screen.shown.slice(before)).to.deep.equal(['  ✓✓ read: "hello"']);
  });

  it('tells of presence, warnings and the connection what is news', async () => {
    const user = parseUserId('bob');
    const before = screen.shown.length;
    client.emit({ type: 'presence', user, online: false, lastSeen: 0 });
    client.emit({ type: 'presence', user, online: true, lastSeen: 0 });
    client.emit({ type: 'presence', user, online: true, lastSeen: 0 });
    client.emit({ type: 'presence', user: parseUserId('zoe'), online: true, lastSeen: 0 });
    client.emit({ type: 'typing', conversation: bob, user });
    client.emit({ type: 'warning', code: 'E_KEY_CHANGED', message: 'careful' });
    await clock.advance(1000);
    expect(screen.shown.slice(before)).to.deep.equal(['-- @bob is online', '!! careful']);
  });

  it('tells of a long outage once, and of its end', async () => {
    client.emit({ type: 'state', connected: true, node: 'n1' });
    await clock.advance(1000);
    const before = screen.shown.length;
    for (let attempt = 0; attempt < 20; attempt += 1) {
      client.emit({ type: 'state', connected: false, node: undefined, retryInMs: 2500 });
      await clock.advance(2500);
    }
    client.emit({ type: 'state', connected: true, node: 'n2' });
    await clock.advance(1000);
    expect(screen.shown.slice(before)).to.deep.equal([
      '-- connection lost, reconnecting…',
      '-- connected to n2 (0 ms)',
    ]);
  });

  it('keeps going when something fails, and says once which text and why', async () => {
    client.fail('send', new FastChatError('E_NO_SUCH_USER', 'there is no @bob'));
    await type('hello', 'again');
    client.emit({
      type: 'sent',
      id: parseMessageId('M1'),
      conversation: bob,
      state: 'failed',
    });
    await clock.advance(1000);
    expect(screen.shown.filter((line) => line.startsWith('!!'))).to.deep.equal([
      '!! not sent to @bob: "hello": there is no @bob',
    ]);
    expect(written()).to.have.length(2);
    expect(session.exitCode).to.equal(0);
  });

  it('says within two seconds, once, which message waits for a node', async () => {
    client.reaches = 'queued';
    await type('hello');
    const before = screen.shown.length;
    await clock.advance(10_000);
    expect(screen.shown.slice(before)).to.deep.equal([
      '-- "hello" to @bob waits: no node has taken it yet; it is kept in the outbox',
    ]);
  });

  it('has every command', async () => {
    client.messages.push(
      message({ id: 'a', from: '@bob', conversation: '@bob', text: 'a needle \u001b[31m' }),
    );
    const deviceViews = [{ device: 1 as never, name: 'la\u001bptop', lastSeen: 0, current: true }];
    client.deviceViews.push(...deviceViews);
    const user = parseUserId('bob');
    client.contactViews.push({ user, online: true, lastSeen: 0, verified: true, blocked: false });
    const expected: Record<string, string> = {
      '/read 5': '│ a needle',
      '/list': '@bob (1 unread)',
      '/search needle': '│ a needle',
      '/contacts': '@bob online verified',
      '/contact ad @dora': '@dora is a contact',
      '/contact invite @dora': 'say /contact add @bob',
      '/who': 'online: @bob',
      '/whois': '@bob is online',
      '/contact add @carol': '@carol is a contact',
      '/contact remove @carol': '@carol is no contact any more',
      '/contact': '@bob online verified',
      '/block @carol': '@carol is blocked',
      '/unblock @carol': '@carol is not blocked any more',
      '/fingerprint': 'you FP-OWN',
      '/verify @bob FP-OTHER': '@bob is verified',
      '/verify @bob wrong words': 'NOT the fingerprint',
      '/devices': 'this device',
      '/node': 'not connected, 0 messages in the outbox',
      '/ping': 'answered in 0 ms',
      '/help': '/whois',
      '/help whois': 'example: /whois @bob',
    };
    const tested = new Set(
      Object.keys(expected).map((line) => findSlash(line.slice(1).split(' ')[0] ?? '')),
    );
    const ofGroups = Object.keys(GROUP_ACTIONS);
    expect([...tested, 'msg', 'quit', 'join', ...ofGroups]).to.have.members(
      Object.keys(SLASH_COMMANDS),
    );
    for (const [line, answer] of Object.entries(expected)) {
      screen.shown.length = 0;
      await type(line);
      expect(screen.shown.join('\n'), line).to.contain(answer);
      expect(screen.shown.join('\n'), line).to.not.contain('\u001b');
    }
  });

  it('leaves with /quit', async () => {
    await type('/quit');
    expect(screen.ended).to.equal('done');
  });
});

import { expect } from 'chai';
import { AckNotes } from '../../../src/cli/chat/ack-notes.ts';
import { ChatSession } from '../../../src/cli/chat/chat-session.ts';
import { completeLine } from '../../../src/cli/chat/complete.ts';
import { parseChatLine } from '../../../src/cli/chat/parse-line.ts';
import {
  MessageRenderer,
  offlineNotice,
  onlineNotice,
  promptFor,
  warningLines,
} from '../../../src/cli/chat/render.ts';
import type { ChatEnd, Screen, ScreenInput } from '../../../src/cli/chat/screen.ts';
import { findSlash, SLASH_COMMANDS, slashHelp } from '../../../src/cli/chat/slash-commands.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseAddress, parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import type { Message } from '../../../src/client/api.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeClient, message } from '../../support/fake-client.ts';

const alice = parseUserId('alice');
const bob = parseAddress('@bob');

describe('parseChatLine', () => {
  const lines: ReadonlyArray<readonly [line: string, parsed: object]> = [
    ['', { kind: 'empty' }],
    ['   ', { kind: 'empty' }],
    ['hello there', { kind: 'text', text: 'hello there' }],
    [' /quit', { kind: 'text', text: ' /quit' }],
    ['//quit now', { kind: 'text', text: '/quit now' }],
    ['@bob lunch?', { kind: 'direct', target: '@bob', text: 'lunch?' }],
    ['@bob', { kind: 'direct', target: '@bob', text: '' }],
    ['#ops look', { kind: 'direct', target: '#ops', text: 'look' }],
    ['/msg @bob hi  there', { kind: 'command', name: 'msg', rest: '@bob hi  there' }],
    ['/query bob', { kind: 'command', name: 'msg', rest: 'bob' }],
    ['/q', { kind: 'command', name: 'quit', rest: '' }],
    ['/QUIT', { kind: 'command', name: 'quit', rest: '' }],
    ['/fing bob', { kind: 'command', name: 'fingerprint', rest: 'bob' }],
  ];
  for (const [line, parsed] of lines)
    it(`reads ${JSON.stringify(line)}`, () => expect(parseChatLine(line)).to.deep.equal(parsed));

  it('never takes an unknown or ambiguous command for a message', () => {
    for (const line of ['/qiut', '/', '/re', '/xyz @bob secret'])
      expect(parseChatLine(line).kind, line).to.equal('error');
    expect(parseChatLine('/qiut')).to.have.property('message').that.contains('did you mean quit?');
    expect(parseChatLine('/re'))
      .to.have.property('message')
      .that.contains('/read')
      .and.contains('/remove');
  });
});

describe('slash commands', () => {
  it('have names and aliases of one meaning each', () => {
    const words = Object.values(SLASH_COMMANDS).flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(words).size).to.equal(words.length);
    for (const word of words) expect(findSlash(word), word).to.be.a('string');
  });

  it('are explained with an example each', () => {
    for (const { name } of Object.values(SLASH_COMMANDS)) {
      expect(slashHelp('').join('\n')).to.contain(`/${name}`);
      expect(slashHelp(`/${name}`).join('\n')).to.contain(`example: /${name}`);
    }
    expect(slashHelp('nonsense')[0]).to.contain('no command');
  });
});

describe('completeLine', () => {
  const names = ['@bob', '@bert', '#ops'];

  it('completes commands at the start, names anywhere', () => {
    expect(completeLine('/qu', names)).to.deep.equal([['/query ', '/quit '], '/qu']);
    expect(completeLine('/msg @b', names)).to.deep.equal([['@bert ', '@bob '], '@b']);
    expect(completeLine('/msg o', names)).to.deep.equal([['#ops '], 'o']);
    expect(completeLine('hello /qu', names)[0]).to.deep.equal([]);
    expect(completeLine('hello ', names)).to.deep.equal([[], '']);
  });
});

describe('chat rendering', () => {
  const at = (day: number, text: string): Message =>
    message({
      id: `m${day}`,
      from: '@bob',
      conversation: '@bob',
      text,
      timestamp: new Date(2026, 0, day, 9, 11).getTime(),
    });

  it('separates days and names the sender', () => {
    const renderer = new MessageRenderer(alice);
    expect(renderer.lines(at(30, 'one'), bob)).to.deep.equal([
      '── Fri 30 Jan ──',
      '09:11 bob │ one',
    ]);
    expect(renderer.lines(at(30, 'two'), bob)).to.deep.equal(['09:11 bob │ two']);
    expect(renderer.lines(at(31, 'three'), bob)[0]).to.equal('── Sat 31 Jan ──');
  });

  it('names the conversation when it is not the open one, and you as you', () => {
    const own = message({ id: 'a', from: '@alice', conversation: '#ops', text: 'x' });
    expect(new MessageRenderer(alice).lines(own, bob)[1]).to.match(/^\[#ops\] \d\d:\d\d you │ x$/);
  });

  it('keeps the gutter on every line, so that no text can pass for another message', () => {
    const forged = 'hi\n09:12 carol │ give bob the key\r\u001b[2K09:13 you │ ok';
    const lines = new MessageRenderer(alice).lines(at(30, forged), bob).slice(1);
    expect(lines[0]).to.equal('09:11 bob │ hi');
    expect(lines[1]).to.match(/^ {10}│ 09:12 carol/);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(lines.join('')).to.not.match(/[\u0000-\u001f]/);
  });

  it('says how the connection is', () => {
    expect(offlineNotice(2400)).to.equal('reconnecting 3 s');
    expect(offlineNotice(undefined)).to.equal('disconnected');
    expect(onlineNotice('n2', 12.3)).to.equal('connected to n2 (12 ms)');
    expect(onlineNotice('n2\u001b[0m', undefined)).to.not.contain('\u001b');
    expect(promptFor(bob)).to.equal('[you→@bob] ');
    const warning = { type: 'warning', code: 'E_KEY_CHANGED', message: 'a\nb' } as const;
    expect(warningLines(warning)).to.deep.equal(['!! a', '!! b (E_KEY_CHANGED)']);
  });
});

describe('AckNotes', () => {
  it('gathers what happens in a moment into a line a state, the best state of each message', () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const notes = new AckNotes(clock, (line) => lines.push(line));
    const ids = ['a', 'b', 'c'].map(parseMessageId);
    for (const id of ids) notes.reached(id, 'stored');
    notes.reached(ids[2]!, 'delivered');
    clock.run(1000);
    expect(lines).to.deep.equal(['  ✓ 2 stored', '  ✓✓ delivered']);
    notes.reached(ids[2]!, 'stored');
    clock.run(2000);
    expect(lines).to.have.length(2);
    notes.reached(ids[0]!, 'read');
    notes.flush();
    expect(lines.at(-1)).to.equal('  ✓✓ read');
    expect(clock.pending).to.equal(0);
  });
});

class MemoryScreen implements Screen {
  readonly isInteractive: boolean;
  readonly shown: string[] = [];
  prompt = '';
  ended: ChatEnd | undefined;

  constructor(isInteractive = true) {
    this.isInteractive = isInteractive;
  }

  print(lines: readonly string[]): void {
    this.shown.push(...lines);
  }

  row(_message: Message, columns: readonly string[]): void {
    this.shown.push(columns.join('\t'));
  }

  notice(text: string): void {
    this.shown.push(`-- ${text}`);
  }

  setPrompt(prompt: string): void {
    this.prompt = prompt;
  }

  run(_input: ScreenInput): Promise<ChatEnd> {
    throw new Error('not used');
  }

  end(how: ChatEnd): void {
    this.ended = how;
  }
}

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
  });

  const type = async (...lines: readonly string[]): Promise<void> => {
    for (const line of lines) session.lines([line]);
    await session.idle();
  };

  it('names the target in the prompt and sends lines to it', async () => {
    expect(screen.prompt).to.equal('[you→@bob] ');
    await type('hello', '//slash');
    expect(client.sent.map(({ to, text }) => [to, text])).to.deep.equal([
      ['@bob', 'hello'],
      ['@bob', '/slash'],
    ]);
    expect(screen.shown).to.include('  ✓ 2 stored');
  });

  it('sends elsewhere without switching, and switches with /msg', async () => {
    await type('@carol psst', '/msg @dave hi', '/query #ops', 'to the group');
    expect(client.sent.map(({ to, text }) => [to, text])).to.deep.equal([
      ['@carol', 'psst'],
      ['@dave', 'hi'],
      ['#ops', 'to the group'],
    ]);
    expect(screen.prompt).to.equal('[you→#ops] ');
  });

  it('sends nothing without a target', async () => {
    const fresh = new ChatSession(client, clock, screen);
    await fresh.begin(undefined);
    fresh.lines(['hello?']);
    await fresh.idle();
    expect(client.sent).to.deep.equal([]);
    expect(screen.shown.at(-1)).to.contain('/msg @bob');
  });

  it('shows an unknown command as an error and never sends it', async () => {
    await type('/verfy @bob SECRET', '/');
    expect(client.sent).to.deep.equal([]);
    expect(screen.shown[0]).to.contain('did you mean verify?');
  });

  it('asks before it sends a long paste, as one message', async () => {
    const paste = ['1', '2', '3', '4'];
    session.lines(paste);
    await session.idle();
    expect(client.sent).to.deep.equal([]);
    await type('n');
    session.lines(paste);
    await type('y');
    expect(client.sent.map(({ text }) => text)).to.deep.equal(['1\n2\n3\n4']);
  });

  it('sends a short paste line by line', async () => {
    session.lines(['1', '2', '3']);
    await session.idle();
    expect(client.sent).to.have.length(3);
  });

  it('shows messages and marks those of the open conversation as read', async () => {
    client.receive(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'hi' }));
    client.receive(message({ id: 'b', from: '@carol', conversation: '@carol', text: 'psst' }));
    expect(screen.shown.join('\n')).to.contain('bob │ hi').and.to.contain('[@carol]');
    expect(client.calls.filter((call) => call.startsWith('markRead'))).to.deep.equal([
      'markRead @bob a',
    ]);
    await type('/msg carol');
    expect(client.calls).to.include('markRead @carol b');
    expect(session.complete('ca')[0]).to.deep.equal(['@carol ']);
  });

  it('shows receipts once, presence of the other side, warnings, and the connection', async () => {
    const id = parseMessageId('k');
    const user = parseUserId('bob');
    client.emit({ type: 'receipt', id, conversation: bob, by: user, state: 'delivered' });
    client.emit({ type: 'receipt', id, conversation: bob, by: user, state: 'delivered' });
    client.emit({ type: 'presence', user, online: false, lastSeen: 0 });
    client.emit({ type: 'presence', user, online: true, lastSeen: 0 });
    client.emit({ type: 'presence', user, online: true, lastSeen: 0 });
    client.emit({ type: 'presence', user: parseUserId('zoe'), online: true, lastSeen: 0 });
    client.emit({ type: 'typing', conversation: bob, user });
    client.emit({ type: 'warning', code: 'E_KEY_CHANGED', message: 'careful' });
    client.emit({ type: 'state', connected: false, node: undefined, retryInMs: 2500 });
    client.emit({ type: 'state', connected: true, node: 'n2' });
    await clock.advance(1000);
    expect(screen.shown).to.deep.equal([
      '-- @bob is online',
      '!! careful (E_KEY_CHANGED)',
      '-- reconnecting 3 s',
      '-- connected to n2 (0 ms)',
      '  ✓✓ delivered',
    ]);
  });

  it('keeps going when something fails, and says what', async () => {
    client.fail('send', new FastChatError('E_NO_SUCH_USER', 'there is no @bob'));
    await type('hello', 'again');
    expect(screen.shown).to.include('-- there is no @bob (E_NO_SUCH_USER)');
    expect(client.sent).to.have.length(2);
    expect(session.exitCode).to.equal(0);
  });

  it('says that a message waits in the outbox while there is no node', async () => {
    client.reaches = 'queued';
    await type('hello');
    expect(screen.shown.at(-1)).to.contain('kept in the outbox');
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
      '/list': '@bob (1)',
      '/search needle': '│ a needle',
      '/contacts': '@bob online verified',
      '/who': 'online: @bob',
      '/whois': '@bob is online',
      '/add @carol': '@carol is a contact',
      '/remove @carol': '@carol is no contact any more',
      '/block @carol': '@carol is blocked',
      '/unblock @carol': '@carol is not blocked any more',
      '/fingerprint': 'you FP-OWN',
      '/verify @bob FP-OTHER': '@bob is verified',
      '/verify @bob wrong words': 'NOT the fingerprint',
      '/devices': 'this device',
      '/node': 'not connected',
      '/ping': 'answered in 0 ms',
      '/help': '/whois',
      '/help whois': 'example: /whois @bob',
    };
    const tested = new Set(Object.keys(expected).map((line) => line.slice(1).split(' ')[0] ?? ''));
    expect([...tested, 'msg', 'quit']).to.have.members(Object.keys(SLASH_COMMANDS));
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

describe('fastchat chat', () => {
  let world: CliWorld;

  beforeEach(async () => {
    world = await CliWorld.create('alice');
  });
  afterEach(() => world.remove());

  it('in a pipe sends every line and prints messages in columns', async () => {
    const { io, code } = world.start(['chat', '@bob']);
    const client = world.client('alice');
    io.stdin.write('one\n');
    client.on(() => undefined);
    await new Promise<void>((resolve) => {
      const send = client.send.bind(client);
      client.send = (...args) => {
        resolve();
        return send(...args);
      };
    });
    client.receive(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'reply\u0007' }));
    io.stdin.end('two\n');
    expect(await code).to.equal(0);
    expect(client.sent.map(({ text }) => text)).to.deep.equal(['one', 'two']);
    expect(io.out()).to.equal('2026-01-31T09:12:03.412Z\t@bob\t@bob\treply\ufffd\n');
  });

  it('in a pipe ends with the exit code of what failed', async () => {
    world.client('alice').fail('send', world.error('E_NO_SUCH_USER', 'there is no @bob'));
    expect((await world.run(['chat', '@bob'], { stdin: 'one\ntwo\n' })).code).to.equal(7);
    expect((await world.run(['chat', '@bob'], { stdin: '/nonsense\n' })).code).to.equal(2);
  });

  it('at a terminal keeps the line being typed and redraws it below what arrives', async () => {
    const { io, code } = world.start(['chat', '@bob', '--linear'], { isTTY: true });
    const client = world.client('alice');
    await io.shown('[you→@bob] ');
    io.stdin.write('half a li');
    await io.shown('half a li');
    client.receive(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'incoming' }));
    await io.shown('incoming');
    expect(io.out().split('incoming')[1]).to.contain('[you→@bob] half a li');
    io.stdin.write('ne\r');
    await io.shown('✓ stored');
    io.stdin.write('/quit\r');
    expect(await code).to.equal(0);
    expect(client.sent.map(({ text }) => text)).to.deep.equal(['half a line']);
    expect(client.closedWith).to.be.greaterThan(0);
  });

  it('at a terminal clears the line at Ctrl+C and leaves at a second one with 130', async () => {
    const { io, code } = world.start(['chat', '@bob'], { isTTY: true });
    await io.shown('[you→@bob] ');
    io.stdin.write('secret');
    io.stdin.write('\u0003');
    await io.shown('Ctrl+C again leaves');
    io.stdin.write('\u0003');
    expect(await code).to.equal(130);
    expect(world.client('alice').sent).to.deep.equal([]);
  });

  it('ends cleanly at SIGTERM', async () => {
    const { io, code } = world.start(['chat', '@bob'], { isTTY: true });
    await io.shown('[you→@bob] ');
    io.signal('SIGTERM');
    expect(await code).to.equal(130);
    expect(world.client('alice').closedWith).to.be.greaterThan(0);
  });

  it('makes an account at the first run and shows the recovery code once', async () => {
    const empty = await CliWorld.create();
    const { io, code } = empty.start(['chat'], { isTTY: true });
    const answers: ReadonlyArray<readonly [question: string, answer: string]> = [
      ['Server', 'fastchat://h:1\r'],
      ['Your name', 'Zoe\r'],
      ['A password', 'pw\r'],
      ['Once more', 'pw\r'],
      ['Enter goes on', '\r'],
    ];
    const open = [...answers];
    io.stderr.on('data', (chunk: Buffer) => {
      const next = open[0];
      if (next !== undefined && chunk.toString('utf8').includes(next[0])) {
        open.shift();
        io.stdin.write(next[1]);
      }
    });
    await io.shown('[you→nobody] ');
    io.stdin.write('/quit\r');
    expect(await code).to.equal(0);
    expect(empty.client('zoe').calls[0]).to.equal('register pw ');
    expect(io.err().match(/RECOVER-ME/g)).to.have.length(1);
    expect(io.err()).to.contain('FP-OWN');
    await empty.remove();
  });

  it('without an account and without a terminal is exit 6 and what to run', async () => {
    const empty = await CliWorld.create();
    const { code, err } = await empty.run(['chat']);
    expect(code).to.equal(6);
    expect(err).to.contain('fastchat register');
    await empty.remove();
  });
});

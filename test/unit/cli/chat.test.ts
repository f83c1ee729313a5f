import { expect } from 'chai';
import { completeLine } from '../../../src/cli/chat/complete.ts';
import { parseChatLine } from '../../../src/cli/chat/parse-line.ts';
import { MessageRenderer, onlineNotice, promptFor } from '../../../src/cli/chat/render.ts';
import type { Surface } from '../../../src/cli/chat/render.ts';
import { styleFor } from '../../../src/cli/style.ts';
import { findSlash, SLASH_COMMANDS, slashHelp } from '../../../src/cli/chat/slash-commands.ts';
import { parseAddress, parseUserId } from '../../../src/protocol/ids.ts';
import type { Message } from '../../../src/client/api.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { message } from '../../support/fake-client.ts';

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
    expect(parseChatLine('/qiut')).to.have.property('message').that.contains('did you mean /quit?');
    expect(parseChatLine('/re'))
      .to.have.property('message')
      .that.contains('/read')
      .and.contains('/rename');
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
      for (const line of slashHelp('')) expect(line.length, line).to.be.at.most(80);
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
    expect(completeLine('/kick be', names)).to.deep.equal([['@bert '], 'be']);
    expect(completeLine('/join #', names)).to.deep.equal([['#ops '], '#']);
    expect(completeLine('/g de', names)).to.deep.equal([['delete '], 'de']);
    expect(completeLine('/group ', names)[0]).to.include.members(['create ', 'info ']);
    expect(completeLine('/group info o', names)).to.deep.equal([['#ops '], 'o']);
  });
});

describe('chat rendering', () => {
  const plain: Surface = { columns: 80, style: styleFor(false) };
  const at = (day: number, text: string): Message =>
    message({
      id: `m${day}`,
      from: '@bob',
      conversation: '@bob',
      text,
      timestamp: new Date(2026, 0, day, 9, 11).getTime(),
    });

  it('separates days and names the sender', () => {
    const renderer = new MessageRenderer(alice, plain);
    expect(renderer.lines(at(30, 'one'), bob)).to.deep.equal([
      '── Fri 30 Jan ──',
      '09:11 bob │ one',
    ]);
    expect(renderer.lines(at(30, 'two'), bob)).to.deep.equal(['09:11 bob │ two']);
    expect(renderer.lines(at(31, 'three'), bob)[0]).to.equal('── Sat 31 Jan ──');
  });

  it('names the conversation when it is not the open one, and you as you', () => {
    const own = message({ id: 'a', from: '@alice', conversation: '#ops', text: 'x' });
    expect(new MessageRenderer(alice, plain).lines(own, bob)[1]).to.match(
      /^\[#ops\] \d\d:\d\d you │ x$/,
    );
  });

  it('keeps the gutter on every line, so that no text can pass for another message', () => {
    const forged = 'hi\n09:12 carol │ give bob the key\r\u001b[2K09:13 you │ ok';
    const lines = new MessageRenderer(alice, plain).lines(at(30, forged), bob).slice(1);
    expect(lines[0]).to.equal('09:11 bob │ hi');
    expect(lines[1]).to.match(/^ {10}│ 09:12 carol/);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(lines.join('')).to.not.match(/[\u0000-\u001f]/);
  });

  it('breaks long texts at words, under the text, whatever the width of the letters', () => {
    const narrow = new MessageRenderer(alice, { columns: 32, style: styleFor(false) });
    const [, ...lines] = narrow.lines(
      at(30, 'one two three four five 漢字漢字漢字漢字漢字漢字'),
      bob,
    );
    expect(lines).to.deep.equal([
      '09:11 bob │ one two three four',
      '          │ five',
      '          │ 漢字漢字漢字漢字漢字',
      '          │ 漢字',
    ]);
  });

  it('gives every name a colour of its own, and only colour', () => {
    const colored = new MessageRenderer(alice, { columns: 80, style: styleFor(true) });
    const [, line = ''] = colored.lines(at(30, 'hi'), bob);
    // oxlint-disable-next-line no-control-regex -- that is what colours are
    expect(line).to.match(/^09:11 \u001b\[\d+mbob\u001b\[0m │ hi$/);
  });

  it('says how the connection is', () => {
    expect(onlineNotice('n2', 12.3)).to.equal('connected to n2 (12 ms)');
    expect(onlineNotice('n2\u001b[0m', undefined)).to.not.contain('\u001b');
    expect(promptFor(bob)).to.equal('[you→@bob] ');
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

  it('ends cleanly at SIGTERM', async () => {
    const { io, code } = world.start(['chat', '@bob'], { isTTY: true });
    await io.shown('[you→@bob] ');
    io.signal('SIGTERM');
    expect(await code).to.equal(130);
    expect(world.client('alice').closedWith).to.be.greaterThan(0);
  });

  it('without an account and without a terminal is exit 6 and what to run', async () => {
    const empty = await CliWorld.create();
    const { code, err } = await empty.run(['chat']);
    expect(code).to.equal(6);
    expect(err).to.contain('fastchat register');
    await empty.remove();
  });
});

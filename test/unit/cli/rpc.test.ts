import { expect } from 'chai';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { LineSplitter } from '../../../src/cli/rpc/line-splitter.ts';
import { GROUP_METHODS } from '../../../src/cli/rpc/group-methods.ts';
import { METHODS } from '../../../src/cli/rpc/methods.ts';
import { rpcReference } from '../../../src/cli/rpc/reference.ts';
import { RpcWriter } from '../../../src/cli/rpc/writer.ts';
import { parseAddress, parseUserId } from '../../../src/protocol/ids.ts';
import { RPC_LINE_BYTES_MAX, RPC_OUTPUT_BYTES_MAX } from '../../../src/protocol/limits.ts';
import { capturedIo } from '../../support/captured-io.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { request, talkRpc } from '../../support/rpc-talk.ts';
import type { Json, Talk } from '../../support/rpc-talk.ts';
import { message } from '../../support/fake-client.ts';

describe('fastchat rpc', () => {
  let world: CliWorld;

  beforeEach(async () => {
    world = await CliWorld.create();
  });
  afterEach(() => world.remove());

  const talk = (...lines: readonly string[]): Promise<Talk> => talkRpc(world, lines);

  const login = request('login', 'login', { account: 'alice', password: 'secret' });

  it('registers, logs in and sends without waiting in between, and answers by id', async () => {
    const { code, by } = await talk(
      request(1, 'register', { account: 'alice', password: 'secret' }),
      request(2, 'login', { account: '@alice', password: 'secret' }),
      request('three', 'send', {
        account: 'alice',
        to: '@bob',
        text: 'hi',
        id: 'k',
        wait: 'delivered',
      }),
    );
    expect(code).to.equal(0);
    expect(by(1)).to.deep.equal({
      jsonrpc: '2.0',
      id: 1,
      result: { account: '@alice', fingerprint: 'FP-OWN' },
    });
    expect(by(2)['result']).to.deep.equal({ account: '@alice', node: 'n2', pending: 3 });
    expect(by('three')['result']).to.deep.equal({
      id: 'k',
      conversation: '@bob',
      seq: 7,
      timestamp: 1000,
      state: 'delivered',
    });
    expect(world.client('alice').closedWith).to.be.greaterThan(0);
  });

  it('serves many accounts in one process', async () => {
    const { by } = await talk(
      login,
      request(2, 'login', { account: 'bob', password: 'secret' }),
      request(3, 'conversations', { account: 'bob' }),
      request(4, 'conversations', { account: 'alice' }),
    );
    expect([by(3)['result'], by(4)['result']]).to.deep.equal([[], []]);
    expect(world.opened.map(({ account, server }) => [account, server])).to.deep.equal([
      ['@alice', 'fastchat://h:1'],
      ['@bob', 'fastchat://h:1'],
    ]);
  });

  describe('malformed input gets the standard codes and the next line works', () => {
    const bad: ReadonlyArray<readonly [what: string, line: string, code: number, id: unknown]> = [
      ['no JSON', '{"jsonrpc":', -32700, null],
      ['no object', '42', -32600, null],
      ['another version', '{"jsonrpc":"1.0","id":9,"method":"login"}', -32600, 9],
      ['no method', '{"jsonrpc":"2.0","id":9}', -32600, 9],
      ['an id of a wrong kind', '{"jsonrpc":"2.0","id":{},"method":"login"}', -32600, null],
      ['an empty batch', '[]', -32600, null],
      ['an unknown method', request(9, 'shout'), -32601, 9],
      ['a method of a prototype', request(9, 'constructor'), -32601, 9],
      ['a method of a later time', request(9, 'sendFile'), -32601, 9],
      ['a missing parameter', request(9, 'login', { account: 'alice' }), -32602, 9],
      [
        'a parameter of a wrong kind',
        request(9, 'login', { account: 1, password: 'x' }),
        -32602,
        9,
      ],
      [
        'an unknown parameter',
        request(9, 'login', { account: 'a', password: 'x', pass: 1 }),
        -32602,
        9,
      ],
      [
        'parameters by position',
        '{"jsonrpc":"2.0","id":9,"method":"login","params":["a","b"]}',
        -32602,
        9,
      ],
      ['a line that is too long', 'x'.repeat(RPC_LINE_BYTES_MAX + 1), -32600, null],
    ];
    for (const [what, line, code, id] of bad)
      it(what, async () => {
        const { all, by } = await talk(line, login);
        const refused = all.find((one) => one['error'] !== undefined);
        expect(refused).to.nested.include({ 'error.code': code, id });
        expect(refused?.['error'].data).to.deep.equal({ code: 'E_USAGE', retry: 'never' });
        expect(by('login')['result']).to.include({ node: 'n2' });
      });
  });

  it('answers our own errors with code, retry and retryAfterMs', async () => {
    const limited = world.error('E_RATE_LIMITED', 'slowly', { retryAfterMs: 70 });
    world.client('alice').fail('send', limited);
    const { by } = await talk(
      login,
      request(2, 'send', { account: 'alice', to: '@bob', text: 'x' }),
    );
    expect(by(2)['error']).to.deep.equal({
      code: -32000,
      message: 'slowly',
      data: { code: 'E_RATE_LIMITED', retry: 'later', retryAfterMs: 70 },
    });
  });

  it('tells a bad name from a malformed request', async () => {
    const { by } = await talk(request(1, 'login', { account: 'Böse', password: 'x' }));
    expect(by(1)).to.nested.include({ 'error.code': -32000, 'error.data.code': 'E_BAD_NAME' });
  });

  it('refuses an account without a session in this process', async () => {
    const { by } = await talk(
      request(1, 'register', { account: 'alice', password: 'secret' }),
      request(2, 'history', { account: 'alice', conversation: '@bob' }),
      request(3, 'devices', { account: 'nobody' }),
    );
    for (const id of [2, 3]) expect(by(id)['error'].data.code).to.equal('E_NOT_LOGGED_IN');
  });

  it('forgets a login that failed, and can log in again', async () => {
    const { by } = await talk(
      request(1, 'login', { account: 'alice', password: 'wrong' }),
      request(2, 'devices', { account: 'alice' }),
      login,
      request(4, 'devices', { account: 'alice' }),
    );
    expect(by(1)['error'].data.code).to.equal('E_AUTH');
    expect(by(2)['error'].data.code).to.equal('E_NOT_LOGGED_IN');
    expect(by(4)['result']).to.deep.equal([]);
  });

  it('ends a session at logout, and replaces it at a second login', async () => {
    const { by } = await talk(
      login,
      request(2, 'login', { account: 'alice', password: 'secret' }),
      request(3, 'logout', { account: 'alice' }),
      request(4, 'devices', { account: 'alice' }),
    );
    expect(by(2)['result']).to.include({ node: 'n2' });
    expect(by(3)['result']).to.deep.equal({});
    expect(by(4)['error'].data.code).to.equal('E_NOT_LOGGED_IN');
    expect(world.opened).to.have.length(1);
  });

  it('answers a batch in one line and a notification not at all', async () => {
    const one = request(1, 'devices', { account: 'alice' });
    const silent = request(undefined, 'contact.add', { account: 'alice', user: 'bob' });
    const { all } = await talk(login, `[${one},${silent},7]`, `[${silent}]`, silent, '  ');
    expect(all).to.have.length(2);
    const batch = all[1] as unknown as Json[];
    expect(batch.map((answer) => answer['id'])).to.deep.equal([1, null]);
    const added = world.client('alice').calls.filter((call) => call === 'addContact @bob');
    expect(added).to.have.length(3);
  });

  it('has every method of its scope, with the result that it promises', async () => {
    const client = world.client('alice');
    client.messages.push(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'needle' }));
    const shown = {
      id: 'a',
      conversation: '@bob',
      from: '@bob',
      seq: 1,
      timestamp: Date.UTC(2026, 0, 31, 9, 12, 3, 412),
      text: 'needle',
      state: 'delivered',
    };
    const expected: Record<string, readonly [params: object, result: unknown]> = {
      markRead: [{ conversation: '@bob', id: 'a' }, {}],
      conversations: [{}, [{ conversation: '@bob', unread: 1, lastTimestamp: 5 }]],
      history: [{ conversation: '@bob', limit: 5 }, [shown]],
      search: [{ query: 'needle' }, [shown]],
      'contact.add': [{ user: 'bob' }, {}],
      'contact.remove': [{ user: 'bob' }, {}],
      'contact.block': [{ user: 'bob' }, {}],
      'contact.unblock': [{ user: 'bob' }, {}],
      'contact.list': [{}, []],
      presence: [{ user: 'bob' }, { user: '@bob', online: true, lastSeen: 0 }],
      fingerprint: [{ user: '@bob' }, { user: '@bob', fingerprint: 'FP-OTHER', verified: false }],
      verify: [{ user: 'bob', fingerprint: 'FP-OTHER' }, { verified: true }],
      password: [{ old: 'a', new: 'b' }, {}],
      devices: [{}, []],
      revokeDevice: [{ device: 2 }, {}],
      logout: [{}, {}],
    };
    const tested = ['register', 'login', 'send', ...Object.keys(expected)].sort();
    const known = Object.keys(METHODS).filter((name) => !Object.hasOwn(GROUP_METHODS, name));
    expect(known.sort()).to.deep.equal(tested);
    const asked = Object.entries(expected).filter(([method]) => method !== 'logout');
    const { by } = await talk(
      login,
      ...asked.map(([method, [params]]) =>
        request(method, method, { account: 'alice', ...params }),
      ),
    );
    for (const [method, [, result]] of asked)
      expect(by(method)['result'], method).to.deep.equal(result);
  });

  it('announces events with exactly the promised fields', async () => {
    const { io, code } = world.start(['rpc']);
    const client = world.client('alice');
    io.stdin.write(`${login}\n`);
    await io.shown('"login"');
    const [bob, conversation] = [parseUserId('bob'), parseAddress('@bob')];
    const arrived = message({
      id: 'a',
      from: '@bob',
      conversation: '@bob',
      text: 'esc \u001b \u009b',
    });
    client.receive(arrived);
    client.emit({ type: 'receipt', id: arrived.id, conversation, by: bob, state: 'read' });
    client.emit({ type: 'presence', user: bob, online: true, lastSeen: 4 });
    client.emit({ type: 'typing', conversation, user: bob });
    client.emit({ type: 'warning', code: 'E_KEY_CHANGED', message: 'careful', user: bob });
    client.emit({ type: 'sent', id: arrived.id, conversation, state: 'stored' });
    client.emit({ type: 'state', connected: false, node: undefined, retryInMs: 3 });
    io.stdin.end();
    expect(await code).to.equal(0);
    const lines = io.out().trim().split('\n').slice(1);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(io.out()).to.not.match(/[\u001b\u009b]/);
    const params = lines.map((line) => {
      const notification = JSON.parse(line) as Json;
      expect(notification)
        .to.include({ jsonrpc: '2.0', method: 'event' })
        .and.not.to.have.property('id');
      return notification['params'] as Json;
    });
    const account = '@alice';
    expect(params).to.deep.equal([
      {
        account,
        type: 'message',
        id: 'a',
        conversation: '@bob',
        from: '@bob',
        seq: 1,
        timestamp: arrived.timestamp,
        text: 'esc \u001b \u009b',
      },
      { account, type: 'receipt', id: 'a', conversation: '@bob', by: '@bob', state: 'read' },
      { account, type: 'presence', user: '@bob', online: true },
      { account, type: 'typing', conversation: '@bob', user: '@bob' },
      { account, type: 'warning', code: 'E_KEY_CHANGED', message: 'careful', user: '@bob' },
      { account, type: 'state', connected: false, node: null },
    ]);
  });

  it('saves the outbox and ends with 130 at Ctrl+C', async () => {
    const { io, code } = world.start(['rpc']);
    io.stdin.write(`${login}\n`);
    await io.shown('"login"');
    io.signal('SIGINT');
    expect(await code).to.equal(130);
    expect(world.client('alice').closedWith).to.equal(0);
  });

  it('drops events that nobody reads, counts them and says so', async () => {
    const io = capturedIo();
    io.stdout.pause();
    const writer = new RpcWriter(io.stdout);
    const event = {
      jsonrpc: '2.0',
      method: 'event',
      params: { text: 'x'.repeat(1024 * 1024) },
    } as const;
    const most = RPC_OUTPUT_BYTES_MAX / (1024 * 1024);
    for (let count = 0; count < most + 5; count += 1) writer.event(event);
    expect(io.stdout.writableLength).to.be.lessThan(RPC_OUTPUT_BYTES_MAX + 2 * 1024 * 1024);
    io.stdout.removeAllListeners('data');
    let tail = '';
    const told = new Promise<void>((resolve) => {
      io.stdout.on('data', (chunk: Buffer) => {
        tail = (tail + chunk.toString('utf8')).slice(-300);
        if (tail.includes('"dropped":')) resolve();
      });
    });
    io.stdout.resume();
    await told;
    expect(tail).to.contain('E_RATE_LIMITED');
  });

  it('has a reference that is up to date', () => {
    const page = readFileSync(new URL('../../../docs/RPC.md', import.meta.url), 'utf8');
    const folded = (text: string): string =>
      text
        .replace(/[ \t]+/g, ' ')
        .replace(/-{3,}/g, '---')
        .replace(/\n{2,}/g, '\n\n')
        .trim();
    expect(folded(page)).to.equal(folded(rpcReference()));
  });
});

describe('LineSplitter', () => {
  it('finds the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 30 })),
        fc.integer({ min: 1, max: 20 }),
        (texts, size) => {
          const lines = texts.map((text) => text.replaceAll('\n', ' '));
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const splitter = new LineSplitter(1000);
          const found: string[] = [];
          for (let at = 0; at < bytes.length; at += size)
            for (const line of splitter.push(bytes.subarray(at, at + size)))
              if (line.kind === 'line') found.push(Buffer.from(line.bytes).toString('utf8'));
          expect(found).to.deep.equal(lines.filter((line) => line !== ''));
        },
      ),
    );
  });

  it('takes a line of the greatest length, reports a longer one once, and goes on', () => {
    const splitter = new LineSplitter(4);
    const kinds = [
      ...splitter.push(Buffer.from('abcd\nabcde')),
      ...splitter.push(Buffer.from('fghij\nok\n')),
    ];
    expect(kinds.map((line) => line.kind)).to.deep.equal(['line', 'tooLong', 'line']);
  });

  it('gives the last line without a line feed', () => {
    const splitter = new LineSplitter(10);
    expect([...splitter.push(Buffer.from('abc'))]).to.deep.equal([]);
    expect([...splitter.end()]).to.have.length(1);
  });
});

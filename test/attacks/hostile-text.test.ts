/**
 * Hostile text on every way to a terminal, in real processes: what people write, what devices are called, what servers
 * answer, what a home is told to print. A terminal obeys control characters and reorders by marks; none may come through.
 */
import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { clientCalls } from '../../src/protocol/client-calls.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';
import type { Finished } from '../support/processes.ts';
import { HostileGate } from './hostile-gate.ts';
import { PASSWORD } from './honest-pair.ts';

/** Clipboard write, C1 erase, bidi override, zero width, prompt rewritten by CR, link, title, bell, tags, a lone surrogate. */
const HOSTILE =
  '\u001b]52;c;cm0gLXJmIC8=\u0007 \u009b2J \u202Etxt.exe\u202C \u200Bhidden\u2060 \rfastchat: sent\u001b[2K ' +
  '\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\ \u001b]0;title\u0007 \u{E0041}\u{E007F} \u0000 \u0085 \u2028end';
/** Everything that a terminal obeys or a reader cannot see. */
const UNSAFE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const LONG = 60_000;

function expectHarmless(what: string, { stdout, stderr }: Finished): void {
  for (const [stream, text] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    const bad = UNSAFE.exec(text);
    const found =
      bad === null ? '' : JSON.stringify(text.slice(Math.max(0, bad.index - 40), bad.index + 10));
    expect(found, `${what}, ${stream}`).to.equal('');
  }
}

describe('hostile text', function () {
  this.timeout(180_000);
  const folder = temporaryFolder();
  const home = `${folder.path}/home`;
  const passwordFile = `${folder.path}/password`;
  let cluster: DevCluster;
  let gate: HostileGate;

  const fastchat = (...args: readonly string[]): Promise<Finished> =>
    run([...args, '-u', 'bob', '--home', home]);

  before(async () => {
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    cluster = await startDevCluster({ nodes: 1 });
    gate = await HostileGate.open(`${cluster.dataDir}/n1`, cluster.url);
    const rpc = new Rpc({ home, url: gate.url });
    await rpc.call('register', { account: 'bob', password: PASSWORD });
    await rpc.end();
    const writer = new Rpc({ home: `${folder.path}/writer`, url: cluster.url });
    await writer.call('register', { account: 'mallory', password: PASSWORD });
    await writer.call('login', { account: 'mallory', password: PASSWORD });
    const texts = [
      HOSTILE,
      `first\n12:00 bob │ forged\r\n${HOSTILE}`,
      `${'x'.repeat(LONG)}\u001b[31m`,
    ];
    for (const text of texts) await writer.call('send', { account: 'mallory', to: '@bob', text });
    await writer.end();
  });

  afterEach(() => {
    gate.tamper = (item) => item;
  });

  after(async () => {
    await gate?.close();
    await cluster?.stop();
    folder.remove();
  });

  it('in messages, through tail, read and chat, for people and for programs', async () => {
    const tail = await fastchat('tail');
    expect(tail.code, tail.stderr).to.equal(0);
    expect(tail.stdout).to.contain('hidden').and.to.contain('x'.repeat(1000));
    expectHarmless('tail', tail);
    for (const args of [
      ['read'],
      ['read', '@mallory'],
      ['read', '@mallory', '--json'],
      ['tail', '--json'],
    ])
      expectHarmless(args.join(' '), await fastchat(...args));
    const json = await fastchat('read', '@mallory', '--json');
    const [first] = json.stdout.split('\n');
    expect(JSON.parse(first ?? '').text, 'programs get it as it was').to.equal(HOSTILE);
    const chat = await run(['chat', '@mallory', '--linear', '-u', 'bob', '--home', home], {
      input: '/history\n/search hidden\n/quit\n',
    });
    expectHarmless('chat', chat);
  });

  it('in messages, through JSON-RPC: escaped, one line each', async () => {
    const input = [
      ['login', { account: 'bob', password: PASSWORD }],
      ['history', { account: 'bob', conversation: '@mallory' }],
    ].map(([method, params], id) => JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const done = await run(['rpc', '--home', home, '--server', gate.url], {
      input: `${input.join('\n')}\n`,
    });
    expectHarmless('rpc', done);
    for (const line of done.stdout.trim().split('\n')) JSON.parse(line);
  });

  it('in the names of devices', async () => {
    gate.tamper = (item, call) => {
      if (call !== 'devices') return item;
      const { reply } = clientCalls.calls.devices;
      const devices = reply.parseFrom(item, 2).devices.map((device) => ({
        ...device,
        name: `lap\u001b[2J\u202Etop\r\nfastchat: 2 devices`.slice(0, 64),
      }));
      return [0, item[1], ...reply.packInto([], { devices })];
    };
    for (const args of [
      ['device', 'list'],
      ['device', 'list', '--json'],
    ]) {
      const listed = await fastchat(...args);
      expect(listed.code, listed.stderr).to.equal(0);
      expect(listed.stdout).to.contain('lap');
      expect(listed.stdout.trim().split('\n'), 'one line').to.have.length(1);
      expectHarmless(args.join(' '), listed);
    }
  });

  it('in what a server answers, to commands, --json and JSON-RPC', async () => {
    gate.tamper = (item, call) =>
      call === 'loginStart' || call === 'deviceLogin' ? [1, item[1], 'E_AUTH', HOSTILE] : item;
    const login = ['login', '-u', 'bob', '--password-file', passwordFile, '--server', gate.url];
    for (const args of [login, [...login, '--json']]) {
      const refused = await run([...args, '--home', `${folder.path}/fresh`]);
      expect(refused.code).to.equal(6);
      expectHarmless(args.join(' '), refused);
    }
    expectHarmless('send', await fastchat('send', '@mallory', '-m', 'x', '--timeout', '2s'));
    const rpc = await run(['rpc', '--home', `${folder.path}/fresh`, '--server', gate.url], {
      input: `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'login', params: { account: 'bob', password: PASSWORD } })}\n`,
    });
    expect(rpc.stdout).to.contain('E_AUTH');
    expectHarmless('rpc', rpc);
  });

  it('in an error code that no version knows', async () => {
    gate.tamper = (item, call) => (call === 'loginStart' ? [1, item[1], HOSTILE, HOSTILE] : item);
    const args = ['login', '-u', 'bob', '--password-file', passwordFile, '--server', gate.url];
    expectHarmless('login', await run([...args, '--home', `${folder.path}/fresh`]));
  });

  it('in names and arguments that are refused', async () => {
    for (const name of ['@\u001b[31mbob', '@b\u202Eob', 'a\u200Bb', '@bob\r\n']) {
      const refused = await fastchat('send', name, '-m', 'x');
      expect(refused.code, JSON.stringify(name)).to.be.oneOf([1, 2]);
      expectHarmless(JSON.stringify(name), refused);
    }
    expectHarmless('a command', await run(['se\u001b[2Jnd']));
    expectHarmless(
      'a URL',
      await fastchat(
        'login',
        '--server',
        'fastchat://\u001b[2J:1',
        '--password-file',
        passwordFile,
      ),
    );
  });

  it('in what an operations port answers to admin', async () => {
    const member = {
      node: HOSTILE,
      state: HOSTILE,
      sessions: 1,
      load: 1,
      shardsOwned: 1,
      reportAgeMs: 1,
      gate: HOSTILE,
      mesh: HOSTILE,
    };
    const report = {
      node: HOSTILE,
      coordinator: HOSTILE,
      version: 1,
      replicas: { effective: 1, target: 1 },
      degraded: false,
      members: [member],
      shards: [],
    };
    const answers = [
      [200, JSON.stringify(report)],
      [404, JSON.stringify({ error: { code: 'E_NO_SUCH_USER', message: HOSTILE } })],
      [500, `<html>${HOSTILE}`],
    ] as const;
    let answer: (typeof answers)[number] = answers[0];
    const server = createServer((_, response) => {
      response.statusCode = answer[0];
      response.end(answer[1]);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (answer of answers)
      for (const json of [[], ['--json']]) {
        const shown = await run(['admin', 'status', '--http', http, ...json]);
        expectHarmless(`admin status ${answer[0]} ${json.join('')}`, shown);
      }
    server.close();
  });

  it('in the log of a node: one JSON object a line, nothing that a terminal obeys', async () => {
    const lines: string[] = [];
    const noisy = await startDevCluster({
      nodes: 1,
      args: ['--log-level', 'debug'],
      onLog: (_, line) => lines.push(line),
    });
    const rpc = new Rpc({ home: `${folder.path}/noisy`, url: noisy.url });
    await rpc.refusal('login', { account: 'bob', password: HOSTILE });
    await fetch(new URL(`/${encodeURIComponent(HOSTILE)}`, noisy.nodes[0]?.ready.http), {
      headers: { 'user-agent': 'x\u009b2J' },
    });
    await rpc.end();
    await noisy.stop();
    expect(lines.length).to.be.greaterThan(5);
    for (const line of lines) {
      JSON.parse(line);
      expect(UNSAFE.test(line), line).to.equal(false);
    }
  });

  it('42: of what was written, no file of a home shows anything, and only its owner reads the key', () => {
    const files = readdirSync(home, { recursive: true, encoding: 'utf8' })
      .map((name) => join(home, name))
      .filter((path) => statSync(path).isFile());
    expect(files.some((path) => path.endsWith('/key'))).to.equal(true);
    for (const path of files) {
      const content = readFileSync(path);
      for (const secret of [PASSWORD, 'hidden', 'x'.repeat(100), '@mallory'])
        expect(content.includes(secret), `${secret} in ${path}`).to.equal(false);
      if (path.endsWith('/key')) expect(statSync(path).mode & 0o777).to.equal(0o600);
    }
  });
});

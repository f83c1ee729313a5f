/** The commands as the contract promises them: exit codes, what stdout carries, and what never reaches a terminal. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { LAUNCHER, Rpc, run, temporaryFolder } from '../support/processes.ts';
import type { Finished, RpcEvent, RunOptions } from '../support/processes.ts';

const password = 'correct horse battery';

/** Everything that moves a cursor, ends a line, turns text round or is no text at all; TAB and LF separate fields and records. */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const HOSTILE = [
  'colour \u001b[31mred\u001b[0m and \u001b[2J clear',
  'clipboard \u001b]52;c;c3RvbGVu\u0007 by OSC 52',
  'title \u001b]0;owned\u001b\\ by OSC 0',
  'eight-bit CSI \u009b31m and OSC \u009d52;c;c3RvbGVu\u009c',
  'over\rwritten by CR',
  'backspace \b\b\b\b and DEL \u007f and NUL \u0000',
  'bidi \u202eexe.txt\u202c \u2066isolate\u2069 \u200fmark\u200e \u061c',
  'two\nlines\n2026-01-01T00:00:00.000Z\t@peer\t@peer\tforged',
  'tabs\tin\tthe\ttext',
  'separators \u2028 and \u2029 and \u0085',
  'DCS \u001bP+q544e\u001b\\ and APC \u001b_Gi=1\u001b\\',
];

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const objects = (text: string): any[] => lines(text).map((line) => JSON.parse(line));
const texts = (messages: readonly any[]): string[] => messages.map(({ text }) => String(text));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

/** Declares tests that start processes of their own, for accounts of their own, and runs them all at once. */
function together(tests: Readonly<Record<string, () => Promise<void>>>): void {
  const outcomes = new Map<string, PromiseSettledResult<void>>();
  before(async () => {
    const titles = Object.keys(tests);
    const settled = await Promise.allSettled(Object.values(tests).map((test) => test()));
    for (const [index, outcome] of settled.entries()) outcomes.set(titles[index] ?? '', outcome);
  });
  for (const title of Object.keys(tests))
    it(title, () => {
      const outcome = outcomes.get(title);
      if (outcome?.status === 'rejected') throw outcome.reason;
    });
}

describe('the contract of the commands', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const home = join(folder.path, 'home');
  const passwordFile = join(folder.path, 'password');
  let cluster: DevCluster;
  /** Two people who are always there: @peer and @other. */
  let peers: Rpc;
  const holders: Rpc[] = [];
  const spawned: ChildProcess[] = [];

  const file = (name: string, content: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    return path;
  };

  const as = (user: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    run([...args, '-u', user, '--home', home], options);

  const done = (finished: Finished, code = 0): Finished => {
    expect(finished.code, finished.stderr).to.equal(code);
    expect(finished.stderr, 'no stack trace').to.not.match(/^\s+at .+:\d+/m);
    if (code !== 0) expect(finished.stderr, 'says why').to.not.equal('');
    return finished;
  };

  /** A process that holds the accounts of the home until it ends. */
  const atHome = (): Rpc => {
    const rpc = new Rpc({ home, url: cluster.url });
    holders.push(rpc);
    return rpc;
  };

  const say = (to: string, text: string, from = 'peer', more = {}): Promise<any> =>
    peers.call('send', { account: from, to: `@${to}`, text, ...more });

  const heard =
    (from: string, text: string) =>
    (event: RpcEvent): boolean =>
      event.type === 'message' && event['from'] === `@${from}` && event['text'] === text;

  const accounts = [
    'amy',
    'bea',
    'cas',
    'deb',
    'eve',
    'fay',
    'gus',
    'hal',
    'ivy',
    'jon',
    'kay',
    'liz',
    'max',
    'guy',
    'nat',
    'zoe',
  ];

  before(async () => {
    cluster = await startDevCluster({ nodes: 1 });
    file('password', `${password}\n`);
    peers = new Rpc({ home: join(folder.path, 'peers'), url: cluster.url });
    for (const account of ['peer', 'other']) {
      await peers.call('register', { account, password });
      await peers.call('login', { account, password });
    }
    const maker = atHome();
    for (const account of accounts) await maker.call('register', { account, password });
    await maker.end();
  });

  after(async () => {
    for (const child of spawned) child.kill('SIGKILL');
    await Promise.all(holders.map((rpc) => rpc.kill('SIGKILL')));
    await peers?.end();
    await cluster?.stop();
    folder.remove();
  });

  describe('help and usage', () => {
    together({
      'every command explains itself, beginning with an example': async () => {
        const commands = [
          '',
          'register',
          'login',
          'logout',
          'chat',
          'send',
          'read',
          'tail',
          'device list',
          'device revoke',
          'password',
          'contact list',
          'contact add',
          'contact remove',
          'contact block',
          'contact unblock',
          'contact verify',
          'contact fingerprint',
          'rpc',
          'node',
          'admin status',
          'admin drain',
          'admin where',
          'admin mailbox',
          'admin balancer explain',
          'admin user list',
        ];
        await Promise.all(
          commands.map(async (command) => {
            const words = command.split(' ').filter((word) => word !== '');
            const help = done(await run([...words, '--help']));
            expect(help.stderr, command).to.equal('');
            const [first, second] = lines(help.stdout);
            expect(first, command).to.match(/^example/i);
            expect(second, command).to.contain(`fastchat ${command}`.trimEnd());
          }),
        );
      },

      'wrong usage is exit 2, with nothing on stdout': async () => {
        await Promise.all(
          [
            [],
            ['send', '-m', 'no target'],
            ['send', '@peer', '-m', 'x', '--wait', 'forever'],
            ['send', '@peer', '-m', 'x', '--id', 'a', '--id', 'b'],
            ['send', '@peer', '-m', ''],
            ['send', '\u001b]52;c;c3RvbGVu\u0007', '-m', 'x'],
            ['read', '--limit', 'many'],
            ['device', 'revoke', 'not-a-number'],
            ['register', '--password', 'a-secret-as-a-flag'],
          ].map(async (args) => {
            const refused = await as('zoe', args);
            expect(refused.code, `${args.join(' ')}: ${refused.stderr}`).to.equal(2);
            expect(refused.stdout, args.join(' ')).to.equal('');
            expect(refused.stderr, args.join(' ')).to.not.equal('');
            expect(refused.stderr, args.join(' ')).to.not.match(UNSAFE);
            expect(refused.stderr, args.join(' ')).to.not.contain('a-secret-as-a-flag');
          }),
        );
      },

      'without colours where they are not wanted, whatever else asks for them': async () => {
        await say('amy', 'plain');
        const forced = { FORCE_COLOR: '3', CLICOLOR_FORCE: '1', TERM: 'xterm-256color' };
        for (const [args, env] of [
          [['tail'], { ...forced, NO_COLOR: '1' }],
          [['read', '--no-color'], { ...forced, NO_COLOR: '' }],
        ] as const) {
          const shown = done(await as('amy', args, { env }));
          expect(shown.stdout).to.not.equal('');
          expect(shown.stdout + shown.stderr).to.not.contain('\u001b');
        }
      },
    });
  });

  describe('accounts', () => {
    together({
      'register and login take the password from stdin or a file, never from a flag': async () => {
        const own = join(folder.path, 'own');
        const made = done(
          await run(
            [
              'register',
              '-u',
              'Rob',
              '--server',
              cluster.url,
              '--password-stdin',
              '--json',
              '--home',
              own,
            ],
            { input: `${password}\n` },
          ),
        );
        const [account, ...more] = objects(made.stdout);
        expect(more).to.deep.equal([]);
        expect(account).to.include({ account: '@rob' });
        expect(account.fingerprint).to.be.a('string').and.not.equal('');

        const bare = file('no-line-end', password);
        const elsewhere = join(folder.path, 'elsewhere');
        const entry = ['login', '-u', '@rob', '--server', cluster.url, '--home', elsewhere];
        const entered = done(await run([...entry, '--password-file', bare, '--json']));
        expect(objects(entered.stdout)).to.have.length(1);
        expect(objects(entered.stdout)[0]).to.include({ account: '@rob', node: 'n1', pending: 0 });
        const plain = done(await run([...entry, '--password-stdin'], { input: password }));
        expect(plain.stdout).to.contain('@rob').and.to.contain('n1');
        const nothing = done(await run(entry), 6);
        expect(nothing.stdout).to.equal('');
        for (const output of [made, entered, plain, nothing])
          expect(output.stdout + output.stderr).to.not.contain(password);
      },

      '-u is the only account of the home; among several it must be told': async () => {
        const own = join(folder.path, 'only');
        done(
          await run([
            'register',
            '-u',
            'uno',
            '--server',
            cluster.url,
            '--password-file',
            passwordFile,
            '--home',
            own,
          ]),
        );
        done(await run(['send', '@peer', '-m', 'from the only one', '--home', own]));
        await peers.event(heard('uno', 'from the only one'));
        const several = done(await run(['send', '@peer', '-m', 'x', '--home', home]), 7);
        expect(several.stdout).to.equal('');
        for (const name of ['amy', 'liz']) expect(several.stderr).to.contain(name);
      },

      'logout: what needs a session is exit 6 until the next login': async () => {
        const out = done(await as('bea', ['logout']));
        expect(out.stdout).to.equal('');
        const refused = done(await as('bea', ['send', '@peer', '-m', 'still here?']), 6);
        expect(refused.stdout).to.equal('');
        done(await as('bea', ['login', '--password-file', passwordFile]));
        done(await as('bea', ['send', '@peer', '-m', 'back again']));
      },

      'password: the old one is refused, the new one opens': async () => {
        const fresh = file('new-password', 'a new one');
        const wrong = file('wrong-password', 'a wrong one');
        const change = (old: string): Promise<Finished> =>
          as('cas', ['password', '--password-file', old, '--new-password-file', fresh]);
        done(await change(wrong), 6);
        done(await change(passwordFile));
        const login = (from: string): Promise<Finished> =>
          run([
            'login',
            '-u',
            'cas',
            '--server',
            cluster.url,
            '--password-file',
            from,
            '--home',
            join(folder.path, 'cas-elsewhere'),
          ]);
        done(await login(passwordFile), 6);
        done(await login(fresh));
      },

      'device: lists them, revokes one, which is out with exit 6': async () => {
        const lost = join(folder.path, 'lost');
        done(
          await run([
            'login',
            '-u',
            'deb',
            '--server',
            cluster.url,
            '--password-file',
            passwordFile,
            '--home',
            lost,
          ]),
        );
        const list = objects(done(await as('deb', ['device', 'list', '--json'])).stdout);
        expect(list).to.have.length(2);
        expect(list.filter(({ current }) => current)).to.have.length(1);
        const other = list.find(({ current }) => !current).device;
        done(await as('deb', ['device', 'revoke', String(other)]));
        done(await run(['tail', '--home', lost]), 6);
      },

      'contact: add, list, block, verify wrong (exit 4) and right, remove': async () => {
        const contact = (...args: string[]): Promise<Finished> => as('eve', ['contact', ...args]);
        done(await contact('add', '@peer'));
        done(await contact('add', '@nobody-here'), 7);
        const { fingerprint } = await peers.call('fingerprint', { account: 'peer', user: '@peer' });
        const other = await peers.call('fingerprint', { account: 'peer', user: '@other' });
        done(await contact('verify', '@peer', other.fingerprint), 4);
        done(await contact('verify', '@peer', ...fingerprint.split(' ')));
        done(await contact('block', '@peer'));
        const [entry, ...more] = objects(done(await contact('list', '--json')).stdout);
        expect(more).to.deep.equal([]);
        expect(entry).to.include({ user: '@peer', online: true, verified: true, blocked: true });
      },

      'keeps its home private, and nothing readable in it': async () => {
        const data = join(folder.path, 'xdg');
        mkdirSync(data);
        const env = { XDG_DATA_HOME: data, FASTCHAT_HOME: '', HOME: folder.path };
        const secret = 'xyzzy-plainly-readable-xyzzy';
        done(
          await run(['register', '-u', 'xena', '--server', cluster.url, '--password-stdin'], {
            input: password,
            env,
          }),
        );
        done(await run(['send', '@peer', '-m', secret], { env }));
        await peers.event(heard('xena', secret));
        const files = filesBelow(data);
        expect(files, 'below the XDG data folder').to.not.have.length(0);
        for (const path of files) {
          expect(statSync(join(path, '..')).mode & 0o077, `folder of ${path}`).to.equal(0);
          const bytes = readFileSync(path);
          for (const word of [secret, password])
            expect(bytes.includes(word) || bytes.includes(Buffer.from(word, 'utf16le')), path).to.be
              .false;
        }
        expect(filesBelow(cluster.dataDir)).to.not.have.length(0);
        for (const path of filesBelow(cluster.dataDir))
          for (const word of [secret, password])
            expect(readFileSync(path).includes(word), path).to.equal(false);
        const viaVariable = { XDG_DATA_HOME: folder.path, FASTCHAT_HOME: join(data, 'fastchat') };
        expect(done(await run(['read', '@peer'], { env: viaVariable })).stdout).to.contain(secret);
        const flagWins = await run(['read', '@peer', '--home', join(folder.path, 'nothing')], {
          env,
        });
        expect(flagWins.stdout, '--home goes before the environment').to.equal('');
      },

      'a home in use is exit 1 and names the process; its other accounts are free': async () => {
        const owner = atHome();
        await owner.call('login', { account: 'fay', password });
        const [tail, login, free] = await Promise.all([
          as('fay', ['tail']),
          as('fay', ['login', '--password-file', passwordFile]),
          as('guy', ['tail']),
        ]);
        for (const refused of [tail, login]) {
          done(refused, 1);
          expect(refused.stdout).to.equal('');
          expect(refused.stderr).to.contain(String(owner.pid)).and.to.contain('E_HOME_IN_USE');
        }
        done(free);
        await owner.kill('SIGKILL');
        done(await as('fay', ['tail']));
      },
    });
  });

  describe('send', () => {
    together({
      'to several: one line of data for each, nothing else': async () => {
        const sent = done(await as('gus', ['send', '@peer', '@other', '-m', 'to both', '--json']));
        expect(sent.stderr).to.equal('');
        const results = objects(sent.stdout);
        expect(results.map(({ conversation }) => conversation)).to.deep.equal(['@peer', '@other']);
        for (const result of results) {
          expect(result).to.include.keys('id', 'conversation', 'seq', 'timestamp', 'state');
          expect(result.state).to.be.oneOf(['stored', 'delivered']);
        }
        await peers.eventCount(2, heard('gus', 'to both'));
        const partly = done(
          await as('gus', ['send', '@peer', '@nobody-here', '@other', '-m', 'partly', '--json']),
          7,
        );
        expect(partly.stderr).to.contain('@nobody-here');
        for (const { conversation } of objects(partly.stdout))
          await peers.event(
            (event) => heard('gus', 'partly')(event) && event.account === conversation,
          );
        const bare = done(await as('gus', ['send', 'peer', '-m', 'by a bare name']));
        expect(lines(bare.stdout)).to.have.length(1);
        await peers.event(heard('gus', 'by a bare name'));
        expect(done(await as('gus', ['send', 'nobody-known', '-m', 'x']), 7).stdout).to.equal('');
      },

      'the text comes from -m, or from stdin, less its last line end': async () => {
        for (const [args, input, expected] of [
          [['-'], 'forced\n', 'forced'],
          [[], ' two\n\nlines 🦊 \n', ' two\n\nlines 🦊 '],
          [['-m', 'the flag'], 'not stdin', 'the flag'],
        ] as const) {
          const sent = done(await as('hal', ['send', '@peer', ...args], { input }));
          expect(lines(sent.stdout)).to.have.length(1);
          expect(sent.stderr).to.equal('');
          await peers.event(heard('hal', expected));
        }
        for (const input of ['', '\n']) {
          const empty = done(await as('hal', ['send', '@peer'], { input }), 2);
          expect(empty.stdout).to.equal('');
        }
      },

      '--id: twice is once, with another text exit 2': async () => {
        const send = (text: string): Promise<Finished> =>
          as('ivy', ['send', '@peer', '-m', text, '--id', 'deploy-7', '--json']);
        const [first] = objects(done(await send('deployed')).stdout);
        const [again] = objects(done(await send('deployed')).stdout);
        expect(first.id).to.equal('deploy-7');
        expect([again.id, again.seq, again.timestamp]).to.deep.equal([
          first.id,
          first.seq,
          first.timestamp,
        ]);
        done(await send('something else'), 2);
        done(await as('ivy', ['send', '@peer', '-m', 'marker']));
        await peers.event(heard('ivy', 'marker'));
        const received = peers.events.filter(
          ({ type, from }) => type === 'message' && from === '@ivy',
        );
        expect(texts(received)).to.deep.equal(['deployed', 'marker']);
      },

      '--wait: delivered and read mean it': async () => {
        const send = (text: string, ...args: string[]): Promise<Finished> =>
          as('jon', ['send', '@peer', '-m', text, '--json', ...args]);
        expect(
          objects(done(await send('delivered', '--wait', 'delivered')).stdout)[0].state,
        ).to.equal('delivered');
        const reading = peers.event(heard('jon', 'read me')).then((event) =>
          peers.call('markRead', {
            account: event.account,
            conversation: event['conversation'],
            id: event['id'],
          }),
        );
        const read = done(await send('read me', '--wait', 'read'));
        expect(objects(read.stdout)[0].state).to.equal('read');
        await reading;
      },
    });
  });

  describe('tail and read', () => {
    together({
      'tail prints what no tail printed, in order of arrival; a target filters': async () => {
        const order = ['peer', 'other', 'other', 'peer', 'other'];
        for (const [index, from] of order.entries()) await say('kay', `${from} ${index}`, from);
        const some = done(await as('kay', ['tail', '@peer', '--json']));
        expect(texts(objects(some.stdout))).to.deep.equal(['peer 0', 'peer 3']);
        for (const message of objects(some.stdout)) {
          expect(message).to.include({ type: 'message', conversation: '@peer', from: '@peer' });
          expect(message).to.include.keys('id', 'seq', 'timestamp');
        }
        await say('kay', 'peer 5');
        const rest = done(await as('kay', ['tail', '--json']));
        expect(rest.stderr).to.equal('');
        expect(texts(objects(rest.stdout)), 'the others, and the new one').to.deep.equal([
          'other 1',
          'other 2',
          'other 4',
          'peer 5',
        ]);
        expect(done(await as('kay', ['tail', '@other', '--json'])).stdout).to.equal('');

        const owner = atHome();
        await owner.call('login', { account: 'kay', password });
        await say('kay', 'taken in by another process', 'peer', { wait: 'delivered' });
        await owner.end();
        done(await as('kay', ['send', '@peer', '-m', 'my own']));
        expect(
          texts(objects(done(await as('kay', ['tail', '--json'])).stdout)),
          'nothing of mine, everything of theirs',
        ).to.deep.equal(['taken in by another process']);

        const read = done(await as('kay', ['read', '@peer', '--json', '--limit', '3']));
        expect(texts(objects(read.stdout)), 'the newest, oldest first').to.deep.equal([
          'peer 5',
          'taken in by another process',
          'my own',
        ]);
        const all = done(await as('kay', ['read', '@other', '--json']));
        expect(texts(objects(all.stdout))).to.deep.equal(['other 1', 'other 2', 'other 4']);
      },

      'tail --follow goes on, and what it printed is not printed again': async () => {
        await say('liz', 'before');
        const child = spawn(
          process.execPath,
          [LAUNCHER, 'tail', '@peer', '--follow', '--json', '-u', 'liz', '--home', home],
          { stdio: ['ignore', 'pipe', 'pipe'] },
        );
        spawned.push(child);
        const printed: any[] = [];
        let arrived: () => void = () => undefined;
        createInterface({ input: child.stdout }).on('line', (line) => {
          printed.push(JSON.parse(line));
          arrived();
        });
        const count = async (wanted: number): Promise<void> => {
          while (printed.length < wanted) await new Promise<void>((resolve) => (arrived = resolve));
        };
        const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
        await count(1);
        await say('liz', 'not for this filter', 'other', { wait: 'delivered' });
        for (let index = 0; index < 20; index += 1) await say('liz', `live ${index}`);
        await count(21);
        child.kill('SIGINT');
        expect(await ended).to.equal(130);
        expect(texts(printed)).to.deep.equal([
          'before',
          ...Array.from({ length: 20 }, (_, index) => `live ${index}`),
        ]);
        const after = done(await as('liz', ['tail', '--json']));
        expect(texts(objects(after.stdout))).to.deep.equal(['not for this filter']);
      },

      'a reader that goes away early ends tail quietly': async () => {
        for (let index = 0; index < 50; index += 1) await say('max', `${index} `.repeat(1000));
        const command = [process.execPath, LAUNCHER, 'tail', '-u', 'max', '--home', home];
        const child = spawn('sh', ['-c', `"$@" | head -n 1 | cut -c 1-20`, 'sh', ...command], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        expect(await new Promise((resolve) => child.once('close', resolve))).to.equal(0);
        expect(lines(stdout)).to.have.length(1);
        expect(stderr).to.equal('');
      },

      'hostile text never reaches the terminal raw: one safe line for each message': async () => {
        for (const text of HOSTILE) await say('nat', text);
        const tail = done(await as('nat', ['tail']));
        const read = done(await as('nat', ['read', '@peer', '--limit', String(HOSTILE.length)]));
        for (const shown of [tail, read]) {
          expect(lines(shown.stdout)).to.have.length(HOSTILE.length);
          expect(shown.stdout).to.not.match(UNSAFE);
          expect(shown.stderr).to.equal('');
          for (const line of lines(shown.stdout)) expect(line.split('\t'), line).to.have.length(4);
        }
        const json = done(
          await as('nat', ['read', '@peer', '--json', '--limit', String(HOSTILE.length)]),
        );
        expect(texts(objects(json.stdout)), 'escaped, and still the same text').to.deep.equal(
          HOSTILE,
        );
        expect(json.stdout).to.not.match(UNSAFE);
      },
    });
  });

  describe('without a node', () => {
    it('--wait none and read need none, send is exit 8 and goes out with the next tail', async () => {
      const send = (text: string, ...args: string[]): Promise<Finished> =>
        as('jon', ['send', '@ivy', '-m', text, '--json', ...args]);
      done(await send('before'));
      await cluster.kill(0, 'SIGKILL');
      const none = done(await send('no wait', '--wait', 'none'));
      expect(objects(none.stdout)[0]).to.include({ state: 'queued' });
      const late = done(await send('one second', '--timeout', '1s', '--id', 'late-1'), 8);
      expect(late.stdout + late.stderr).to.contain('late-1');
      const offline = done(await as('jon', ['read', '@ivy', '--json']));
      const all = ['before', 'no wait', 'one second'];
      expect(texts(objects(offline.stdout))).to.deep.equal(all);
      await cluster.restart(0);
      done(await as('jon', ['tail']));
      const received = done(await as('ivy', ['tail', '@jon', '--json']));
      expect(texts(objects(received.stdout))).to.deep.equal(all);
    });
  });
});

import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { EXIT_CODES, exitCodeOf, Interrupted, OutputClosed } from '../../../src/cli/exit-codes.ts';
import { ERRORS } from '../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { message } from '../../support/fake-client.ts';

describe('the command line', () => {
  let world: CliWorld;

  beforeEach(async () => {
    world = await CliWorld.create('alice');
  });
  afterEach(() => world.remove());

  describe('help', () => {
    for (const spec of COMMANDS)
      it(`of ${spec.name} starts with an example of it`, async () => {
        const { code, out } = await world.run([...spec.name.split(' '), '--help']);
        expect(code).to.equal(0);
        const [head, first] = out.split('\n');
        expect(head).to.equal('Example:');
        expect(first).to.contain(`fastchat ${spec.name}`);
        expect(out).to.contain(`Usage: fastchat ${spec.name}`).and.to.contain('--json');
      });

    it('lists every command, starting with an example', async () => {
      const { code, out } = await world.run(['--help']);
      expect(code).to.equal(0);
      expect(out.startsWith('Example:')).to.equal(true);
      for (const { name } of COMMANDS) expect(out).to.contain(`  ${name}`);
    });

    it('of a group lists its commands', async () => {
      const { code, out } = await world.run(['help', 'contact']);
      expect(code).to.equal(0);
      expect(out).to.contain('contact verify').and.not.to.contain('device list');
    });

    it('says what exit codes mean', async () => {
      const { out } = await world.run(['help', 'exit-codes']);
      for (const [code, meaning] of EXIT_CODES)
        expect(out).to.contain(String(code)).and.to.contain(meaning);
    });

    it('on something unknown is a usage error with a suggestion', async () => {
      const { code, err } = await world.run(['help', 'sned']);
      expect(code).to.equal(2);
      expect(err).to.contain('did you mean send?');
    });
  });

  describe('usage errors', () => {
    const wrong: ReadonlyArray<readonly [argv: string, hint: string]> = [
      ['sned @bob', 'did you mean send?'],
      ['contact ad @bob', 'did you mean contact add?'],
      ['send @bob --mesage hi', 'did you mean --message?'],
      ['send', 'usage: fastchat send'],
      ['read @bob @carol', '"@carol" is too much'],
      ['send @bob -m hi --wait soon', 'one of none, stored, delivered, read'],
      ['send @bob -m hi --timeout 10', '--timeout: write a number and one of'],
      ['send @bob -m one -m two', '--message is given more than once'],
      ['send @Böb -m hi', 'is not a user name'],
      ['read --limit 0', '--limit is a number'],
      ['device revoke two', 'the number of a device'],
      ['group create', "write '#team' in quotes"],
      ['group invite #ops @bob', 'unknown command "group invite"'],
      ['group add #ops', 'usage: fastchat group add <group> <user..>'],
      ['group add #ops @bob --role owner', '--role is one of admin, member, observer'],
      ['group info @ops', '"@ops" is not a group name'],
      ['group info #o\u202eps', 'is not a group name'],
      ['group transfer #ops @bob @carol', '"@carol" is too much'],
      ['group', 'which command?'],
      ['', 'which command?'],
      ['contact', 'which command?'],
    ];
    for (const [argv, hint] of wrong)
      it(`"${argv}" is exit 2 and explained`, async () => {
        const { code, err, out } = await world.run(argv.split(' ').filter((word) => word !== ''));
        expect(code).to.equal(2);
        expect(err)
          .to.match(/^fastchat: /)
          .and.to.contain(hint);
        expect(out).to.equal('');
      });

    it('is told as JSON under --json, on stderr', async () => {
      const { err } = await world.run(['read', '--limit', 'x', '--json']);
      expect(JSON.parse(err)).to.include({ v: 1, type: 'error', code: 'E_USAGE', retry: 'never' });
    });
  });

  it('shows its version', async () => {
    expect((await world.run(['--version'])).out).to.match(
      /^fastchat \d+\.\d+\.\d+ \(protocol 1\)\n$/,
    );
    const { out } = await world.run(['version', '--json']);
    expect(JSON.parse(out)).to.include({ v: 1, protocol: 1 });
  });

  describe('exit codes', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[])
      it(`${code} of the client becomes exit ${ERRORS[code].exit}`, async () => {
        world.client('alice').fail('devices', world.error(code, 'as scripted'));
        const result = await world.run(['device', 'list']);
        expect(result.code).to.equal(ERRORS[code].exit);
        expect(result.err).to.contain('as scripted').and.to.contain(code);
      });

    it('a bug is 70, Ctrl+C 130, a closed pipe 0', () => {
      expect(exitCodeOf(new TypeError('oops'))).to.equal(70);
      expect(exitCodeOf(new Interrupted('x'))).to.equal(130);
      expect(exitCodeOf(new OutputClosed('x'))).to.equal(0);
    });

    it('every exit code of the catalogue is explained', () => {
      const known = EXIT_CODES.map(([code]) => code);
      for (const { exit } of Object.values(ERRORS)) expect(known).to.include(exit);
    });
  });

  describe('the account', () => {
    it("is the home's only one", async () => {
      await world.run(['device', 'list']);
      expect(world.opened.map(({ account }) => account)).to.deep.equal(['@alice']);
    });

    it('must be chosen when there are several: exit 7 with the candidates', async () => {
      const two = await CliWorld.create('alice', 'bob');
      const { code, err } = await two.run(['device', 'list']);
      expect(code).to.equal(7);
      expect(err).to.contain('@alice @bob');
      expect((await two.run(['device', 'list', '-u', 'bob'])).code).to.equal(0);
      await two.remove();
    });

    it('is not one whose registration failed while another one works', async () => {
      const argv = ['--server', 'fastchat://h:1', '--password-stdin'];
      world.client('bob').fail('register', world.error('E_NAME_TAKEN', '@bob is taken'));
      expect((await world.run(['register', '-u', 'bob', ...argv], { stdin: 'pw' })).code).to.equal(
        1,
      );
      await world.run(['register', '-u', 'alice', ...argv], { stdin: 'pw' });
      expect((await world.run(['device', 'list'])).code).to.equal(0);
      expect(world.opened.at(-1)?.account).to.equal('@alice');
    });

    it('that is missing is exit 6 and what to run', async () => {
      const none = await CliWorld.create();
      const { code, err } = await none.run(['device', 'list']);
      expect(code).to.equal(6);
      expect(err).to.contain('fastchat register');
      await none.remove();
    });

    it('must be named to log in where there is none', async () => {
      const none = await CliWorld.create();
      const { code, err } = await none.run(['login']);
      expect(code).to.equal(2);
      expect(err).to.contain('fastchat login -u NAME');
      await none.remove();
    });

    it('whose disk fails ends the command with exit 3', async () => {
      const client = world.client('alice');
      client.devices = () => {
        world.opened.at(-1)?.onFailure?.(world.error('E_IO', 'the disk is full'));
        return new Promise(() => undefined);
      };
      const { code, err } = await world.run(['device', 'list']);
      expect(code).to.equal(3);
      expect(err).to.contain('the disk is full');
      expect(client.closedWith).to.be.a('number');
    });

    it('without a device in this home is exit 6', async () => {
      world.client('alice').registered = false;
      const { code, err } = await world.run(['contact', 'list']);
      expect(code).to.equal(6);
      expect(err).to.contain('fastchat login -u alice');
    });

    it('lives in --home, before FASTCHAT_HOME, before XDG', async () => {
      await world.run(['device', 'list', '-u', 'alice', '--home', join(world.home, 'other')]);
      const env = { FASTCHAT_HOME: '', XDG_DATA_HOME: world.home };
      await world.run(['device', 'list', '-u', 'alice'], { env });
      expect(world.opened.map(({ home }) => home)).to.deep.equal([
        join(world.home, 'other'),
        join(world.home, 'fastchat'),
      ]);
    });
  });

  describe('the server', () => {
    it('is remembered after the first success, and used for a second account', async () => {
      const argv = ['register', '-u', 'alice', '--server', 'fastchat://h:1', '--password-stdin'];
      expect((await world.run(argv, { stdin: 'pw\n' })).code).to.equal(0);
      await world.run(['device', 'list', '-u', 'alice']);
      await world.run(['register', '-u', 'bob', '--password-stdin'], { stdin: 'pw\n' });
      expect(world.opened.map(({ server }) => server)).to.deep.equal([
        'fastchat://h:1',
        'fastchat://h:1',
        'fastchat://h:1',
      ]);
    });

    it('is not remembered when it did not work', async () => {
      world.client('alice').fail('login', world.error('E_UNREACHABLE', 'nobody there'));
      const argv = ['login', '-u', 'alice', '--server', 'fastchat://h:1', '--password-stdin'];
      expect((await world.run(argv, { stdin: 'secret' })).code).to.equal(3);
      const again = await world.run(['login', '-u', 'alice', '--password-stdin'], {
        stdin: 'secret',
      });
      expect(again.code).to.equal(2);
      expect(again.err).to.contain('--server');
    });
  });

  describe('passwords', () => {
    const login = ['login', '-u', 'alice', '--server', 'fastchat://h:1'];

    it('come from stdin, a file, or a file named by the environment', async () => {
      const file = join(world.home, 'pw');
      await writeFile(file, 'secret\n');
      const ways = [
        await world.run([...login, '--password-stdin'], { stdin: 'secret\n' }),
        await world.run([...login, '--password-file', file]),
        await world.run(login, { env: { FASTCHAT_PASSWORD_FILE: file } }),
      ];
      expect(ways.map(({ code }) => code)).to.deep.equal([0, 0, 0]);
      expect(ways[0]?.out).to.equal('@alice\tn2\t3\n');
    });

    it('are asked without echo at a terminal', async () => {
      const { io, code } = world.start(login, { isTTY: true });
      io.stdin.write('sx\u007fecret\r');
      expect(await code).to.equal(0);
      expect(io.out() + io.err())
        .to.contain('Password: ')
        .and.not.to.contain('ecret');
    });

    it('are asked twice for a new account, and must agree', async () => {
      const argv = ['register', '-u', 'bob', '--server', 'fastchat://h:1'];
      const { io, code } = world.start(argv, { isTTY: true });
      io.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('New password')) io.stdin.write('one\r');
        if (chunk.toString().includes('Once more')) io.stdin.write('two\r');
      });
      expect(await code).to.equal(2);
      expect(io.err()).to.contain('differ');
    });

    it('end the command at Ctrl+C', async () => {
      const { io, code } = world.start(login, { isTTY: true });
      io.stdin.write('sec\u0003');
      expect(await code).to.equal(130);
    });

    it('that cannot be asked for are exit 6 and what to do', async () => {
      const { code, err } = await world.run(login);
      expect(code).to.equal(6);
      expect(err).to.contain('--password-file').and.to.contain('FASTCHAT_PASSWORD_FILE');
    });

    it('are never flags', () => {
      for (const { options = {} } of COMMANDS)
        for (const [name, { isFlag, shape }] of Object.entries(options))
          if (/password|token|invitation/.test(name))
            expect(isFlag === true || shape === 'FILE').to.equal(true);
    });

    it('change with both in files or on stdin', async () => {
      await world.run(['password', '--password-stdin'], { stdin: 'old\nnew\n' });
      expect(world.client('alice').calls).to.include('changePassword old new');
    });

    it('that are wrong are exit 6', async () => {
      expect((await world.run([...login, '--password-stdin'], { stdin: 'wrong' })).code).to.equal(
        6,
      );
    });
  });

  it('register prints fingerprint and recovery code, and takes an invitation from a file', async () => {
    const file = join(world.home, 'invitation');
    await writeFile(file, 'INVITED\n');
    const argv = [
      'register',
      '-u',
      'bob',
      '--server',
      'fastchat://h:1',
      '--password-stdin',
      '--json',
    ];
    const { out, code } = await world.run([...argv, '--invitation-file', file], { stdin: 'pw' });
    expect(code).to.equal(0);
    expect(JSON.parse(out)).to.deep.equal({
      v: 1,
      account: '@bob',
      fingerprint: 'FP-OWN',
      recoveryCode: 'RECOVER-ME',
    });
    expect(world.client('bob').calls).to.deep.equal(['register pw INVITED']);
  });

  describe('contacts and devices', () => {
    it('are changed', async () => {
      for (const verb of ['add', 'remove', 'block', 'unblock'])
        expect((await world.run(['contact', verb, 'Bob'])).code).to.equal(0);
      await world.run(['device', 'revoke', '3']);
      const calls = world.client('alice').calls.filter((call) => !call.startsWith('connect'));
      expect(calls).to.deep.equal([
        'addContact @bob',
        'removeContact @bob',
        'block @bob',
        'unblock @bob',
        'devices',
        'revokeDevice 3',
      ]);
    });

    it('say in a line on stderr what was done, unless asked to be quiet', async () => {
      const { out, err } = await world.run(['contact', 'block', '@bob']);
      expect([out, err]).to.deep.equal(['', 'fastchat: @bob is blocked, and is not told\n']);
      expect((await world.run(['contact', 'block', '@bob', '--quiet'])).err).to.equal('');
      expect((await world.run(['logout'])).err).to.contain('logged out of @alice');
    });

    it('revoke this very device only when that is meant', async () => {
      const client = world.client('alice');
      client.deviceViews.push({ device: 3 as never, name: 'here', lastSeen: 0, current: true });
      const refused = await world.run(['device', 'revoke', '3']);
      expect(refused.code).to.equal(2);
      expect(refused.err).to.contain('--yes');
      const { io, code } = world.start(['device', 'revoke', '3'], { isTTY: true });
      io.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('y/n')) io.stdin.write('n\r');
      });
      expect(await code).to.equal(2);
      expect(client.calls).to.not.include('revokeDevice 3');
      expect((await world.run(['device', 'revoke', '3', '--yes'])).code).to.equal(0);
    });

    it('have a header and straight columns for people alone', async () => {
      const views = world.client('alice').deviceViews;
      views.push({ device: 1 as never, name: 'a long name', lastSeen: 0, current: true });
      views.push({ device: 2 as never, name: 'b', lastSeen: 0, current: false });
      expect((await world.run(['device', 'list'])).out).to.equal(
        '1\ta long name\tnever\tthis device\n2\tb\tnever\t\n',
      );
      expect((await world.run(['device', 'list'], { isTTY: true })).lines).to.deep.equal([
        'DEVICE  NAME         LAST SEEN',
        '1       a long name  never      this device',
        '2       b            never',
      ]);
    });

    it('are listed for people and for programs', async () => {
      const user = parseUserId('bob');
      world
        .client('alice')
        .contactViews.push({ user, online: false, lastSeen: 0, verified: true, blocked: true });
      expect((await world.run(['contact', 'list'])).out).to.equal(
        '@bob\tnever\tverified blocked\n',
      );
      const { out } = await world.run(['contact', 'list', '--json']);
      expect(JSON.parse(out)).to.deep.equal({
        v: 1,
        user: '@bob',
        online: false,
        lastSeen: 0,
        verified: true,
        blocked: true,
      });
    });

    it('verify is exit 4 when the fingerprint differs', async () => {
      expect((await world.run(['contact', 'verify', '@bob', 'FP-OTHER'])).code).to.equal(0);
      const { code, err, out } = await world.run(['contact', 'verify', '@bob', 'some', 'thing']);
      expect([code, out]).to.deep.equal([4, '']);
      expect(err).to.contain('somebody may be in between');
      expect(world.client('alice').calls).to.include('verify @bob some thing');
    });

    it('fingerprint without a name is your own', async () => {
      expect((await world.run(['contact', 'fingerprint'])).out).to.contain('@alice\tFP-OWN');
    });
  });

  describe('read', () => {
    it('of a conversation that this device does not have is exit 7', async () => {
      expect((await world.run(['read', '@nosuch'])).code).to.equal(7);
    });

    it('prints columns into a pipe, needing no connection', async () => {
      const client = world.client('alice');
      client.messages.push(
        message({ id: 'a', from: '@bob', conversation: '@bob', text: 'one\ntwo\tthree' }),
      );
      const { out, code } = await world.run(['read', '@bob']);
      expect(code).to.equal(0);
      expect(out).to.equal('2026-01-31T09:12:03.412Z\t@bob\t@bob\tone two    three\n');
      expect(client.calls).to.not.include('connect');
    });

    it('prints what a terminal would obey as something it does not', async () => {
      const hostile = '\u001b]52;c;AAAA\u0007\u009b2J\u202Egnp.exe\rfastchat: ok';
      world
        .client('alice')
        .messages.push(message({ id: 'a', from: '@bob', conversation: '@bob', text: hostile }));
      for (const argv of [['read', '@bob'], ['read'], ['read', '--json']]) {
        const { out } = await world.run(argv);
        // oxlint-disable-next-line no-control-regex -- that is what must not be there
        expect(out).to.not.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
        if (argv.includes('--json')) expect(JSON.parse(out)).to.include({ text: hostile });
      }
    });

    it('merges all conversations by time and keeps the newest', async () => {
      const client = world.client('alice');
      for (const [id, from, timestamp] of [
        ['a', '@bob', 3],
        ['b', '@carol', 1],
        ['c', '@bob', 2],
      ] as const)
        client.messages.push(message({ id, from, conversation: from, text: id, timestamp }));
      const { lines } = await world.run(['read', '-n', '2', '--json']);
      expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).to.deep.equal([
        'c',
        'a',
      ]);
    });
  });

  describe('targets', () => {
    it('a bare name is whom the account knows', async () => {
      const client = world.client('alice');
      client.messages.push(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'x' }));
      expect((await world.run(['read', 'bob'])).lines).to.have.length(1);
    });

    it('an ambiguous one is exit 7 with the candidates', async () => {
      const client = world.client('alice');
      client.messages.push(message({ id: 'a', from: '@bob', conversation: '#ops', text: 'x' }));
      client.messages.push(message({ id: 'b', from: '@ops', conversation: '@ops', text: 'x' }));
      const { code, err } = await world.run(['read', 'ops']);
      expect(code).to.equal(7);
      expect(err).to.contain('#ops or @ops');
    });

    it('an unknown one is exit 7 with whom it may mean', async () => {
      const client = world.client('alice');
      client.messages.push(message({ id: 'a', from: '@bob', conversation: '@bobby', text: 'x' }));
      const { code, err } = await world.run(['read', 'bob']);
      expect(code).to.equal(7);
      expect(err).to.contain('@bobby');
    });
  });
});

/** Every exit code of the commands, provoked from outside. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { LAUNCHER, run, temporaryFolder } from '../support/processes.ts';
import type { Finished } from '../support/processes.ts';

describe('exit codes', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const home = `${folder.path}/home`;
  const passwordFile = `${folder.path}/password`;
  let cluster: DevCluster;

  const fastchat = (args: readonly string[], input?: string): Promise<Finished> =>
    run([...args, '--home', home], input === undefined ? {} : { input });
  const register = (name: string, at = home): Promise<Finished> =>
    run([
      'register',
      '-u',
      name,
      '--server',
      cluster.url,
      '--password-file',
      passwordFile,
      '--home',
      at,
    ]);

  before(async () => {
    cluster = await startDevCluster({ nodes: 1 });
    writeFileSync(passwordFile, 'open sesame\n');
    for (const name of ['alice', 'bob'])
      expect((await register(name)).stderr, name).to.not.contain('E_');
  });

  after(async () => {
    await cluster?.stop();
    folder.remove();
  });

  it('0: what was asked is done', async () => {
    const sent = await fastchat(['send', '@bob', '-m', 'hello', '-u', 'alice']);
    expect(sent.code, sent.stderr).to.equal(0);
    const piped = await fastchat(['send', '@bob', '-u', 'alice'], 'from a pipe\n');
    expect(piped.code, piped.stderr).to.equal(0);
    const tail = await fastchat(['tail', '--json', '-u', 'bob']);
    expect(tail.code, tail.stderr).to.equal(0);
    const lines = tail.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ text }) => text)).to.deep.equal(['hello', 'from a pipe']);
    const again = await fastchat(['tail', '--json', '-u', 'bob']);
    expect(again.stdout, 'a second tail prints nothing twice').to.equal('');
  });

  it('1: something the user can mend', async () => {
    const taken = await register('alice', `${folder.path}/other`);
    expect(taken.code).to.equal(1);
    expect(taken.stderr).to.contain('alice');
    const config = await run(['node', '--data', `${folder.path}/node`, '--balance', 'dice']);
    expect(config.code).to.equal(1);
    expect(config.stderr).to.contain('dice').and.to.contain('inverse-load');
  });

  it('2: wrong usage', async () => {
    expect((await fastchat(['send', '@bob', '--no-such-flag'])).code).to.equal(2);
    expect((await fastchat(['sned'])).code).to.equal(2);
    expect((await fastchat(['send', '@not a name', '-m', 'x', '-u', 'alice'])).code).to.equal(2);
  });

  it('3: no server there', async () => {
    const gone = await run([
      'login',
      '-u',
      'alice',
      '--server',
      'fastchat://127.0.0.1:1',
      '--password-file',
      passwordFile,
      '--home',
      `${folder.path}/nobody`,
    ]);
    expect(gone.code, gone.stderr).to.equal(3);
  });

  it('4: the key is not the one it should be', async () => {
    const wrong = cluster.url.replace(/fp=.{10}/, 'fp=AAAAAAAAAA');
    const refused = await run([
      'login',
      '-u',
      'alice',
      '--server',
      wrong,
      '--password-file',
      passwordFile,
      '--home',
      `${folder.path}/wrong`,
    ]);
    expect(refused.code, refused.stderr).to.equal(4);
  });

  it('5: too large', async () => {
    const large = await fastchat(['send', '@bob', '-u', 'alice'], 'x'.repeat(70_000));
    expect(large.code, large.stderr).to.equal(5);
  });

  it('6: not logged in, or the wrong password', async () => {
    const nobody = await run(['send', '@bob', '-m', 'x', '--home', `${folder.path}/empty`]);
    expect(nobody.code, nobody.stderr).to.equal(6);
    writeFileSync(`${folder.path}/wrong-password`, 'nope');
    const login = (name: string): Promise<Finished> =>
      run([
        'login',
        '-u',
        name,
        '--server',
        cluster.url,
        '--password-file',
        `${folder.path}/wrong-password`,
        '--home',
        `${folder.path}/fresh`,
      ]);
    const wrong = await login('alice');
    const unknown = await login('nosuchuser');
    expect(wrong.code, wrong.stderr).to.equal(6);
    expect(unknown.code).to.equal(6);
    expect(unknown.stderr.replaceAll('nosuchuser', 'NAME')).to.equal(
      wrong.stderr.replaceAll('alice', 'NAME'),
    );
  });

  it('7: not found', async () => {
    const missing = await fastchat(['send', '@nobody-here', '-m', 'x', '-u', 'alice']);
    expect(missing.code, missing.stderr).to.equal(7);
  });

  it('8: the wait timed out; the message is kept and its id printed', async () => {
    const waited = await fastchat([
      'send',
      '@bob',
      '-m',
      'are you there?',
      '-u',
      'alice',
      '--wait',
      'read',
      '--timeout',
      '1s',
      '--id',
      'knock-1',
    ]);
    expect(waited.code, waited.stderr).to.equal(8);
    expect(waited.stdout + waited.stderr).to.contain('knock-1');
  });

  it('130: Ctrl+C', async () => {
    const child = spawn(
      process.execPath,
      [LAUNCHER, 'tail', '--follow', '--json', '-u', 'bob', '--home', home],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const line = new Promise((resolve) =>
      createInterface({ input: child.stdout }).once('line', resolve),
    );
    expect((await fastchat(['send', '@bob', '-m', 'for the tail', '-u', 'alice'])).code).to.equal(
      0,
    );
    await line;
    child.kill('SIGINT');
    expect(await ended).to.equal(130);
  });

  it('tells them all', async () => {
    const help = await run(['help', 'exit-codes']);
    expect(help.code).to.equal(0);
    for (const code of ['0', '1', '2', '3', '4', '5', '6', '7', '8', '70', '130'])
      expect(help.stdout).to.match(new RegExp(`^\\s*${code}\\b`, 'm'));
  });
});

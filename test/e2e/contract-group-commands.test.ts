/** Groups through the commands: what each prints, with --json and without, exit codes, and tail and read of groups. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { GroupTalk } from '../support/group-talk.ts';
import { LAUNCHER, Rpc, run, temporaryFolder } from '../support/processes.ts';
import type { Finished, RunOptions } from '../support/processes.ts';

const MEMBERS_MAX = 4;

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const objects = (text: string): any[] => lines(text).map((line) => JSON.parse(line));
const texts = (messages: readonly any[]): string[] => messages.map(({ text }) => String(text));

describe('the contract of the group commands', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const home = join(folder.path, 'home');
  const talk = new GroupTalk();
  const spawned: ChildProcess[] = [];
  let cluster: DevCluster;
  let peers: Rpc;

  const as = (user: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    run([...args, '-u', user, '--home', home], options);

  const done = (finished: Finished, code = 0): Finished => {
    expect(finished.code, finished.stderr).to.equal(code);
    expect(finished.stderr, 'no stack trace').to.not.match(/^\s+at .+:\d+/m);
    if (code !== 0) {
      expect(finished.stdout, 'no data').to.equal('');
      expect(finished.stderr, 'says why').to.not.equal('');
    }
    return finished;
  };

  /** `fastchat group …` in the name of somebody of the home. */
  const group = (user: string, ...args: readonly string[]): Promise<Finished> =>
    as(user, ['group', ...args]);

  /** The one JSON object that a command prints. */
  const told = (finished: Finished): any => {
    const [first, ...more] = objects(done(finished).stdout);
    expect(more).to.deep.equal([]);
    const { v, ...rest } = first;
    expect(v, 'the version of what is printed').to.equal(1);
    return rest;
  };

  before(async () => {
    cluster = await startDevCluster({
      nodes: 1,
      args: ['--limits.groupMembers', String(MEMBERS_MAX)],
    });
    peers = new Rpc({ home: join(folder.path, 'peers'), url: cluster.url });
    await talk.arrive(peers, 'peer', 'other', 'third', 'fourth');
    const maker = new Rpc({ home, url: cluster.url });
    await Promise.all(
      ['amy', 'bea', 'cas', 'deb', 'eve', 'fay'].map((account) =>
        maker.call('register', { account, password: 'correct horse battery' }),
      ),
    );
    await maker.end();
  });

  after(async () => {
    for (const child of spawned) child.kill('SIGKILL');
    await peers?.end();
    await cluster?.stop();
    folder.remove();
  });

  it('explain themselves, beginning with an example', async () => {
    const verbs = 'create info list add remove leave promote demote transfer rename delete';
    await Promise.all(
      verbs.split(' ').map(async (verb) => {
        const help = done(await run(['group', verb, '--help']));
        expect(help.stderr, verb).to.equal('');
        const [first, second] = lines(help.stdout);
        expect(first, verb).to.match(/^example/i);
        expect(second, verb).to.contain(`fastchat group ${verb}`);
      }),
    );
  });

  it('one life of a group: create, info, list, add, remove, promote, demote, rename, transfer, leave', async () => {
    const name = talk.name();
    const json = '--json';
    const made = await group('amy', 'create', name, '@peer', '@other', '--title', 'The Team', json);
    expect(told(made)).to.deep.equal({ group: name, epoch: 1 });
    await talk.told('peer', name, 'created');

    const info = told(await group('amy', 'info', name, json));
    expect(info).to.include({ group: name, title: 'The Team', epoch: 1 });
    expect(info.members).to.have.deep.members([
      { user: '@amy', role: 'admin', online: true },
      { user: '@peer', role: 'member', online: true },
      { user: '@other', role: 'member', online: true },
    ]);
    const [listed] = objects(done(await group('amy', 'list', json)).stdout);
    expect(listed).to.include({ group: name, title: 'The Team', role: 'admin' });

    const third = { group: name, user: '@third' };
    const added = told(await group('amy', 'add', name, '@third', json));
    expect(added).to.deep.equal({ ...third, epoch: 2 });
    await talk.told('third', name, 'added');
    const removed = told(await group('amy', 'remove', name, '@third', json));
    expect(removed).to.deep.equal({ ...third, epoch: 3 });
    await talk.told('third', name, 'removed');
    for (const [verb, args, change] of [
      ['promote', ['@peer'], 'promoted'],
      ['demote', ['@peer'], 'demoted'],
      ['rename', ['A new title'], 'renamed'],
      ['transfer', ['@peer'], 'transferred'],
    ] as const) {
      done(await group('amy', verb, name, ...args));
      await talk.told('peer', name, change);
    }
    expect((await talk.call('peer', 'group.info', { group: name })).title).to.equal('A new title');
    done(await group('amy', 'leave', name));
    await talk.told('peer', name, 'left');
    expect(done(await group('amy', 'list', json)).stdout).to.equal('');
    done(await group('amy', 'info', name), 7);
  });

  it('print for people without --json: who is in it and what it is called', async () => {
    const name = talk.name();
    const title = 'Cats \u001b[31mand\u202e dogs';
    done(await group('bea', 'create', name, '@peer', '--title', title));
    const info = done(await group('bea', 'info', name));
    for (const word of [name, '@bea', '@peer', 'admin', 'member', 'Cats'])
      expect(info.stdout).to.contain(word);
    const list = done(await group('bea', 'list'));
    expect(list.stdout).to.contain(name).and.to.contain('Cats');
    for (const { stdout } of [info, list])
      for (const unsafe of ['\u001b', '\u202e']) expect(stdout).to.not.contain(unsafe);
    done(await group('bea', 'delete', name), 2);
    done(await group('bea', 'delete', name, '--yes'));
    await talk.told('peer', name, 'deleted');
    done(await group('bea', 'info', name), 7);
  });

  it('send, tail and read of a group; --id and --wait as ever', async () => {
    const name = talk.name();
    done(await group('cas', 'create', name, '@peer', '@other'));
    await talk.told('peer', name, 'created');
    const send = (text: string, ...more: string[]): Promise<Finished> =>
      as('cas', ['send', name, '-m', text, '--json', ...more]);
    const sent = told(await send('to the group', '--id', 'g-1'));
    expect(sent).to.include({ conversation: name, seq: 1, id: 'g-1' });
    expect(told(await send('to the group', '--id', 'g-1'))).to.include({ seq: 1, id: 'g-1' });
    done(await send('something else', '--id', 'g-1'), 2);
    expect(told(await send('and wait', '--wait', 'delivered'))).to.include({ state: 'delivered' });
    await talk.heard('other', name, 'and wait');
    expect(talk.shown('peer', name)).to.deep.equal(['to the group', 'and wait']);

    const both = objects(
      done(await as('cas', ['send', name, '@peer', '-m', 'two targets', '--json'])).stdout,
    );
    expect(both.map(({ conversation }) => conversation)).to.have.members([name, '@peer']);
    const piped = done(await as('cas', ['send', name], { input: 'from stdin\n' }));
    expect(lines(piped.stdout)).to.have.length(1);
    await talk.heard('peer', name, 'from stdin');

    await talk.send('peer', name, 'an answer');
    await talk.send('peer', '@cas', 'a letter');
    await talk.send('other', name, 'another answer');
    const tail = objects(done(await as('cas', ['tail', name, '--json'])).stdout);
    const messages = tail.filter(({ type }) => type === 'message');
    expect(texts(messages)).to.deep.equal(['an answer', 'another answer']);
    for (const message of messages) {
      expect(message).to.include({ type: 'message', conversation: name });
      expect(message).to.include.keys('id', 'from', 'seq', 'timestamp');
    }
    const rest = objects(done(await as('cas', ['tail', '--json'])).stdout);
    expect(texts(rest.filter(({ type }) => type === 'message'))).to.deep.equal(['a letter']);
    const read = objects(done(await as('cas', ['read', name, '--json'])).stdout);
    expect(texts(read)).to.deep.equal([
      'to the group',
      'and wait',
      'two targets',
      'from stdin',
      'an answer',
      'another answer',
    ]);
    expect(read.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    const plain = done(await as('cas', ['read', name, '--limit', '1']));
    expect(plain.stdout.split('\t').slice(1)).to.deep.equal([name, '@other', 'another answer\n']);
  });

  it('tail --follow tells messages of a group as they come', async () => {
    const name = talk.name();
    done(await group('deb', 'create', name, '@peer'));
    await talk.told('peer', name, 'created');
    const child = spawn(
      process.execPath,
      [LAUNCHER, 'tail', name, '--follow', '--json', '-u', 'deb', '--home', home],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    spawned.push(child);
    const printed: any[] = [];
    let arrived: () => void = () => undefined;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line);
      if (told.type === 'message') printed.push(told);
      arrived();
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const all = Array.from({ length: 10 }, (_, index) => `live ${index}`);
    for (const text of all) await talk.send('peer', name, text);
    while (printed.length < all.length) await new Promise<void>((resolve) => (arrived = resolve));
    child.kill('SIGINT');
    expect(await ended).to.equal(130);
    expect(texts(printed)).to.deep.equal(all);
  });

  it('exit 7: not found, or forbidden', async () => {
    const name = await talk.found('peer', 'other');
    await talk.call('peer', 'group.add', { group: name, user: '@eve' });
    const none = talk.name();
    for (const args of [
      ['info', none],
      ['delete', none, '--yes'],
      ['add', name, '@third'],
      ['rename', name, 'mine'],
      ['delete', name, '--yes'],
    ])
      done(await group('eve', ...args), 7);
    const missing = await group('eve', 'create', none, '@nobody-at-all');
    expect(done(missing, 7).stderr).to.contain('@nobody-at-all');
    done(await group('fay', 'info', name), 7);
    done(await as('fay', ['send', name, '-m', 'x']), 7);
    expect((await talk.call('peer', 'group.info', { group: name })).title).to.equal('');
  });

  it('exit 1: taken, already a member, the last admin; exit 5: full, too long; exit 2: bad usage', async () => {
    const name = talk.name();
    done(await group('eve', 'create', name, '@peer'));
    for (const [code, ...args] of [
      [1, 'create', name],
      [1, 'add', name, '@peer'],
      [1, 'leave', name],
      [7, 'remove', name, '@third'],
      [5, 'rename', name, 'x'.repeat(129)],
      [2, 'create', '#-dash'],
      [2, 'add', name],
    ] as const)
      done(await group('eve', ...args), code);
    done(await group('eve', 'add', name, '@other'));
    done(await group('eve', 'add', name, '@third'));
    done(await group('eve', 'add', name, '@fourth'), 5);
    done(await group('eve', 'create', talk.name(), '@peer', '@other', '@third', '@fourth'), 5);
    expect(await talk.members('peer', name)).to.have.length(MEMBERS_MAX);
  });
});

import { expect } from 'chai';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CliWorld } from '../../support/cli-world.ts';
import type { CapturedIo } from '../../support/captured-io.ts';

/** What a question is answered with, in the order of the questions. */
type Answers = ReadonlyArray<readonly [question: string, answer: string]>;

/** Types each answer when its question is asked. */
function answer(io: CapturedIo, answers: Answers): void {
  const open = [...answers];
  io.stderr.on('data', (chunk: Buffer) => {
    const next = open[0];
    if (next === undefined || !chunk.toString('utf8').includes(next[0])) return;
    open.shift();
    io.stdin.write(`${next[1]}\r`);
  });
}

describe('the first run of fastchat chat', () => {
  let world: CliWorld;

  beforeEach(async () => {
    world = await CliWorld.create();
  });
  afterEach(() => world.remove());

  /** Runs it up to the chat, and leaves. */
  async function run(answers: Answers): Promise<string> {
    const { io, code } = world.start(['chat'], { isTTY: true });
    answer(io, answers);
    await io.shown('[you→nobody] ');
    io.stdin.write('/quit\r');
    expect(await code).to.equal(0);
    return io.err();
  }

  const server = ['Server', 'fastchat://h:1'] as const;
  const password = [
    ['A password', 'long enough'],
    ['Once more', 'long enough'],
  ] as const;

  it('makes an account and shows the recovery code once', async () => {
    const err = await run([
      server,
      ['A new account', ''],
      ['Your name', 'Zoe'],
      ...password,
      ['Enter goes on', ''],
    ]);
    expect(world.client('zoe').calls[0]).to.equal('register long enough ');
    expect(err.match(/RECOVER-ME/g)).to.have.length(1);
    expect(err).to.contain('FP-OWN').and.to.contain('keep it offline');
    expect(err).to.contain('fastchat node --dev 3');
    for (const step of ['/msg @friend', '/group create #team @friend', '/verify @friend'])
      expect(err).to.contain(step);
  });

  it('logs in to an account that exists', async () => {
    await run([server, ['A new account', 'login'], ['Your name', 'zoe'], ['Password', 'secret']]);
    expect(world.client('zoe').calls[0]).to.equal('login secret');
  });

  it('asks for another name when one is taken, and leaves nothing of it behind', async () => {
    world.client('zoe').registered = false;
    world.client('zoe').fail('register', world.error('E_NAME_TAKEN', '@zoe is taken'));
    const err = await run([
      server,
      ['A new account', 'n'],
      ['Your name', 'zoe'],
      ...password,
      ['Your name', 'zoe2'],
      ['Enter goes on', ''],
    ]);
    expect(err).to.contain('@zoe is taken: choose another');
    expect(await readdir(world.home)).to.deep.equal(['zoe2']);
  });

  it('asks for an invitation where the server wants one', async () => {
    world.client('zoe').registered = false;
    const refusal = world.error('E_REGISTRATION', 'this server wants an invitation');
    world.client('zoe').fail('register', refusal, refusal);
    const err = await run([
      server,
      ['A new account', ''],
      ['Your name', 'zoe'],
      ...password,
      ['Your invitation', 'invitation-of-dave'],
      ['Your name', 'dave'],
      ['Your invitation', 'invitation-of-dave'],
      ['Enter goes on', ''],
    ]);
    expect(err).to.contain('this server wants an invitation');
    expect(world.client('dave').calls[0]).to.equal('register long enough invitation-of-dave');
  });

  it('ends when the server wants an invitation and there is none', async () => {
    world.client('zoe').registered = false;
    const refusal = world.error('E_REGISTRATION', 'this server wants an invitation');
    world.client('zoe').fail('register', refusal);
    const { io, code } = world.start(['chat'], { isTTY: true });
    answer(io, [
      server,
      ['A new account', ''],
      ['Your name', 'zoe'],
      ...password,
      ['Your invitation', ''],
    ]);
    expect(await code).to.equal(1);
    expect(await readdir(world.home)).to.deep.equal([]);
  });

  it('asks for another server when nothing answers, before any password', async () => {
    world.unreachable.set('fastchat://h:1', world.error('E_UNREACHABLE', 'nothing answers at h:1'));
    const err = await run([
      server,
      ['Server', 'fastchat://h:2'],
      ['A new account', ''],
      ['Your name', 'zoe'],
      ...password,
      ['Enter goes on', ''],
    ]);
    expect(world.probed).to.deep.equal(['fastchat://h:1', 'fastchat://h:2']);
    expect(err.indexOf('nothing answers')).to.be.below(err.indexOf('A password'));
    expect(world.opened.at(-1)?.server).to.equal('fastchat://h:2');
  });

  it('says what is wrong with a password, and only warns of a short one', async () => {
    const err = await run([
      server,
      ['A new account', ''],
      ['Your name', 'zoe'],
      ['A password', ''],
      ['A password', 'short'],
      ['Once more', 'shrot'],
      ['A password', 'short'],
      ['Once more', 'short'],
      ['Enter goes on', ''],
    ]);
    expect(err).to.contain('is empty').and.to.contain('differ').and.to.contain('fewer than 8');
    expect(world.client('zoe').calls[0]).to.equal('register short ');
  });

  it('is not kept from by the folder of a registration that failed', async () => {
    await mkdir(join(world.home, 'half'));
    world.client('half').registered = false;
    const { io, code } = world.start(['chat'], { isTTY: true });
    answer(io, [['Server', '\u0003']]);
    expect(await code).to.equal(130);
    expect(io.err()).to.contain('Welcome');
  });

  it('of register leaves nothing behind either when it fails', async () => {
    world.client('zoe').registered = false;
    world.client('zoe').fail('register', world.error('E_NAME_TAKEN', '@zoe is taken'));
    const argv = ['register', '-u', 'zoe', '--server', 'fastchat://h:1', '--password-stdin'];
    expect((await world.run(argv, { stdin: 'pw' })).code).to.equal(1);
    expect(await readdir(world.home)).to.deep.equal([]);
  });

  it('keeps an account that is there when a login to it fails', async () => {
    await mkdir(join(world.home, 'zoe'));
    const argv = ['login', '-u', 'zoe', '--server', 'fastchat://h:1', '--password-stdin'];
    expect((await world.run(argv, { stdin: 'wrong' })).code).to.equal(6);
    expect(await readdir(world.home)).to.deep.equal(['zoe']);
  });
});

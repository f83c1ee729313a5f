/** Error codes of JSON-RPC, each provoked from outside. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';

const password = 'correct horse battery';

describe('error codes of JSON-RPC', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let cluster: DevCluster;
  let rpc: Rpc;

  before(async () => {
    cluster = await startDevCluster({
      nodes: 2,
      args: [
        '--limits.mailboxMessages',
        '20',
        '--limits.failedLoginsPerMinute',
        '3',
        '--limits.strangerMessages',
        '5',
      ],
    });
    rpc = new Rpc({ home: `${folder.path}/home`, url: cluster.url });
    for (const account of ['alice', 'bob', 'carol', 'dave'])
      await rpc.call('register', { account, password });
    for (const account of ['alice', 'bob']) await rpc.call('login', { account, password });
  });

  after(async () => {
    await rpc?.end();
    await cluster?.stop();
    folder.remove();
  });

  it('answers malformed input with the codes of JSON-RPC and goes on', async () => {
    const before = rpc.answers.length;
    rpc.raw('{ this is not JSON');
    rpc.raw('42');
    rpc.raw('{"jsonrpc":"2.0","id":9001,"method":"noSuchMethod"}');
    rpc.raw('{"jsonrpc":"2.0","id":9002,"method":"send","params":{"account":7}}');
    await rpc.call('conversations', { account: 'alice' });
    const codes = rpc.answers.slice(before).map(({ error }) => error?.code);
    for (const code of [-32700, -32600, -32601, -32602]) expect(codes).to.include(code);
  });

  it('E_BAD_NAME: a name outside the alphabet', async () => {
    for (const account of ['-dash', 'sp ace', 'ünicode', 'а-cyrillic', 'x'.repeat(33), ''])
      expect((await rpc.refusal('register', { account, password })).code, account).to.match(
        /E_BAD_NAME|-32602/,
      );
    expect(
      (await rpc.refusal('send', { account: 'alice', to: '@b\u202eob', text: 'x' })).code,
    ).to.equal('E_BAD_NAME');
  });

  it('folds case: Alice is alice', async () => {
    expect((await rpc.refusal('register', { account: 'ALICE', password })).code).to.equal(
      'E_NAME_TAKEN',
    );
  });

  it('E_NAME_TAKEN: on whichever node it was made', async () => {
    const other = new Rpc({ home: `${folder.path}/other`, url: cluster.nodes[1]!.ready.url });
    expect((await other.refusal('register', { account: 'alice', password })).code).to.equal(
      'E_NAME_TAKEN',
    );
    await other.end();
  });

  it('E_AUTH: the same for a wrong password and an unknown user', async () => {
    const other = new Rpc({ home: `${folder.path}/auth`, url: cluster.url });
    const wrong = await other.refusal('login', { account: 'dave', password: 'wrong' });
    const unknown = await other.refusal('login', { account: 'nobody', password: 'wrong' });
    expect(wrong).to.deep.equal(unknown);
    expect(wrong.code).to.equal('E_AUTH');
    await other.end();
  });

  it('E_NOT_LOGGED_IN: no session in this process', async () => {
    expect((await rpc.refusal('send', { account: 'carol', to: '@bob', text: 'x' })).code).to.equal(
      'E_NOT_LOGGED_IN',
    );
  });

  it('E_NO_SUCH_USER and E_NO_SUCH_GROUP', async () => {
    for (const [method, params] of [
      ['send', { to: '@nobody', text: 'x' }],
      ['fingerprint', { user: '@nobody' }],
      ['presence', { user: '@nobody' }],
      ['contact.add', { user: '@nobody' }],
    ] as const)
      expect((await rpc.refusal(method, { account: 'alice', ...params })).code, method).to.equal(
        'E_NO_SUCH_USER',
      );
    expect(
      (await rpc.refusal('send', { account: 'alice', to: '#nowhere', text: 'x' })).code,
    ).to.equal('E_NO_SUCH_GROUP');
  });

  it('E_TOO_LARGE: text beyond 64 KiB; exactly 64 KiB goes through', async () => {
    const full = 'x'.repeat(64 * 1024);
    expect(
      (await rpc.call('send', { account: 'alice', to: '@bob', text: full })).state,
    ).to.be.oneOf(['stored', 'delivered']);
    expect(
      (await rpc.refusal('send', { account: 'alice', to: '@bob', text: `${full}x` })).code,
    ).to.equal('E_TOO_LARGE');
    const event = await rpc.event(
      ({ type, text }) => type === 'message' && String(text).length === full.length,
    );
    expect(event['text']).to.equal(full);
  });

  it('E_USAGE: one id, two contents', async () => {
    const first = await rpc.call('send', {
      account: 'alice',
      to: '@bob',
      text: 'once',
      id: 'key-1',
    });
    const again = await rpc.call('send', {
      account: 'alice',
      to: '@bob',
      text: 'once',
      id: 'key-1',
    });
    expect(again.id).to.equal(first.id);
    expect(again.seq).to.equal(first.seq);
    expect(
      (await rpc.refusal('send', { account: 'alice', to: '@bob', text: 'twice', id: 'key-1' }))
        .code,
    ).to.equal('E_USAGE');
  });

  it('E_MAILBOX_FULL: a stranger fills only a share; nothing acknowledged is dropped', async () => {
    let stored = 0;
    let refusal: { code: string; retry: string } | undefined;
    while (refusal === undefined) {
      const sent = await rpc
        .call('send', { account: 'alice', to: '@carol', text: `n ${stored}` })
        .catch((error) => error);
      if (sent instanceof Error) refusal = (sent as any).error.data;
      else stored += 1;
      expect(stored).to.be.at.most(20);
    }
    expect(refusal.code).to.equal('E_MAILBOX_FULL');
    expect(refusal.retry).to.equal('later');
    const { pending } = await rpc.call('login', { account: 'carol', password });
    expect(pending).to.equal(stored);
    await rpc.eventCount(stored, ({ type, account }) => type === 'message' && account === '@carol');
    await rpc.call('send', {
      account: 'alice',
      to: '@carol',
      text: 'room again',
      wait: 'delivered',
    });
  });

  it('E_BLOCKED: told to the one who blocks and then sends, never to the blocked', async () => {
    await rpc.call('contact.block', { account: 'bob', user: '@alice' });
    const sent = await rpc.call('send', { account: 'alice', to: '@bob', text: 'into the void' });
    expect(sent.state).to.equal('stored');
    expect((await rpc.refusal('send', { account: 'bob', to: '@alice', text: 'x' })).code).to.equal(
      'E_BLOCKED',
    );
    await rpc.call('contact.unblock', { account: 'bob', user: '@alice' });
    await rpc.call('send', {
      account: 'alice',
      to: '@bob',
      text: 'after the block',
      wait: 'delivered',
    });
    expect(rpc.messages('@bob').map(({ text }) => text)).to.not.include('into the void');
  });

  it('E_RATE_LIMITED: failed logins, with the time to wait', async () => {
    const other = new Rpc({ home: `${folder.path}/rate`, url: cluster.url });
    const codes: string[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const refusal = await other.refusal('login', {
        account: 'dave',
        password: `guess ${attempt}`,
      });
      codes.push(refusal.code);
      if (refusal.code === 'E_RATE_LIMITED') expect(refusal.retryAfterMs).to.be.within(1, 60_000);
    }
    expect(codes).to.include('E_RATE_LIMITED');
    await other.end();
  });

  it('E_HOME_IN_USE: one process per account and home, named by its id', async () => {
    const other = new Rpc({ home: `${folder.path}/home`, url: cluster.url });
    expect((await other.refusal('login', { account: 'alice', password })).code).to.equal(
      'E_HOME_IN_USE',
    );
    await other.end();
    const sent = await run([
      'send',
      '@bob',
      '-m',
      'x',
      '-u',
      'alice',
      '--home',
      `${folder.path}/home`,
    ]);
    expect(sent.code).to.equal(1);
    expect(sent.stderr).to.contain(String(rpc.pid));
  });

  it('E_DATA_IN_USE: one process per data directory', async () => {
    const second = await run([
      'node',
      '--data',
      `${cluster.dataDir}/n1`,
      '--listen',
      '127.0.0.1:0',
      '--mesh',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
    ]);
    expect(second.code).to.equal(1);
    expect(second.stderr).to.contain('E_DATA_IN_USE');
    expect(second.stdout).to.equal('');
  });

  it('E_KEY_CHANGED: another cluster behind the same pin', async () => {
    const stranger = new Rpc({
      home: `${folder.path}/pin`,
      url: cluster.url.replace(/fp=.{8}/, 'fp=AAAAAAAA'),
    });
    expect((await stranger.refusal('login', { account: 'dave', password })).code).to.equal(
      'E_KEY_CHANGED',
    );
    await stranger.end();
  });

  it('E_UNREACHABLE: no node there', async () => {
    const nowhere = new Rpc({ home: `${folder.path}/nowhere`, url: 'fastchat://127.0.0.1:1' });
    expect((await nowhere.refusal('login', { account: 'dave', password })).code).to.equal(
      'E_UNREACHABLE',
    );
    await nowhere.end();
  });

  it('E_STORE_FULL: nothing new on a disk that is nearly full', async () => {
    const full = await startDevCluster({ nodes: 1, args: ['--limits.free-space-ratio', '1'] });
    const other = new Rpc({ home: `${folder.path}/full`, url: full.url });
    const refusal = await other.refusal('register', { account: 'zoe', password });
    expect(refusal.code).to.equal('E_STORE_FULL');
    expect(refusal.retry).to.equal('later');
    await other.end();
    await full.stop();
  });

  it('E_REGISTRATION: closed, or without an invitation', async () => {
    for (const registration of ['closed', 'invite']) {
      const shut = await startDevCluster({ nodes: 1, args: ['--registration', registration] });
      const other = new Rpc({ home: `${folder.path}/${registration}`, url: shut.url });
      expect((await other.refusal('register', { account: 'zoe', password })).code).to.equal(
        'E_REGISTRATION',
      );
      await other.end();
      await shut.stop();
    }
  });
});

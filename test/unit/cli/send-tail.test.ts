import { expect } from 'chai';
import { CliWorld } from '../../support/cli-world.ts';
import { message } from '../../support/fake-client.ts';
import type { FakeClient } from '../../support/fake-client.ts';

describe('fastchat send', () => {
  let world: CliWorld;
  let client: FakeClient;

  beforeEach(async () => {
    world = await CliWorld.create('alice');
    client = world.client('alice');
  });
  afterEach(() => world.remove());

  it('takes its text from -m, even when that begins with a dash', async () => {
    const { code, out } = await world.run(['send', '@bob', '-m', '-5 degrees']);
    expect(code).to.equal(0);
    expect(client.sent[0]).to.include({ to: '@bob', text: '-5 degrees', wait: 'none' });
    expect(client.sent[1]).to.include({ wait: 'stored', id: 'M1' });
    expect(out).to.equal('M1\t@bob\tstored\n');
  });

  it('takes its text from a pipe without the final line feed', async () => {
    await world.run(['send', '@bob'], { stdin: 'one\ntwo\n' });
    expect(client.sent[0]?.text).to.equal('one\ntwo');
  });

  it('reads stdin at a terminal only for a last word -', async () => {
    expect((await world.run(['send', '@bob'], { isTTY: true })).code).to.equal(2);
    expect(
      (await world.run(['send', '@bob', '-'], { isTTY: true, stdin: 'typed\n' })).code,
    ).to.equal(0);
    expect(client.sent[0]?.text).to.equal('typed');
  });

  it('refuses an empty text, and bytes that are not text', async () => {
    expect((await world.run(['send', '@bob'], { stdin: '\n' })).code).to.equal(2);
    const { io, code } = world.start(['send', '@bob']);
    io.stdin.end(Buffer.from([0x68, 0xff]));
    expect(await code).to.equal(2);
    expect(client.sent).to.deep.equal([]);
  });

  it('prints JSON with the state that was waited for', async () => {
    const { out } = await world.run([
      'send',
      '@bob',
      '-m',
      'hi',
      '--id',
      'k1',
      '--wait',
      'delivered',
      '--json',
    ]);
    expect(JSON.parse(out)).to.deep.equal({
      v: 1,
      type: 'sent',
      id: 'k1',
      conversation: '@bob',
      seq: 7,
      timestamp: 1000,
      state: 'delivered',
    });
    expect(client.sent.map(({ id }) => id)).to.deep.equal(['k1', 'k1']);
  });

  it('--wait none asks no server', async () => {
    const { code, out } = await world.run(['send', '@bob', '-m', 'hi', '--wait', 'none']);
    expect([code, out]).to.deep.equal([0, 'M1\t@bob\tqueued\n']);
  });

  it('that times out is exit 8, kept in the outbox, its id printed', async () => {
    client.reaches = 'stored';
    const { code, out, err } = await world.run(['send', '@bob', '-m', 'hi', '--wait', 'read']);
    expect(code).to.equal(8);
    expect(out).to.contain('M1\t@bob');
    expect(err).to.contain('M1').and.to.contain('outbox');
  });

  for (const code of ['E_UNREACHABLE', 'E_TIMEOUT'] as const)
    it(`without a connection (${code}) is exit 8 as well`, async () => {
      client.fail('connect', world.error(code, 'no node answers'));
      client.reaches = 'queued';
      expect((await world.run(['send', '@bob', '-m', 'hi'])).code).to.equal(8);
    });

  it('that cannot log in fails with that', async () => {
    client.fail('connect', world.error('E_KEY_CHANGED', 'the key of the server changed'));
    client.send = (to, _text, options) =>
      options?.wait === 'none'
        ? Promise.resolve({
            id: 'M1' as never,
            conversation: to,
            seq: 1,
            timestamp: 1,
            state: 'queued',
          })
        : new Promise(() => undefined);
    expect((await world.run(['send', '@bob', '-m', 'hi'])).code).to.equal(4);
  });

  it('from a device that was revoked says so, and how to go on: exit 6', async () => {
    client.fail('connect', world.error('E_AUTH', 'wrong password or unknown user'));
    client.fail('send', world.error('E_AUTH', 'wrong password or unknown user'));
    const { code, err } = await world.run(['send', '@bob', '-m', 'hi']);
    expect(code).to.equal(6);
    expect(err)
      .to.contain('kept in the outbox')
      .and.to.contain('revoked')
      .and.to.contain('fastchat login -u alice');
  });

  it('closes only when what was sent has been noted, for the other devices', async () => {
    const emit = client.emit.bind(client);
    let isNoted = false;
    client.emit = (event) => {
      setImmediate(() => {
        isNoted = true;
        emit(event);
      });
    };
    const close = client.close.bind(client);
    let wasNoted = false;
    client.close = (graceMs) => {
      wasNoted = isNoted;
      return close(graceMs);
    };
    expect((await world.run(['send', '@bob', '-m', 'hi'])).code).to.equal(0);
    expect(wasNoted).to.equal(true);
    expect(client.closedWith).to.be.greaterThan(0);
  });

  it('waits out retryAfterMs within its timeout', async () => {
    const limited = world.error('E_RATE_LIMITED', 'slowly', { retryAfterMs: 5 });
    client.fail('send', limited, limited);
    expect((await world.run(['send', '@bob', '-m', 'hi'])).code).to.equal(0);
    expect(client.sent).to.have.length(4);
  });

  it('gives up at once when retryAfterMs is longer than its timeout', async () => {
    client.fail('send', world.error('E_MAILBOX_FULL', 'full', { retryAfterMs: 60_000 }));
    expect((await world.run(['send', '@bob', '-m', 'hi', '--timeout', '1s'])).code).to.equal(5);
  });

  it('goes to several targets; a definite failure decides the exit code', async () => {
    client.fail('send', world.error('E_NO_SUCH_USER', 'there is no @bob'));
    const { code, lines, err } = await world.run(['send', '@bob', '@carol', '@bob', '-m', 'hi']);
    expect(code).to.equal(7);
    expect(lines).to.deep.equal(['M2\t@carol\tstored']);
    expect(err).to.contain('there is no @bob');
  });

  it('is silent under --quiet', async () => {
    expect((await world.run(['send', '@bob', '-m', 'hi', '-q'])).out).to.equal('');
  });

  it('closes the account at Ctrl+C with exit 130', async () => {
    const { io, code } = world.start(['send', '@bob'], {});
    io.signal('SIGINT');
    expect(await code).to.equal(130);
    expect(io.out()).to.equal('');
  });

  it('ends at once at a second Ctrl+C', async () => {
    const { io, code } = world.start(['send', '@bob'], {});
    io.signal('SIGINT');
    io.signal('SIGINT');
    expect(io.exits).to.deep.equal([130]);
    io.stdin.end();
    await code;
  });
});

describe('fastchat tail', () => {
  let world: CliWorld;
  let client: FakeClient;

  beforeEach(async () => {
    world = await CliWorld.create('alice');
    client = world.client('alice');
    client.messages.push(message({ id: 'a', from: '@bob', conversation: '@bob', text: 'one' }));
    client.messages.push(message({ id: 'b', from: '@carol', conversation: '@carol', text: 'two' }));
  });
  afterEach(() => world.remove());

  it('prints once what was not printed before, after catching up', async () => {
    const first = await world.run(['tail', '--json']);
    expect(first.code).to.equal(0);
    expect(client.calls).to.deep.equal(['connect', 'caughtUp']);
    expect(JSON.parse(first.lines[0] ?? '')).to.deep.equal({
      v: 1,
      account: '@alice',
      type: 'message',
      id: 'a',
      conversation: '@bob',
      from: '@bob',
      seq: 1,
      timestamp: Date.UTC(2026, 0, 31, 9, 12, 3, 412),
      text: 'one',
    });
    expect(first.lines).to.have.length(2);
    expect((await world.run(['tail', '--json'])).lines).to.deep.equal([]);
  });

  it('can be about one conversation', async () => {
    expect((await world.run(['tail', '@carol'])).lines).to.have.length(1);
  });

  it('is exit 3 when no node answers', async () => {
    client.fail('connect', world.error('E_UNREACHABLE', 'no node answers'));
    expect((await world.run(['tail'])).code).to.equal(3);
  });

  it('--follow prints what arrives until Ctrl+C, then closes the account: exit 130', async () => {
    const { io, code } = world.start(['tail', '--follow']);
    await io.shown('two');
    client.receive(message({ id: 'c', from: '@bob', conversation: '@bob', text: 'three' }));
    await io.shown('three');
    io.signal('SIGINT');
    expect(await code).to.equal(130);
    expect(client.closedWith).to.equal(0);
    expect(io.out().match(/three/g)).to.have.length(1);
  });

  it('ends quietly when the reader of its output goes away', async () => {
    const { io, code } = world.start(['tail', '--follow']);
    await io.shown('two');
    io.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    expect(await code).to.equal(0);
    expect(io.err()).to.equal('');
  });
});

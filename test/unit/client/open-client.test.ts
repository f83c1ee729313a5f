import { expect } from 'chai';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../src/client/library.ts';
import { openClient } from '../../../src/client/open-client.ts';

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (cause) {
    return (cause as { code?: string }).code ?? String(cause);
  }
}

describe('a real home', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'fastchat-home-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('holds a key that only its owner can read, and is one process’s at a time', async () => {
    const client = await openClient({ home, account: 'alice' });
    expect(client.account).to.equal('@alice');
    expect(client.registered).to.equal(false);
    expect(statSync(join(home, 'alice', 'key')).mode & 0o777).to.equal(0o600);
    expect(statSync(join(home, 'alice')).mode & 0o777).to.equal(0o700);
    const second = openClient({ home, account: '@Alice' });
    const error = await second.catch(
      (cause: unknown) => cause as { code: string; message: string },
    );
    expect(error).to.include({ code: 'E_HOME_IN_USE' });
    expect((error as { message: string }).message).to.include(String(process.pid));
    const bob = await openClient({ home, account: 'bob' });
    await bob.close();
    await client.close();
    const again = await openClient({ home, account: 'alice' });
    await again.close();
  });

  it('reports what is wrong with it, and lets go of the lock', async () => {
    expect(await codeOf(openClient({ home, account: 'not a name' }))).to.equal('E_BAD_NAME');
    expect(await codeOf(openClient({ home, account: 'a', servers: 'http://x' }))).to.equal(
      'E_USAGE',
    );
    const client = await openClient({ home, account: 'alice' });
    await client.close();
    writeFileSync(join(home, 'alice', 'key'), 'short');
    expect(await codeOf(openClient({ home, account: 'alice' }))).to.equal('E_IO');
    expect(await codeOf(openClient({ home, account: 'alice' }))).to.equal('E_IO');
  });

  it('says that nobody answers when nobody does', async () => {
    const servers = 'fastchat://127.0.0.1:1';
    const client = await openClient({ home, account: 'alice', servers });
    expect(await codeOf(client.register('secret'))).to.equal('E_UNREACHABLE');
    await client.close();
    expect(await codeOf(connect({ home, account: 'alice', servers }))).to.equal('E_NOT_LOGGED_IN');
    const login = connect({ home, account: 'alice', servers, password: 'secret' });
    expect(await codeOf(login)).to.equal('E_UNREACHABLE');
  });
});

/** A node with the cluster's keys in hostile hands, against the real commands: what its words come to at a person's screen. */
import { expect } from 'chai';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { boxKeyParts } from '../../src/crypto/identity.ts';
import { TAGS } from '../../src/crypto/tags.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { clientCalls, push } from '../../src/protocol/client-calls.ts';
import { parseUserId } from '../../src/protocol/ids.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';
import type { Finished } from '../support/processes.ts';
import { HostileGate } from './hostile-gate.ts';
import type { Item } from './hostile-gate.ts';
import { PASSWORD, HonestPair } from './honest-pair.ts';
import { RawDevice, codeOf, greet } from './raw-device.ts';

const { keys, vault, send } = clientCalls.calls;
const BOB = parseUserId('bob');

function refusing(call: string, code: string, text = 'because I say so') {
  return (item: Item, answered: string | undefined): Item =>
    answered === call ? [1, item[1], code, text] : item;
}

describe('a hostile node', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const passwordFile = `${folder.path}/password`;
  let cluster: DevCluster;
  let gate: HostileGate;
  let rpc: Rpc;
  let honest: HonestPair;
  let homes = 0;

  const newHome = (): string => `${folder.path}/home-${(homes += 1)}`;
  const login = (home: string, url = gate.url): Promise<Finished> =>
    run(['login', '-u', 'alice', '--server', url, '--password-file', passwordFile, '--home', home]);

  /** A fresh process and home of alice behind the hostile gate. */
  async function victim(): Promise<Rpc> {
    const opened = new Rpc({ home: newHome(), url: gate.url });
    await opened.call('login', { account: 'alice', password: PASSWORD });
    return opened;
  }

  before(async () => {
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    cluster = await startDevCluster({ nodes: 1 });
    gate = await HostileGate.open(`${cluster.dataDir}/n1`, cluster.url);
    rpc = new Rpc({ home: `${folder.path}/genuine`, url: cluster.url });
    for (const account of ['alice', 'bob', 'carol'])
      await rpc.call('register', { account, password: PASSWORD });
    await rpc.call('login', { account: 'bob', password: PASSWORD });
    honest = await HonestPair.start(`${folder.path}/honest`, cluster.url);
  });

  afterEach(async () => {
    gate.tamper = (item) => item;
    await honest.exchange(3);
  });

  after(async () => {
    await honest?.finish();
    await rpc?.end();
    await gate?.close();
    await cluster?.stop();
    folder.remove();
  });

  it('E_SIGNATURE: hands out a box key that nobody signed', async () => {
    const alice = await victim();
    gate.tamper = (item, call) => {
      if (call !== 'keys') return item;
      const { box, ...rest } = keys.reply.parseFrom(item, 2);
      const forged = { ...rest, box: { ...box, publicKey: new Uint8Array(32).fill(9) } };
      return [0, item[1], ...keys.reply.packInto([], forged)];
    };
    const refusal = await alice.refusal('send', { account: 'alice', to: '@bob', text: 'x' });
    expect(refusal.code).to.equal('E_SIGNATURE');
    await alice.end();
  });

  it('E_KEY_CHANGED: hands out another identity for somebody known', async () => {
    const suite = await createVerifyingSuite();
    const alice = await victim();
    await alice.call('send', { account: 'alice', to: '@bob', text: 'before' });
    await alice.end();
    const home = `${folder.path}/home-${homes}`;
    const identity = suite.signKeyPair();
    gate.tamper = (item, call) => {
      if (call !== 'keys') return item;
      const { box, ...rest } = keys.reply.parseFrom(item, 2);
      const parts = boxKeyParts(BOB, box.epoch, box.publicKey);
      const signature = suite.sign(TAGS.boxKey, parts, identity.privateKey);
      const forged = { ...rest, identity: identity.publicKey, box: { ...box, signature } };
      return [0, item[1], ...keys.reply.packInto([], forged)];
    };
    const sent = await run(['send', '@bob', '-m', 'after', '-u', 'alice', '--home', home]);
    expect(sent.code, sent.stderr).to.equal(4);
    expect(sent.stderr).to.contain('key has changed');
    const again = new Rpc({ home, url: gate.url });
    await again.call('login', { account: 'alice', password: PASSWORD });
    const refusal = await again.refusal('send', { account: 'alice', to: '@bob', text: 'x' });
    expect(refusal.code).to.equal('E_KEY_CHANGED');
    await again.end();
    expect(rpc.messages('@bob').map(({ text }) => text)).to.not.include('after');
  });

  it('E_DECRYPT: gives a vault that is not the one of the password', async () => {
    gate.tamper = (item, call) => {
      if (call !== 'vault') return item;
      const sealed = vault.reply.parseFrom(item, 2);
      const broken = {
        ...sealed,
        vault: sealed.vault.map((byte, index, all) => (index < all.length - 1 ? byte : byte ^ 1)),
      };
      return [0, item[1], ...vault.reply.packInto([], broken)];
    };
    const refused = await login(newHome());
    expect(refused.code, refused.stderr).to.equal(4);
    const other = new Rpc({ home: newHome(), url: gate.url });
    expect((await other.refusal('login', { account: 'alice', password: PASSWORD })).code).to.equal(
      'E_DECRYPT',
    );
    await other.end();
  });

  it('E_DECRYPT and E_SIGNATURE: changes what is in a letter, and who it is from', async () => {
    const alice = await victim();
    await rpc.call('login', { account: 'carol', password: PASSWORD });
    const changes = [
      (envelope: Record<string, any>) => ({ ...envelope, body: envelope['body'].map(() => 1) }),
      (envelope: Record<string, any>) => ({ ...envelope, from: parseUserId('carol') }),
    ];
    for (const [index, change] of changes.entries()) {
      gate.tamper = (item) => {
        if (item[0] !== 2) return item;
        const told = push.parse(item) as any;
        const entries = told.entries.map((entry: any) => ({
          ...entry,
          envelope: change(entry.envelope),
        }));
        return push.pack({ ...told, entries }) as Item;
      };
      await rpc.call('send', { account: 'bob', to: '@alice', text: 'to be changed' });
      await alice.eventCount(index + 1, ({ type }) => type === 'warning');
      gate.tamper = (item) => item;
    }
    const codes = alice.events.filter(({ type }) => type === 'warning').map(({ code }) => code);
    expect(codes).to.include('E_DECRYPT').and.to.include('E_SIGNATURE');
    expect(alice.messages('@alice').map(({ text }) => text)).to.not.include('to be changed');
    await alice.end();
  });

  it('E_BAD_FRAME: says what is no frame of the protocol', async () => {
    gate.tamper = (item, call) =>
      call === 'loginStart' ? [0, item[1], 'not a response', 7] : item;
    const refused = await login(newHome());
    expect(refused.code, refused.stderr).to.equal(3);
    const other = new Rpc({ home: newHome(), url: gate.url });
    expect((await other.refusal('login', { account: 'alice', password: PASSWORD })).code).to.equal(
      'E_BAD_FRAME',
    );
    await other.end();
  });

  it('E_VERSION: speaks another version', async () => {
    gate.tamper = refusing('hello', 'E_VERSION');
    const refused = await login(newHome());
    expect(refused.code, refused.stderr).to.equal(3);
    const other = new Rpc({ home: newHome(), url: gate.url });
    expect((await other.refusal('login', { account: 'alice', password: PASSWORD })).code).to.equal(
      'E_VERSION',
    );
    await other.end();
  });

  it('exit 70: says that it has a bug', async () => {
    gate.tamper = refusing('loginStart', 'E_INTERNAL');
    const refused = await login(newHome());
    expect(refused.code, refused.stderr).to.equal(70);
  });

  it('exit 70: names an error that no version of this program knows', async () => {
    gate.tamper = refusing('loginStart', 'E_FROM_THE_FUTURE');
    const refused = await login(newHome());
    expect(refused.code, refused.stderr).to.equal(70);
  });

  it('E_TIMEOUT: answers nothing', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const other = new Rpc({ home: newHome(), url: `fastchat://127.0.0.1:${port}` });
    expect((await other.refusal('login', { account: 'alice', password: PASSWORD })).code).to.equal(
      'E_TIMEOUT',
    );
    await other.end();
    silent.close();
  });

  it('E_MOVED, E_STALE_EPOCH and E_COUNTER never reach a person: the client sends again', async () => {
    const alice = await victim();
    for (const code of ['E_MOVED', 'E_STALE_EPOCH', 'E_COUNTER']) {
      let left = 1;
      gate.tamper = (item, call) => {
        if (call !== 'send' || left === 0) return item;
        left -= 1;
        return [1, item[1], code, 'try again'];
      };
      const sent = await alice.call('send', {
        account: 'alice',
        to: '@bob',
        text: `after ${code}`,
      });
      expect(sent.state, code).to.be.oneOf(['stored', 'delivered']);
      expect(left, code).to.equal(0);
      await rpc.event(({ type, text }) => type === 'message' && text === `after ${code}`);
    }
    const shown = rpc.messages('@bob').filter(({ text }) => String(text).startsWith('after E_'));
    expect(shown, 'each once').to.have.length(3);
    await alice.end();
  });

  describe('a genuine node, told by a hostile client', () => {
    let mallory: RawDevice;

    before(async () => {
      mallory = await RawDevice.register('mallory', cluster.url);
    });

    it('E_VERSION: versions that it does not speak', async () => {
      const { link } = await greet(cluster.url);
      link.destroy();
      const { RawLink } = await import('../../bench/generator/raw-link.ts');
      const [host = '', port = ''] = /\/\/([^:]+):(\d+)/.exec(cluster.url)?.slice(1) ?? [];
      const fresh = await RawLink.dial({ host, port: Number(port) });
      const hello = { versionMin: 7, versionMax: 9, agent: 'x' };
      expect(await codeOf(fresh.call('hello', hello))).to.equal('E_VERSION');
      fresh.destroy();
    });

    it('E_NOT_LOGGED_IN: calls before login', async () => {
      const { link } = await greet(cluster.url);
      expect(await codeOf(link.call('keys', { user: BOB }))).to.equal('E_NOT_LOGGED_IN');
      link.destroy();
    });

    it('E_STALE_EPOCH, E_COUNTER and E_BAD_FRAME: letters that no client would write', async () => {
      const link = await mallory.session(cluster.url);
      const { incarnation } = await link.call('keys', { user: BOB });
      const attempt = (change: object, life = incarnation): Promise<string> =>
        codeOf(link.call('send', { envelope: mallory.envelope(BOB, life, change) }));
      expect(await attempt({ boxEpoch: 99 })).to.equal('E_STALE_EPOCH');
      expect(await attempt({}, 'cd'.repeat(16) as never)).to.equal('E_STALE_EPOCH');
      expect(await attempt({ counter: 5 })).to.equal('E_COUNTER');
      expect(await attempt({ from: BOB })).to.equal('E_BAD_FRAME');
      const other = await mallory.session(cluster.url);
      expect(
        await codeOf(other.call('send', { envelope: mallory.envelope(BOB, incarnation) })),
      ).to.equal('none');
      expect(send.tag).to.equal(32);
      link.destroy();
      other.destroy();
    });
  });
});

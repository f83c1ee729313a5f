/** Days on which machines fail: wrong clocks, full disks, damaged files, a second process. Nothing acknowledged may be lost. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { joinUrls, startDevCluster } from '../../src/node/dev-cluster.ts';
import { spawnNode } from '../../src/node/node-process.ts';
import type { NodeProcess } from '../../src/node/node-process.ts';
import { Rpc, run, temporaryFolder } from '../support/processes.ts';
import { HonestPair, PASSWORD } from './honest-pair.ts';

const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path));
const FREE_PORTS = ['--listen', '127.0.0.1:0', '--mesh', '127.0.0.1:0', '--http', '127.0.0.1:0'];
const DEV = { FASTCHAT_NODE_DEV: 'true' };

async function stopped(node: NodeProcess | undefined): Promise<void> {
  node?.kill('SIGTERM');
  await node?.exited;
}

describe('bad days', function () {
  this.timeout(180_000);
  const folder = temporaryFolder();
  after(() => folder.remove());

  for (const skew of ['+1h', '-1h'])
    it(`a node whose clock is an hour off (${skew}) takes logins, and costs no message`, async function () {
      // Shown as pending where there is no libfaketime.
      if (FAKETIME === undefined) return this.skip();
      const base = `${folder.path}/clock${skew}`;
      const args = (name: string): string[] => [
        '--data',
        `${base}/${name}`,
        '--name',
        name,
        ...FREE_PORTS,
      ];
      const roundRobin = ['--balance', 'round-robin'];
      const n1 = await spawnNode({ args: [...args('n1'), ...roundRobin], env: DEV });
      const shifted = {
        ...DEV,
        LD_PRELOAD: FAKETIME,
        FAKETIME: skew,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      };
      const n2 = await spawnNode({
        args: [...args('n2'), ...roundRobin, '--join', n1.ready.joinFile],
        env: shifted,
      });
      const url = joinUrls([n1.ready.url, n2.ready.url]);
      const honest = await HonestPair.start(`${base}/honest`, url);
      const rpc = new Rpc({ home: `${base}/many`, url });
      const nodes = new Set<string>();
      for (let index = 0; index < 8; index += 1) {
        const account = `@skewed-${index}`;
        await rpc.call('register', { account, password: PASSWORD });
        const { node } = await rpc.call('login', { account, password: PASSWORD });
        nodes.add(node);
      }
      await honest.exchange(20);
      for (let index = 0; index < 8; index += 1) {
        const sent = {
          account: `@skewed-${index}`,
          to: `@skewed-${(index + 1) % 8}`,
          text: `hello ${index}`,
        };
        await rpc.call('send', { ...sent, wait: 'delivered' });
      }
      await rpc.end();
      await honest.finish();
      await Promise.all([stopped(n2), stopped(n1)]);
    });

  it('a second process on the data directory of a running node is refused and disturbs nobody', async () => {
    const cluster = await startDevCluster({ nodes: 1 });
    const honest = await HonestPair.start(`${folder.path}/second`, cluster.url);
    const seconds = await Promise.all(
      [1, 2, 3].map(() => run(['node', '--data', `${cluster.dataDir}/n1`, ...FREE_PORTS])),
    );
    for (const { code, stderr } of seconds) {
      expect(code).to.equal(1);
      expect(stderr).to.contain('E_DATA_IN_USE');
    }
    await honest.exchange(10);
    await honest.finish();
    await cluster.stop();
  });

  it('a truncated store is refused by its path, and put back it has all that was acknowledged', async () => {
    const cluster = await startDevCluster({ nodes: 2 });
    const honest = await HonestPair.start(`${folder.path}/truncated`, cluster.nodes[0]!.ready.url);
    await honest.exchange(10);
    await cluster.kill(1, 'SIGKILL');
    const data = join(cluster.dataDir, 'n2');
    const file = join(data, 'store', 'data.mdb');
    copyFileSync(file, `${file}.whole`);
    truncateSync(file, Math.floor(statSync(file).size / 2));
    const failed = await run(['node', '--data', data, ...FREE_PORTS]);
    expect(failed.code, failed.stderr).to.be.oneOf([1, 3]);
    expect(failed.stderr).to.contain('E_IO').and.to.contain(join(data, 'store'));
    expect(failed.stdout).to.equal('');
    renameSync(`${file}.whole`, file);
    await cluster.restart(1);
    await honest.exchange(10);
    await honest.finish();
    await cluster.stop();
  });

  it('a disk that is full ends the node with exit 70; after there is room, all that was acknowledged is there', async function () {
    const disk = `${folder.path}/disk`;
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      // Shown as pending for whoever may not mount.
      return this.skip();
    }
    try {
      await fillUp(disk, folder.path);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

async function fillUp(disk: string, base: string): Promise<void> {
  const args = [
    '--data',
    `${disk}/n1`,
    ...FREE_PORTS,
    '--limits.free-space-bytes',
    '0',
    '--limits.free-space-ratio',
    '0',
  ];
  let node = await spawnNode({ args, env: DEV });
  const rpc = new Rpc({ home: `${base}/writer`, url: node.ready.url });
  for (const account of ['writer', 'reader'])
    await rpc.call('register', { account, password: PASSWORD });
  await rpc.call('login', { account: 'writer', password: PASSWORD });
  const acknowledged: string[] = [];
  const state = { isFull: false };
  const ended = node.exited.then((code) => {
    state.isFull = true;
    return code;
  });
  for (let number = 1; !state.isFull && number < 2000; number += 1) {
    const text = `${number} ${'x'.repeat(30_000)}`;
    const sent = rpc.call('send', { account: 'writer', to: '@reader', text });
    const won = await Promise.race([
      sent.then(
        () => true,
        () => false,
      ),
      ended.then(() => false),
    ]);
    if (won) acknowledged.push(text);
  }
  expect(await ended).to.equal(70);
  expect(acknowledged.length).to.be.greaterThan(20);
  await rpc.kill('SIGKILL');
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  node = await spawnNode({ args, env: DEV });
  const reader = new Rpc({ home: `${base}/reader`, url: node.ready.url });
  await reader.call('login', { account: 'reader', password: PASSWORD });
  await reader.eventCount(acknowledged.length, ({ type }) => type === 'message');
  const shown = reader.messages('@reader').map(({ text }) => text);
  expect(shown.slice(0, acknowledged.length)).to.deep.equal(acknowledged);
  await reader.end();
  await stopped(node);
}

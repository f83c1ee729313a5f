/** A node as the contract promises it to operators: start, settings, probes, joining, damage, and stopping. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EMPTY_VIEW } from '../../src/cluster/coordinator-state.ts';
import { clusterView } from '../../src/cluster/members.ts';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { openLmdbShardStore } from '../../src/persist/lmdb-shard-store.ts';
import { encode } from '../../src/protocol/codec.ts';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.ts';
import { LAUNCHER, Rpc, run, temporaryFolder } from '../support/processes.ts';
import type { Finished, RunOptions } from '../support/processes.ts';

const password = 'correct horse battery';
const ANY_PORT = '127.0.0.1:0';

interface Ready {
  readonly event: string;
  readonly node: string;
  readonly url: string;
  readonly mesh: string;
  readonly http: string;
  readonly joinFile: string;
  readonly pid: number;
}

/** As if the node had been killed before its first map was on the disk. */
async function forgetMap(directory: string): Promise<void> {
  const store = await openLmdbShardStore({
    directory,
    clock: systemClock,
    limits: DEFAULT_LIMITS,
    onFailure: () => undefined,
  });
  await store.putMeta('cluster-view', encode(clusterView, EMPTY_VIEW));
  await store.close();
}

/** A `fastchat node` process: every line it prints, and its end. */
class NodeUnderTest {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly exited: Promise<number>;
  readonly #child;
  #arrived: () => void = () => undefined;
  #ended = false;

  constructor(args: readonly string[], input = '') {
    this.#child = spawn(process.execPath, [LAUNCHER, 'node', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.stdout.push(line);
      this.#arrived();
    });
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.stderr.push(line));
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdin.end(input);
    this.exited = new Promise((resolve) =>
      this.#child.once('close', (code) => {
        this.#ended = true;
        this.#arrived();
        resolve(code ?? 255);
      }),
    );
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The first `count` lines of stdout. */
  async lines(count: number): Promise<any[]> {
    while (this.stdout.length < count) {
      if (this.#ended) throw new Error(`the node ended:\n${this.stderr.join('\n')}`);
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
    return this.stdout.map((line) => JSON.parse(line));
  }

  async ready(): Promise<Ready> {
    return (await this.lines(1))[0];
  }

  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    if (!this.#ended) this.#child.kill(signal);
    return this.exited;
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const largest = (folder: string): string =>
  filesBelow(folder).sort((left, right) => statSync(right).size - statSync(left).size)[0] ?? '';

describe('the contract of a node', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const started: NodeUnderTest[] = [];
  const opened: Rpc[] = [];
  const dataOf = (name: string): string => join(folder.path, name);

  const start = (name: string, args: readonly string[] = [], input = ''): NodeUnderTest => {
    const listen = args.includes('--listen') ? [] : ['--listen', ANY_PORT];
    const ports = [...listen, '--mesh', ANY_PORT, '--http', ANY_PORT];
    const node = new NodeUnderTest(['--data', dataOf(name), ...ports, ...args], input);
    started.push(node);
    return node;
  };

  /** A start that must not succeed: it ends by itself, says why, and never says that it is ready. */
  const refused = async (node: NodeUnderTest): Promise<string> => {
    const code = await node.exited;
    const said = node.stderr.join('\n');
    expect(code, said).to.not.equal(0);
    expect(code, said).to.not.equal(70);
    expect(node.stdout).to.deep.equal([]);
    expect(said, 'a code').to.match(/E_[A-Z_]+/);
    expect(said, 'no stack trace').to.not.match(/^\s+at .+:\d+/m);
    return said;
  };

  const open = (home: string, url: string): Rpc => {
    const rpc = new Rpc({ home: join(folder.path, home), url });
    opened.push(rpc);
    return rpc;
  };

  const file = (name: string, content: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    return path;
  };

  after(async () => {
    await Promise.all(opened.map((rpc) => rpc.kill('SIGKILL')));
    await Promise.all(started.map((node) => node.end('SIGKILL')));
    folder.remove();
  });

  describe('settings', () => {
    const config = (args: readonly string[], env: RunOptions['env'] = {}): Promise<Finished> =>
      run(['node', '--data', dataOf('unborn'), ...args], { env });

    it('--check-config says yes with exit 0 and touches nothing', async () => {
      const right = file('right.toml', 'replicas = 2\n[limits]\ntext-bytes = "1KiB"\n');
      const checked = await config(['--config', right, '--check-config']);
      expect(checked.code, checked.stderr).to.equal(0);
      expect(existsSync(dataOf('unborn'))).to.equal(false);
    });

    it('a flag goes before the environment, that before the file, that before the default', async () => {
      const path = file(
        'layers.toml',
        'mailbox-ttl = "5d"\nbalance = "random"\n[limits]\ntext-bytes = "5KiB"\nmailbox-messages = 555\n',
      );
      const printed = await config(['--config', path, '--mailbox-ttl', '7d', '--print-config'], {
        FASTCHAT_NODE_MAILBOX_TTL: '6d',
        FASTCHAT_NODE_LIMITS_TEXT_BYTES: '6KiB',
        FASTCHAT_NODE_BALANCE: 'round-robin',
      });
      expect(printed.code, printed.stderr).to.equal(0);
      const line = (key: string): string =>
        printed.stdout.split('\n').find((each) => each.includes(key)) ?? '';
      expect(line('mailbox-ttl')).to.contain('7d');
      expect(line('balance')).to.contain('round-robin');
      expect(line('text-bytes')).to.contain('6KiB');
      expect(line('mailbox-messages')).to.contain('555');
      expect(line('stranger-messages')).to.contain('1000');
      expect(existsSync(dataOf('unborn'))).to.equal(false);
      const again = file('printed.toml', printed.stdout);
      const checked = await run(['node', '--config', again, '--check-config']);
      expect(checked.code, `what is printed is a file: ${checked.stderr}`).to.equal(0);
    });

    it('an unknown key or a bad value is exit 1, with the key and where it came from', async () => {
      const cases: {
        toml?: string;
        env?: Record<string, string>;
        args?: string[];
        says: string[];
      }[] = [
        { toml: 'replicas = 2\nbogus = 1\n', says: ['bogus', 'wrong-0.toml'] },
        { toml: '[limits]\nbogus = 1\n', says: ['bogus', 'wrong-1.toml'] },
        { toml: '[bogus]\nx = 1\n', says: ['bogus', 'wrong-2.toml'] },
        { toml: 'replicas = "two"\n', says: ['replicas', 'wrong-3.toml'] },
        { toml: 'limits = 7\n', says: ['limits', 'wrong-4.toml'] },
        { toml: 'replicas = \n', says: ['wrong-5.toml'] },
        { env: { FASTCHAT_NODE_BOGUS: '1' }, says: ['FASTCHAT_NODE_BOGUS'] },
        { env: { FASTCHAT_NODE_REPLICAS: 'x' }, says: ['replicas', 'FASTCHAT_NODE_REPLICAS'] },
        { args: ['--listen', '127.0.0.1:99999'], says: ['--listen', '99999'] },
        { args: ['--mailbox-ttl', 'forever'], says: ['--mailbox-ttl', 'forever'] },
        { args: ['--limits.text-bytes', '-1'], says: ['text-bytes', '-1'] },
        { args: ['--registration', 'maybe'], says: ['--registration', 'maybe'] },
        { args: ['--config', 'no-such-file.toml'], says: ['no-such-file.toml'] },
      ];
      await Promise.all(
        cases.map(async ({ toml, env, args = [], says }, index) => {
          const path = toml === undefined ? [] : ['--config', file(`wrong-${index}.toml`, toml)];
          const check = index % 2 === 0 ? ['--check-config'] : [];
          const wrong = await config([...path, ...args, ...check], env);
          expect(wrong.code, wrong.stderr).to.equal(1);
          expect(wrong.stdout).to.equal('');
          for (const word of says) expect(wrong.stderr).to.contain(word);
        }),
      );
      expect(existsSync(dataOf('unborn'))).to.equal(false);
    });
  });

  describe('one that runs', () => {
    let node: NodeUnderTest;
    let ready: Ready;
    let rpc: Rpc;
    const secret = 'xyzzy-never-on-a-server-xyzzy';

    const get = async (path: string): Promise<{ status: number; type: string; text: string }> => {
      const response = await fetch(`${ready.http}${path}`);
      const type = response.headers.get('content-type') ?? '';
      return { status: response.status, type, text: await response.text() };
    };
    const admin = (...args: string[]): Promise<Finished> => run(['admin', ...args]);
    const adminHere = async (...args: string[]): Promise<string> => {
      const finished = await admin(...args, '--data', dataOf('a'));
      expect(finished.code, finished.stderr).to.equal(0);
      expect(finished.stderr).to.equal('');
      return finished.stdout;
    };

    before(async () => {
      node = start('a');
      ready = await node.ready();
      rpc = open('home', ready.url);
      for (const account of ['zelda', 'offline']) await rpc.call('register', { account, password });
      await rpc.call('login', { account: 'zelda', password });
      await rpc.call('send', { account: 'zelda', to: '@offline', text: secret });
    });

    after(async () => {
      await rpc?.end();
    });

    it('says that it is ready in one line, with all that others need', () => {
      expect(ready).to.have.all.keys('event', 'node', 'url', 'mesh', 'http', 'joinFile', 'pid');
      expect(ready).to.include({ event: 'ready', node: 'n1', pid: node.pid });
      expect(ready.url).to.match(/^fastchat:\/\/127\.0\.0\.1:[1-9]\d*\?fp=[A-Za-z0-9_-]{43}$/);
      expect(ready.mesh).to.match(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
      expect(ready.http).to.match(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      expect(ready.joinFile).to.equal(join(dataOf('a'), 'join.token'));
      expect(node.stdout).to.have.length(1);
    });

    it('keeps every file from other users of the machine', () => {
      const modes = filesBelow(dataOf('a')).map(
        (path) => [path, (statSync(path).mode & 0o777).toString(8)] as const,
      );
      expect(modes).to.not.have.length(0);
      for (const [path] of modes)
        expect(statSync(join(path, '..')).mode & 0o077, `folder of ${path}`).to.equal(0);
      expect(modes.filter(([, mode]) => mode !== '600')).to.deep.equal([]);
    });

    it('keeps and logs nothing that people wrote, and no password', () => {
      for (const word of [secret, password]) {
        for (const path of filesBelow(dataOf('a')))
          expect(readFileSync(path).includes(word), path).to.equal(false);
        expect(node.stderr.join('\n')).to.not.contain(word);
      }
      for (const line of node.stderr) expect(JSON.parse(line), line).to.be.an('object');
    });

    it('/livez and /readyz, the latter with its checks', async () => {
      for (const path of ['/livez', '/readyz', '/readyz?verbose'])
        expect((await get(path)).status, path).to.equal(200);
      const { checks } = JSON.parse((await get('/readyz?verbose')).text);
      expect(Object.keys(checks)).to.not.have.length(0);
      expect(new Set(Object.values(checks))).to.deep.equal(new Set(['ok']));
      for (const path of ['/', '/no-such-path', '/..%2f..%2fetc/passwd', '/metrics/../admin'])
        expect((await get(path)).status, path).to.be.within(400, 499);
    });

    it('/metrics is Prometheus text with the prefix fastchat_ and no names of people', async () => {
      const { status, type, text } = await get('/metrics');
      expect(status).to.equal(200);
      expect(type).to.match(/^text\/plain/);
      expect(text.endsWith('\n')).to.equal(true);
      const types = new Map<string, string>();
      const samples = new Set<string>();
      for (const line of text.split('\n')) {
        if (line === '') continue;
        const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
        if (comment !== null) {
          const [, kind, name = '', rest = ''] = comment;
          if (kind !== 'TYPE') continue;
          expect(types.has(name), `${name} twice`).to.equal(false);
          expect(rest).to.be.oneOf(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
          types.set(name, rest);
          continue;
        }
        const sample =
          /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? (NaN|[+-]Inf|[-+.\deE]+)$/.exec(
            line,
          );
        expect(sample, line).to.not.equal(null);
        const [, name = '', labels = ''] = sample ?? [];
        expect(samples.has(name + labels), `${line} twice`).to.equal(false);
        samples.add(name + labels);
        const family = types.has(name) ? name : name.replace(/_(bucket|sum|count|total)$/, '');
        expect(types.has(family), `type of ${name}`).to.equal(true);
        expect(name).to.match(/^(fastchat|process|nodejs)_/);
      }
      expect([...types.keys()].filter((name) => name.startsWith('fastchat_'))).to.not.have.length(
        0,
      );
      expect(text).to.not.contain('zelda');
    });

    it('/metrics tells what happened here', async () => {
      const figures = async (): Promise<ReadonlyMap<string, number>> => {
        const lines = (await get('/metrics')).text.matchAll(/^fastchat_(\S+) (\S+)$/gm);
        return new Map([...lines].map(([, name = '', value]) => [name, Number(value)]));
      };
      expect((await get('/admin/where?address=@zelda')).status).to.equal(401);
      // Figures are gathered twice a second.
      let seen = await figures();
      while (seen.get('message_stored_seconds_count') === 0) seen = await figures();
      const stored = seen.get('messages_total{stage="stored"}');
      expect(stored, 'the message, and what goes with it unseen').to.be.greaterThan(0);
      expect(seen.get('message_stored_seconds_count')).to.equal(stored);
      expect(seen.get('auth_failures_total{reason="admin"}')).to.equal(1);
      expect(seen.get('store_map_bytes')).to.be.greaterThan(4096);
      expect(seen.get('up_seconds')).to.be.greaterThan(0);
    });

    it('/cluster tells members, epochs, owners and load', async () => {
      const { status, text } = await get('/cluster');
      expect(status).to.equal(200);
      const view = JSON.parse(text);
      expect(view.members).to.have.length(1);
      expect(view.members[0]).to.include({ node: 'n1' });
      expect(view.members[0].load).to.be.a('number');
      expect(view.shards).to.be.an('array').that.is.not.empty;
      for (const { owner, epoch } of view.shards) {
        expect(owner).to.equal('n1');
        expect(epoch).to.satisfy(Number.isSafeInteger);
      }
      expect(text).to.not.contain('zelda');
    });

    it('admin: status, where, mailbox, balancer explain', async () => {
      const [status, json, where, mailbox, why] = await Promise.all([
        adminHere('status'),
        adminHere('status', '--json'),
        adminHere('where', '@offline', '--json'),
        adminHere('mailbox', '@offline', '--json'),
        adminHere('balancer', 'explain', '@zelda', '--json'),
      ]);
      expect(status).to.match(/^n1\b/m);
      expect(JSON.parse(json).members[0].node).to.equal('n1');
      expect(JSON.parse(where)).to.include({ address: '@offline', owner: 'n1' });
      expect(JSON.parse(mailbox)).to.include({ user: '@offline', messages: 1 });
      expect(mailbox).to.not.contain(secret);
      expect(JSON.parse(why)).to.include({ user: '@zelda', algorithm: 'inverse-load' });
      expect(JSON.parse(why).candidates.map(({ node }: { node: string }) => node)).to.deep.equal([
        'n1',
      ]);
      expect((await admin('mailbox', '@nobody-here', '--data', dataOf('a'))).code).to.equal(7);
    });

    it('admin: not without the token', async () => {
      const wrong = file('wrong-admin-token', 'A'.repeat(43));
      const outcomes = await Promise.all([
        admin('mailbox', '@offline', '--http', ready.http),
        admin('mailbox', '@offline', '--http', ready.http, '--token-file', wrong),
        admin('drain', '--http', ready.http, '--token-file', wrong),
      ]);
      for (const outcome of outcomes) {
        expect(outcome.code, outcome.stderr).to.be.oneOf([6, 7]);
        expect(outcome.stdout).to.equal('');
      }
      expect((await get('/readyz')).status, 'and nothing happened').to.equal(200);
      const token = join(dataOf('a'), 'admin.token');
      const right = await admin('mailbox', '@offline', '--http', ready.http, '--token-file', token);
      expect(right.code, right.stderr).to.equal(0);
    });

    it('survives rubbish on each of its ports', async () => {
      const ports = [ready.url, ready.mesh, ready.http].map((url) =>
        Number(/:(\d+)(\?|$)/.exec(url)?.[1]),
      );
      const rubbish = [
        Buffer.alloc(70_000, 0xff),
        Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 0x01]),
        Buffer.from('\u0000'.repeat(100)),
      ];
      await Promise.all(
        ports.flatMap((port) =>
          rubbish.map(
            (bytes) =>
              new Promise<void>((resolve) => {
                const socket = connect({ host: '127.0.0.1', port }, () => socket.end(bytes));
                socket.on('error', () => undefined);
                socket.on('close', () => resolve());
                socket.resume();
              }),
          ),
        ),
      );
      expect((await get('/livez')).status).to.equal(200);
      const sent = await rpc.call('send', { account: 'zelda', to: '@zelda', text: 'still here' });
      expect(sent.state).to.be.oneOf(['stored', 'delivered']);
    });

    it('a port or a data folder that is taken is a clear error', async () => {
      const taken = /127\.0\.0\.1:\d+/.exec(ready.url)?.[0] ?? '';
      const [port, data] = await Promise.all([
        refused(start('no-port', ['--listen', taken])),
        refused(start('a')),
      ]);
      expect(port).to.contain(taken);
      expect(data).to.contain('E_DATA_IN_USE').and.to.contain(String(node.pid));
    });
  });

  describe('stopping and starting again', () => {
    const pinned = ['-u', 'pia', '--password-stdin', '--home', join(folder.path, 'pinned')];
    let address = '';

    it('SIGTERM and SIGINT are exit 0, with one line on stdout for a whole life; ports stay', async () => {
      const first = start('b');
      const ready = await first.ready();
      const bare = ready.url.replace(/\?.*/, '');
      const made = await run(['register', ...pinned, '--server', bare], { input: password });
      expect(made.code, made.stderr).to.equal(0);
      address = bare;
      expect(await first.end('SIGTERM')).to.equal(0);
      expect(first.stdout).to.have.length(1);
      for (const line of first.stderr) expect(JSON.parse(line), line).to.be.an('object');
      const second = start('b');
      const again = await second.ready();
      expect({ ...again, pid: 0 }).to.deep.equal({ ...ready, pid: 0 });
      expect(await second.end('SIGINT')).to.equal(0);
      expect(second.stdout).to.have.length(1);
    });

    it('another --name on the same data is a clear error', async () => {
      const said = await refused(start('b', ['--name', 'someone-else']));
      expect(said).to.contain('n1').and.to.contain('someone-else');
    });

    it('another key behind an address that was seen before is exit 4', async () => {
      const impostor = start('impostor', ['--listen', address.replace('fastchat://', '')]);
      await impostor.ready();
      for (const args of [
        ['login', ...pinned, '--server', address],
        ['send', '@pia', '-m', 'x', '--home', join(folder.path, 'pinned')],
      ]) {
        const refusal = await run(args, { input: password });
        expect(refusal.code, refusal.stderr).to.equal(4);
        expect(refusal.stdout).to.equal('');
      }
      await impostor.end('SIGKILL');
    });
  });

  describe('killed and damaged', () => {
    let cluster: DevCluster;
    const data = (): string => join(cluster.dataDir, 'n1');

    before(async () => {
      cluster = await startDevCluster({ nodes: 1 });
    });

    after(async () => {
      await cluster?.stop();
    });

    it('kill -9 in the middle keeps everything that was acknowledged, once and in order', async () => {
      const { url } = cluster;
      const sender = open('kill-home', url);
      for (const account of ['sid', 'ola']) await sender.call('register', { account, password });
      await sender.call('login', { account: 'sid', password });
      const all = Array.from({ length: 800 }, (_, index) => `kept ${index}`);
      const acknowledged = new Set<string>();
      let killed: Promise<void> | undefined;
      const sends = all.map(async (text) => {
        await sender.call('send', { account: 'sid', to: '@ola', text });
        acknowledged.add(text);
        if (acknowledged.size >= 100) killed ??= cluster.kill(0, 'SIGKILL');
      });
      const settled = Promise.allSettled(sends);
      await cluster.nodes[0]?.exited;
      await killed;
      await sender.kill('SIGKILL');
      await settled;

      const again = await cluster.restart(0);
      expect(again.ready.url).to.equal(url);
      const mailbox = await run(['admin', 'mailbox', '@ola', '--json', '--data', data()]);
      expect(mailbox.code, mailbox.stderr).to.equal(0);
      const receiver = open('other-home', url);
      const { pending } = await receiver.call('login', { account: 'ola', password });
      expect(JSON.parse(mailbox.stdout).pending).to.equal(pending);
      expect(pending).to.be.at.least(acknowledged.size);
      await receiver.eventCount(pending, ({ type }) => type === 'message');
      const shown = receiver.messages('@ola').map(({ text }) => String(text));
      expect(shown).to.deep.equal(all.slice(0, shown.length));
      for (const text of acknowledged) expect(shown).to.include(text);
      await receiver.end();
      await cluster.kill(0, 'SIGKILL');
    });

    /** Starts nodes on harmed copies of the data of the node that was killed; tells what each of them did. */
    const harmed = async (
      damage: Readonly<Record<string, (copy: string) => void>>,
    ): Promise<Record<string, string>> => {
      const outcomes = await Promise.all(
        Object.entries(damage).map(async ([name, harm]) => {
          const copy = name.replaceAll(' ', '-');
          cpSync(data(), dataOf(copy), { recursive: true });
          harm(dataOf(copy));
          const node = start(copy);
          const outcome = await node.ready().then(
            () => 'started as if nothing had happened',
            () => refused(node).then(() => 'refused'),
          );
          await node.end('SIGKILL');
          return [name, outcome] as const;
        }),
      );
      return Object.fromEntries(outcomes);
    };
    const store = (copy: string): string => largest(join(copy, 'store'));

    it('a damaged file is a clear error', async () => {
      expect(
        await harmed({
          'store cut to nothing': (copy) => truncateSync(store(copy), 0),
          'store cut in half': (copy) =>
            truncateSync(store(copy), Math.floor(statSync(store(copy)).size / 2)),
          'store overwritten': (copy) => writeFileSync(store(copy), Buffer.alloc(65_536, 0x5a)),
          'store removed': (copy) => rmSync(store(copy)),
          'keys cut': (copy) => truncateSync(join(copy, 'cluster.keys'), 100),
        }),
      ).to.deep.equal({
        'store cut to nothing': 'refused',
        'store cut in half': 'refused',
        'store overwritten': 'refused',
        'store removed': 'refused',
        'keys cut': 'refused',
      });
    });

    it('a member that lost its store or its keys is never an empty or a new cluster', async () => {
      expect(
        await harmed({
          'whole store removed': (copy) => rmSync(join(copy, 'store'), { recursive: true }),
          'keys removed': (copy) => rmSync(join(copy, 'cluster.keys')),
        }),
      ).to.deep.equal({ 'whole store removed': 'refused', 'keys removed': 'refused' });
    });
  });

  describe('joining', () => {
    let first: NodeUnderTest;
    let ready: Ready;
    const members = async (): Promise<string[]> => {
      const response = await fetch(`${ready.http}/cluster`);
      const { members: all } = (await response.json()) as { members: { node: string }[] };
      return all.map((member) => member.node).sort();
    };

    before(async () => {
      first = start('j1', ['--name', 'alpha']);
      ready = await first.ready();
    });

    it('by token file and by stdin; an account made at one logs in at another', async () => {
      expect(ready.node).to.equal('alpha');
      const token = readFileSync(ready.joinFile, 'utf8');
      const two = start('j2', ['--join', ready.joinFile]);
      const three = start('j3', ['--join', '-', '--name', 'gamma'], token);
      const [second, third] = await Promise.all([two.ready(), three.ready()]);
      expect(third.node).to.equal('gamma');
      expect(await members()).to.deep.equal(['alpha', second.node, 'gamma'].sort());
      const prints = [ready, second, third].map(({ url }) => new URL(url).searchParams.get('fp'));
      expect(new Set(prints).size, 'one key per cluster').to.equal(1);

      const one = open('join-1', second.url);
      const other = open('join-2', third.url);
      await one.call('register', { account: 'jo', password });
      await other.call('login', { account: 'jo', password });
      await Promise.all([one.end(), other.end()]);
      await Promise.all([three.end('SIGKILL'), two.end('SIGKILL')]);
      const bogus = file('bogus-token', token.replace(/.{8}\s*$/, 'AAAAAAAA\n'));
      const back = start('j2', ['--join', bogus]);
      expect((await back.ready()).node, 'a member needs no token').to.equal(second.node);
      await back.end('SIGKILL');
    });

    it('by the same command again, when it died before it had stored who the others are', async () => {
      const command = ['--join', ready.joinFile, '--name', 'delta'];
      const dying = start('j4', command);
      await dying.ready();
      await dying.end('SIGKILL');
      await forgetMap(join(dataOf('j4'), 'store'));
      const back = await start('j4', command).ready();
      const known = (await (await fetch(`${back.http}/cluster`)).json()) as {
        members: { node: string }[];
      };
      expect(known.members.map(({ node }) => node)).to.include.members(['alpha', 'delta']);
    });

    it('not with a wrong token: nothing is started, nothing is kept', async () => {
      const token = readFileSync(ready.joinFile, 'utf8').trimEnd();
      const known = await members();
      const wrong = [`${token.slice(0, -8)}AAAAAAAA`, token.slice(0, -20), ''];
      await Promise.all(
        wrong.map(async (content, index) => {
          await refused(start(`refused-${index}`, ['--join', file(`token-${index}`, content)]));
        }),
      );
      await Promise.all([
        refused(start('refused-stdin', ['--join', '-'], wrong[0])),
        refused(start('refused-file', ['--join', join(folder.path, 'no-such-token')])),
      ]);
      expect(await members()).to.deep.equal(known);
      const second = start('refused-0', ['--join', ready.joinFile]);
      await second.ready();
      await second.end('SIGKILL');
    });

    it('not when the node of the token is gone: it says so and ends', async () => {
      const token = file('orphan-token', readFileSync(ready.joinFile, 'utf8'));
      await first.end('SIGKILL');
      const said = await refused(start('orphan', ['--join', token]));
      expect(said).to.contain('E_UNREACHABLE');
    });
  });

  describe('for trying things out', () => {
    it('--dev 2: a line for each node and one for the cluster; Ctrl+C stops all', async () => {
      const node = new NodeUnderTest(['--dev', '2', '--data', dataOf('dev')]);
      started.push(node);
      const [one, two, whole] = await node.lines(3);
      expect([one.event, two.event]).to.deep.equal(['ready', 'ready']);
      expect(whole).to.include({ event: 'cluster-ready', nodes: 2 });
      expect(whole).to.have.all.keys('event', 'nodes', 'url');
      for (const { url } of [one, two])
        expect(whole.url).to.contain(/127\.0\.0\.1:\d+/.exec(url)?.[0]);
      const drained = await run(['admin', 'drain', '--data', join(one.joinFile, '..')]);
      expect(drained.code, drained.stderr).to.equal(0);
      expect(await node.end('SIGINT')).to.equal(0);
      expect([one.pid, two.pid].filter(isRunning)).to.deep.equal([]);
      expect(node.stdout).to.have.length(3);
    });
  });
});

import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliWorld } from '../../support/cli-world.ts';

describe('fastchat node', () => {
  let world: CliWorld;
  beforeEach(async () => {
    world = await CliWorld.create();
  });
  afterEach(() => world.remove());

  it('prints its effective configuration with origins, and nothing else on stdout', async () => {
    const file = join(world.home, 'node.toml');
    await writeFile(file, 'balance = "random"\n[limits]\nconnections = 5\n');
    const argv = ['node', '--config', file, '--limits.mailboxMessages', '7', '--print-config'];
    const { code, out } = await world.run(argv, { env: { FASTCHAT_NODE_REPLICAS: '2' } });
    expect(code).to.equal(0);
    expect(out).to.contain(`balance = "random" # ${file}:1`);
    expect(out).to.contain(`connections = 5 # ${file}:3`);
    expect(out).to.contain('replicas = 2 # FASTCHAT_NODE_REPLICAS');
    expect(out).to.contain('mailbox-messages = 7 # --limits.mailbox-messages');
  });

  it('checks a configuration: exit 0, or exit 1 with every mistake', async () => {
    expect((await world.run(['node', '--check-config'])).code).to.equal(0);
    const file = join(world.home, 'node.toml');
    await writeFile(file, 'balance = "fastest"\ncolour = "red"\n');
    const { code, err, out } = await world.run(['node', '--check-config'], {
      env: { FASTCHAT_NODE_CONFIG: file },
    });
    expect([code, out]).to.deep.equal([1, '']);
    expect(err).to.contain('balance').and.to.contain('"fastest"').and.to.contain(`${file}:1`);
    expect(err).to.contain('colour: unknown key').and.to.contain(`${file}:2`);
  });

  const refused: ReadonlyArray<readonly [argv: string, code: number, hint: string]> = [
    ['node --data d --balance fastest', 1, '--balance'],
    ['node --config /does/not/exist', 1, '/does/not/exist'],
    ['node', 2, '--data DIR'],
    ['node --dev 0', 2, '--dev is a number'],
    ['node --dev 99', 2, '--dev is a number'],
    ['node --dev 2 --listen 127.0.0.1:1', 2, 'each node has its own'],
    ['node --replica 2', 2, 'did you mean --replicas?'],
  ];
  for (const [argv, exit, hint] of refused)
    it(`"${argv}" is exit ${exit}`, async () => {
      const { code, err } = await world.run(argv.split(' '));
      expect(code).to.equal(exit);
      expect(err).to.contain(hint);
    });
});

describe('fastchat admin', () => {
  let world: CliWorld;
  let asked: Array<{ readonly url: string; readonly init: RequestInit }>;

  beforeEach(async () => {
    world = await CliWorld.create();
    asked = [];
    await writeFile(
      join(world.home, 'node.json'),
      JSON.stringify({ http: 'http://127.0.0.1:7600' }),
    );
    await writeFile(join(world.home, 'admin.token'), 'letmein\n');
  });
  afterEach(() => world.remove());

  function answer(body: unknown, status = 200): void {
    world.fetch = (input, init) => {
      asked.push({ url: input instanceof URL ? input.href : '', init: init ?? {} });
      return Promise.resolve(new Response(JSON.stringify(body), { status }));
    };
  }
  const admin = (argv: string): ReturnType<CliWorld['run']> =>
    world.run(['admin', ...argv.split(' '), '--data', world.home]);

  const cluster = {
    node: 'n1',
    coordinator: 'embedded',
    version: 4,
    replicas: { target: 3, effective: 2 },
    degraded: true,
    degradedShards: 7,
    ownerlessShards: 0,
    members: [
      {
        node: 'n1',
        mesh: 'tcp://h:1',
        gate: 'h:2',
        state: 'up',
        sessions: 3,
        load: 1.234,
        reportAgeMs: 0,
        shardsOwned: 200,
        shardsHeld: 256,
        lease: 'held',
      },
    ],
    shards: [],
  };

  const whereabouts = {
    address: '@alice',
    shard: 3,
    epoch: 2,
    owner: 'n1',
    replicas: ['n1', 'n2'],
    acknowledged: 41,
    copies: [
      { node: 'n1', state: 'owner', flushed: 41 },
      { node: 'n2', state: 'catching-up', flushed: 12 },
      { node: 'n3', state: 'unknown' },
    ],
  };

  it('status shows the cluster as a table or as it is, without a token', async () => {
    answer(cluster);
    const { out, code } = await admin('status');
    expect(code).to.equal(0);
    expect(out).to.contain('DEGRADED: 7 shards').and.not.to.contain('WITHOUT OWNER');
    expect(out).to.contain('n1\tup\theld\t3\t1.23\t200\t256\t0 ms\th:2\ttcp://h:1');
    expect(asked[0]?.url).to.equal('http://127.0.0.1:7600/cluster');
    expect(asked[0]?.init.headers).to.deep.equal({});
    const { lines } = await world.run(['admin', '--data', world.home, 'status', '--json']);
    expect(JSON.parse(lines[0] ?? ''), 'as docs/OPERATING.md writes it').to.include({ v: 1 });
    expect(JSON.parse((await admin('status --json')).out)).to.deep.equal({ v: 1, ...cluster });
  });

  it('status stands in columns for people; a silent node has no age', async () => {
    const [one] = cluster.members;
    answer({
      ...cluster,
      members: [one, { ...one, node: 'n12', state: 'silent', lease: 'ended' }],
    });
    const { lines } = await world.run(['admin', 'status', '--data', world.home], { isTTY: true });
    expect(lines.slice(1)).to.deep.equal([
      'NODE  STATE   LEASE  SESSIONS  LOAD  OWNS  HOLDS  AGE   GATE  MESH',
      'n1    up      held   3         1.23  200   256    0 ms  h:2   tcp://h:1',
      'n12   silent  ended  3         1.23  200   256    -     h:2   tcp://h:1',
    ]);
  });

  it('asks with the token of the data folder', async () => {
    answer(whereabouts);
    expect((await admin('where @alice')).lines).to.deep.equal([
      '@alice is in shard 3, owned by n1 in epoch 2, acknowledged up to commit 41',
      'REPLICA\tSTATE\tFLUSHED',
      'n1\towner\t41',
      'n2\tcatching-up\t12',
      'n3\tunknown\t-',
    ]);
    expect(asked[0]?.url).to.equal('http://127.0.0.1:7600/admin/where?address=%40alice');
    expect(asked[0]?.init.headers).to.deep.equal({ authorization: 'Bearer letmein' });
  });

  it('where says when the owner does not serve the shard', async () => {
    answer({ ...whereabouts, acknowledged: undefined, copies: [{ node: 'n1', state: 'unknown' }] });
    expect((await admin('where @alice')).out).to.contain('which does not serve it now');
  });

  it('status counts the shards without an owner', async () => {
    answer({ ...cluster, ownerlessShards: 3 });
    expect((await admin('status')).out).to.contain('3 shards WITHOUT OWNER');
  });

  it('nodes shows a line for each, also for one that does not answer', async () => {
    const [one] = cluster.members;
    answer([
      { ...one, version: '0.1.0', upMs: 7_260_000 },
      { ...one, node: 'n2', state: 'silent', lease: 'ended' },
    ]);
    const { lines } = await world.run(['admin', 'nodes', '--data', world.home], { isTTY: true });
    expect(lines).to.deep.equal([
      'NODE  STATE   LEASE  SESSIONS  LOAD  OWNS  HOLDS  VERSION  UP',
      'n1    up      held   3         1.23  200   256    0.1.0    2 h',
      'n2    silent  ended  3         1.23  200   256    -        -',
    ]);
    expect(JSON.parse((await admin('nodes --json')).lines[0] ?? '')).to.include({
      v: 1,
      node: 'n1',
    });
  });

  it('rebalance shows the plan with --dry-run, and has it carried out without', async () => {
    answer([{ shard: 3, kind: 'transfer', node: 'n2', owner: 'n1', reason: 'even' }]);
    expect((await admin('rebalance --dry-run')).out).to.equal('3\tn1\thand over to\tn2\teven\n');
    expect(asked.at(-1)?.init.method).to.equal('GET');
    answer([]);
    expect((await admin('rebalance --dry-run')).err).to.contain('nothing to do');
    answer({ steps: 5, silent: ['n3'] });
    const { out, err } = await admin('rebalance');
    expect(out).to.contain('5 shards are changed now');
    expect(err).to.contain('n3');
    expect(asked.at(-1)?.url).to.equal('http://127.0.0.1:7600/admin/rebalance');
  });

  it('nodes forget asks until the node is gone, and says how far it is', async () => {
    let shardsLeft = 3;
    world.fetch = (_, init) => {
      shardsLeft -= 1;
      expect(init?.body).to.equal('{"node":"n3"}');
      const body = { node: 'n3', shardsLeft, isGone: shardsLeft === 0 };
      return Promise.resolve(new Response(JSON.stringify(body)));
    };
    const { out, err, code } = await admin('nodes forget n3');
    expect([code, out]).to.deep.equal([0, 'n3 is no member any more\n']);
    expect(err).to.contain('2 shards').and.to.contain('1 shards');
  });

  it('user list is exit 3 when some node did not answer, after what the others said', async () => {
    const users = [{ user: '@a', online: true, lastSeen: 0, devices: 2 }];
    answer({ users, isCut: false, silent: ['n2'] });
    const { code, out, err } = await admin('user list');
    expect([code, out]).to.deep.equal([3, '@a\tonline\t2 devices\n']);
    expect(err).to.contain('no answer from n2');
  });

  it('has the other questions', async () => {
    answer({ user: '@a', messages: 2, bytes: 300, pending: 1, head: 9, devices: 1, sessions: 1 });
    expect((await admin('mailbox alice')).out).to.contain('2 waiting');
    answer({
      user: '@a',
      algorithm: 'inverse-load',
      candidates: [
        {
          node: 'n1',
          sessions: 1,
          placed: 0,
          utilisation: 0.1,
          ageMs: 5,
          load: 2,
          weight: 0.5,
          probability: 0.25,
          excluded: '',
        },
      ],
    });
    expect((await admin('balancer explain @alice')).out).to.contain(
      'n1\t1\t0\t10 %\t5 ms\t2.00\t0.500\t25.0 %',
    );
    const users = [{ user: '@a', online: true, lastSeen: 0, devices: 2 }];
    answer({ users, isCut: false, silent: [] });
    expect((await admin('user list')).out).to.equal('@a\tonline\t2 devices\n');
    answer({ user: '@dave', invitation: 'INVITE', expires: 5 });
    expect((await admin('user invite @dave')).out).to.equal('INVITE\n');
    answer({ draining: true });
    expect((await admin('drain')).code).to.equal(0);
    const [invite, drain] = asked.slice(-2);
    expect([invite?.init.method, invite?.init.body]).to.deep.equal(['POST', '{"user":"@dave"}']);
    expect(drain?.url).to.equal('http://127.0.0.1:7600/admin/drain');
  });

  it('passes on what the node refuses', async () => {
    answer({ error: { code: 'E_NO_SUCH_USER', message: 'there is no @zoe\u001b[2J' } }, 404);
    const { code, err } = await admin('mailbox zoe');
    expect(code).to.equal(7);
    expect(err).to.contain('there is no @zoe').and.not.to.contain('\u001b');
  });

  it('says when no node answers, or something else does', async () => {
    world.fetch = () => Promise.reject(new TypeError('fetch failed'));
    expect((await admin('status')).code).to.equal(3);
    world.fetch = () => Promise.resolve(new Response('<html>'));
    expect((await admin('status')).code).to.equal(3);
  });

  it('must be told which node', async () => {
    expect((await world.run(['admin', 'status'])).code).to.equal(2);
    expect(
      (await world.run(['admin', 'status', '--data', join(world.home, 'none')])).code,
    ).to.equal(2);
    expect((await world.run(['admin', 'status', '--http', 'ftp://x'])).code).to.equal(2);
    const untokened = await world.run(['admin', 'drain', '--http', 'http://127.0.0.1:1']);
    expect(untokened.code).to.equal(6);
    expect(untokened.err).to.contain('--token-file');
  });
});

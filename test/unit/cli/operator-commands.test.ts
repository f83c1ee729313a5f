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
    members: [
      {
        node: 'n1',
        mesh: 'tcp://h:1',
        gate: 'h:2',
        state: 'up',
        sessions: 3,
        load: 1.234,
        reportAgeMs: 0,
        shardsOwned: 256,
      },
    ],
    shards: [],
  };

  it('status shows the cluster as a table or as it is, without a token', async () => {
    answer(cluster);
    const { out, code } = await admin('status');
    expect(code).to.equal(0);
    expect(out).to.contain('DEGRADED').and.to.contain('n1\tup\t3\t1.23\t256\t0 ms\th:2\ttcp://h:1');
    expect(asked[0]?.url).to.equal('http://127.0.0.1:7600/cluster');
    expect(asked[0]?.init.headers).to.deep.equal({});
    expect(JSON.parse((await admin('status --json')).out)).to.deep.equal({ v: 1, ...cluster });
  });

  it('status stands in columns for people; a silent node has no age', async () => {
    const [one] = cluster.members;
    answer({ ...cluster, members: [one, { ...one, node: 'n12', state: 'silent' }] });
    const { lines } = await world.run(['admin', 'status', '--data', world.home], { isTTY: true });
    expect(lines.slice(1)).to.deep.equal([
      'NODE  STATE   SESSIONS  LOAD  SHARDS  AGE   GATE  MESH',
      'n1    up      3         1.23  256     0 ms  h:2   tcp://h:1',
      'n12   silent  3         1.23  256     -     h:2   tcp://h:1',
    ]);
  });

  it('asks with the token of the data folder', async () => {
    answer({ address: '@alice', shard: 3, epoch: 2, owner: 'n1', replicas: ['n1', 'n2'] });
    expect((await admin('where @alice')).out).to.equal(
      '@alice\tn1\tshard 3\tepoch 2\treplicas n1 n2\n',
    );
    expect(asked[0]?.url).to.equal('http://127.0.0.1:7600/admin/where?address=%40alice');
    expect(asked[0]?.init.headers).to.deep.equal({ authorization: 'Bearer letmein' });
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
    answer([{ user: '@a', online: true, lastSeen: 0, devices: 2 }]);
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

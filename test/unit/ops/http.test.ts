import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { isAuthorised, readAdminToken, writeAdminToken } from '../../../src/ops/admin-token.ts';
import { startHttp } from '../../../src/ops/http.ts';
import type { HttpServer } from '../../../src/ops/http.ts';
import type { ClusterReport } from '../../../src/ops/admin-api.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { createMetrics, metricsPage } from '../../../src/ops/metrics.ts';
import { probeRoutes } from '../../../src/ops/probes.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { Redacted } from '../../../src/ops/redacted.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { HTTP_BODY_BYTES_MAX, HTTP_CONNECTIONS_MAX } from '../../../src/protocol/limits.ts';

const CLUSTER: ClusterReport = {
  node: 'n1',
  coordinator: 'embedded',
  version: 1,
  replicas: { target: 3, effective: 1 },
  degraded: false,
  degradedShards: 0,
  ownerlessShards: 0,
  members: [],
  shards: [],
};

describe('the operations port', () => {
  let server: HttpServer;
  let checks: Record<string, string | undefined>;
  let refusals = 0;

  beforeEach(async () => {
    refusals = 0;
    checks = { store: undefined, mesh: undefined };
    const probes = probeRoutes({
      checks: () => checks,
      cluster: () => CLUSTER,
      metrics: metricsPage(createMetrics(), { version: '1', protocol: 1 }),
    });
    server = await startHttp({
      listen: { host: '127.0.0.1', port: 0 },
      adminToken: new Redacted('letmein'),
      onAdminRefused: () => (refusals += 1),
      log: silentLog,
      routes: {
        ...probes,
        'POST /admin/drain': ({ body }) => ({ body: { got: body } }),
        'GET /admin/where': ({ query }) => ({ body: { address: query.get('address') } }),
        'GET /admin/mailbox': () => {
          throw new FastChatError('E_NO_SUCH_USER', 'there is no @x');
        },
        'GET /admin/users': () => {
          throw new TypeError('oops');
        },
      },
    });
  });
  afterEach(() => server.close());

  /** The first line of the answer to what no client library would send; empty: the connection was cut. */
  async function raw(request: string): Promise<string> {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(request);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return answer.toString().split('\r\n')[0] ?? '';
  }

  it('refuses a target that is no URL, as the fault of the one who asks', async () => {
    for (const target of ['//', 'http://[', '///:x'])
      expect(await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`), target).to.match(/ 4\d\d /);
  });

  it('serves HTTP_CONNECTIONS_MAX connections and cuts one more', async () => {
    const sockets: Socket[] = [];
    for (let index = 0; index < HTTP_CONNECTIONS_MAX; index += 1) {
      const socket = connect(server.port, '127.0.0.1');
      sockets.push(socket);
      socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
    }
    const late = connect(server.port, '127.0.0.1');
    await once(late, 'close');
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => once(socket, 'close')));
  });

  const get = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: any }> => {
    const response = await fetch(server.url + path, init);
    const text = await response.text();
    const isJson = text !== '' && response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
  const admin = { headers: { authorization: 'Bearer letmein' } };

  it('says that the process lives', async () => {
    expect(await get('/livez')).to.deep.equal({ status: 200, body: { live: true } });
  });

  it('says whether the node is ready, and why not', async () => {
    expect(await get('/readyz')).to.deep.equal({ status: 200, body: { ready: true } });
    expect((await get('/readyz?verbose')).body.checks).to.deep.equal({ store: 'ok', mesh: 'ok' });
    checks['mesh'] = 'no quorum';
    expect(await get('/readyz')).to.deep.equal({
      status: 503,
      body: { ready: false, checks: { mesh: 'no quorum' } },
    });
    expect((await get('/healthz')).status).to.equal(503);
  });

  it('serves metrics and the cluster', async () => {
    expect((await get('/metrics')).body).to.contain('fastchat_sessions 0');
    expect((await get('/cluster')).body).to.deep.equal(CLUSTER);
  });

  it('answers HEAD like GET, and refuses other paths and methods', async () => {
    expect((await get('/livez', { method: 'HEAD' })).status).to.equal(200);
    expect((await get('/nothing')).status).to.equal(404);
    expect((await get('/livez', { method: 'POST' })).status).to.equal(405);
    expect((await get('/constructor')).status).to.equal(404);
  });

  it('wants the token for admin routes, the unknown ones too', async () => {
    for (const path of ['/admin/where?address=@a', '/admin/unknown'])
      expect(await get(path)).to.nested.include({ status: 401, 'body.error.code': 'E_AUTH' });
    const wrong = { headers: { authorization: 'Bearer letmeout' } };
    expect((await get('/admin/where', wrong)).status).to.equal(401);
    expect((await get('/admin/where?address=@a', admin)).body).to.deep.equal({ address: '@a' });
    expect(refusals).to.equal(3);
  });

  it('hands over bodies, and refuses bad and large ones', async () => {
    const post = (body: string): RequestInit => ({ ...admin, method: 'POST', body });
    expect((await get('/admin/drain', post('{"a":1}'))).body).to.deep.equal({ got: { a: 1 } });
    expect((await get('/admin/drain', post(''))).status).to.equal(200);
    expect((await get('/admin/drain', post('{'))).body.error.code).to.equal('E_USAGE');
    const most = JSON.stringify('x'.repeat(HTTP_BODY_BYTES_MAX - 2));
    expect((await get('/admin/drain', post(most))).status).to.equal(200);
    expect((await get('/admin/drain', post(`${most} `))).status).to.equal(413);
  });

  it('turns errors into statuses', async () => {
    expect(await get('/admin/mailbox', admin)).to.nested.include({
      status: 404,
      'body.error.code': 'E_NO_SUCH_USER',
      'body.error.message': 'there is no @x',
    });
    expect((await get('/admin/users', admin)).status).to.equal(500);
  });

  it('has no admin routes without a token', async () => {
    const open = await startHttp({
      listen: { host: '127.0.0.1', port: 0 },
      log: silentLog,
      routes: { 'GET /admin/where': () => ({ body: {} }) },
    });
    const response = await fetch(`${open.url}/admin/where`, {
      headers: { authorization: 'Bearer undefined' },
    });
    expect(response.status).to.equal(401);
    await open.close();
  });

  it('says when its port is taken', async () => {
    const second = startHttp({
      listen: { host: '127.0.0.1', port: server.port },
      log: silentLog,
      routes: {},
    });
    expect(await second.catch((cause: unknown) => cause)).to.have.property('code', 'E_IO');
  });
});

describe('the admin token', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fastchat-token-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is a private file, new at every start', async () => {
    const random = seededRandom(1);
    const first = await writeAdminToken(folder, random);
    const second = await writeAdminToken(folder, random);
    const path = join(folder, 'admin.token');
    expect(first.reveal()).to.not.equal(second.reveal());
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await readFile(path, 'utf8')).trim()).to.equal(second.reveal());
    expect((await readAdminToken(path)).reveal()).to.equal(second.reveal());
  });

  it('opens nothing but itself', () => {
    const token = new Redacted('abc');
    expect(isAuthorised('Bearer abc', token)).to.equal(true);
    for (const header of [
      undefined,
      '',
      'abc',
      'Bearer ',
      'Bearer ab',
      'Bearer abcd',
      'bearer abc',
    ])
      expect(isAuthorised(header, token)).to.equal(false);
  });

  it('that is missing is said so', async () => {
    const missing = readAdminToken(join(folder, 'none'));
    expect(await missing.catch((cause: unknown) => cause)).to.have.property('code', 'E_IO');
  });
});

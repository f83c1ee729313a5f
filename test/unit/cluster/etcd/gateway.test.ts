import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { follow } from '../../../../src/cluster/etcd/client.ts';
import { EtcdGateway } from '../../../../src/cluster/etcd/gateway.ts';
import type { KeyValue } from '../../../../src/cluster/etcd/mirror.ts';
import { systemClock } from '../../../../src/ops/clock.ts';
import type { Clock } from '../../../../src/ops/clock.ts';
import { asFastChatError } from '../../../../src/protocol/errors.ts';

/** Deadlines come ten times sooner. */
const hastyClock: Clock = {
  ...systemClock,
  after: (delayMs, task) => systemClock.after(delayMs / 10, task),
};

/** A port on which nobody listens. */
const NOWHERE = { host: '127.0.0.1', port: 1 };
const answering =
  (body: string, status = 200): RequestListener =>
  (_, response) => {
    response.writeHead(status).end(body);
  };

describe('asking etcd', () => {
  const servers: Server[] = [];
  let asked: number[] = [];
  let gateway: EtcdGateway | undefined;

  const serve = async (listener: RequestListener) => {
    const index = servers.length;
    const server = createServer((request, response) => {
      asked.push(index);
      listener(request, response);
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  };
  type Place = { readonly host: string; readonly port: number };
  const open = (...endpoints: Place[]): EtcdGateway => openWith(systemClock, endpoints);
  const openHasty = (...endpoints: Place[]): EtcdGateway => openWith(hastyClock, endpoints);
  const openWith = (clock: Clock, endpoints: Place[]): EtcdGateway => {
    gateway = new EtcdGateway({ endpoints, tls: undefined, clock });
    return gateway;
  };
  const failureOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (cause) {
      return asFastChatError(cause).code;
    }
    return 'none';
  };

  beforeEach(() => {
    asked = [];
  });
  afterEach(async () => {
    gateway?.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  it('goes on to the next member where nobody listens, also with a change', async () => {
    const good = await serve(answering('{"ok":true}'));
    expect(await open(NOWHERE, good).change('/x', {})).to.deep.equal({ ok: true });
  });

  it('stays with the member that answered', async () => {
    const first = await serve(answering('{}', 503));
    const second = await serve(answering('{}'));
    const asking = open(first, second);
    for (let times = 0; times < 3; times += 1) await asking.ask('/x', {});
    expect(asked).to.deep.equal([0, 1, 1, 1]);
  });

  it('asks the next member when one breaks off or hangs', async () => {
    const broken = await serve((request) => request.socket.destroy());
    const hanging = await serve(() => undefined);
    const good = await serve(answering('{}'));
    await openHasty(broken, hanging, good).ask('/x', {});
    expect(asked).to.deep.equal([0, 1, 2]);
  });

  it('never sends a change twice: after a break its outcome is unknown', async () => {
    const broken = await serve((request) => request.socket.destroy());
    const good = await serve(answering('{}'));
    expect(await failureOf(open(broken, good).change('/x', {}))).to.equal('E_UNREACHABLE');
    expect(asked).to.deep.equal([0]);
  });

  it('says when nobody answered in time, and when nobody is there', async () => {
    const hanging = await serve(() => undefined);
    expect(await failureOf(openHasty(hanging).change('/x', {}))).to.equal('E_TIMEOUT');
    expect(await failureOf(open(NOWHERE).ask('/x', {}))).to.equal('E_UNREACHABLE');
  });

  const strange: ReadonlyArray<
    readonly [what: string, status: number, body: string, code: string]
  > = [
    ['a server without the gateway', 404, '404 page not found\n', 'E_CONFIG'],
    ['a TLS server', 400, 'Client sent an HTTP request to an HTTPS server.\n', 'E_CONFIG'],
    ['a refusal of our name', 403, '{"error":"permission denied","code":7}', 'E_CONFIG'],
    [
      'an etcd without a leader',
      503,
      '{"error":"etcdserver: no leader","code":14}',
      'E_UNREACHABLE',
    ],
    [
      'an etcd that is full',
      429,
      '{"error":"etcdserver: mvcc: database space exceeded"}',
      'E_UNREACHABLE',
    ],
    ['no JSON', 200, 'welcome', 'E_UNREACHABLE'],
    ['a list', 200, '[]', 'E_UNREACHABLE'],
  ];
  for (const [what, status, body, code] of strange)
    it(`understands ${what}`, async () => {
      const place = await serve(answering(body, status));
      expect(await failureOf(open(place).ask('/x', {}))).to.equal(code);
    });

  describe('following', () => {
    const b64 = (text: string): string => Buffer.from(text).toString('base64');
    const event = (key: string, revision: number, type?: string): object => ({
      ...(type !== undefined && { type }),
      kv: { key: b64(key), value: b64('v'), mod_revision: String(revision) },
    });
    const watching = (place: { readonly host: string; readonly port: number }) =>
      new Promise<{ readonly told: ReadonlyArray<readonly [KeyValue[], number]> }>((resolve) => {
        const told: Array<readonly [KeyValue[], number]> = [];
        const range = { from: 'a', to: 'b', after: 4 };
        follow(open(place), range, {
          onChanges: (changes, revision) => told.push([[...changes], revision]),
          onEnd: () => resolve({ told }),
        });
      });

    it('puts messages together again however they are cut, and ends when etcd ends it', async () => {
      const messages = [
        { result: { created: true } },
        {
          result: {
            header: { revision: '99' },
            events: [event('a1', 5), event('a2', 6, 'DELETE')],
          },
        },
        { result: { header: { revision: '99' }, events: [event('a3', 7)] } },
        { result: { canceled: true, compact_revision: '9' } },
      ];
      const bytes = Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
      const place = await serve((_, response) => {
        response.writeHead(200);
        for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      });
      const { told } = await watching(place);
      expect(told.map(([changes]) => changes.map(({ key }) => key))).to.deep.equal([
        ['a1', 'a2'],
        ['a3'],
      ]);
      // A watcher that lags is told of the newest revision, not of the one it has been brought to.
      expect(told.map(([, revision]) => revision)).to.deep.equal([6, 7]);
      expect(told[0]?.[0][1]?.value).to.equal(undefined);
    });

    it('ends when the member dies, and when it talks nonsense', async () => {
      await watching(await serve((request) => request.socket.destroy()));
      await watching(await serve(answering('nonsense\n')));
      await watching(await serve(answering('{"result":{"events":[1]}}\n')));
    });
  });
});

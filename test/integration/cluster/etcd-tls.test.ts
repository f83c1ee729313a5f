/** Etcd behind TLS with client certificates, and everything an operator can get wrong about it. */
import { expect } from 'chai';
import { readRange } from '../../../src/cluster/etcd/client.ts';
import { EtcdGateway } from '../../../src/cluster/etcd/gateway.ts';
import type { EtcdTls } from '../../../src/cluster/etcd/gateway.ts';
import { EtcdKeys } from '../../../src/cluster/etcd/keys.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { describeWithEtcd, EtcdCluster, passTime } from '../../support/etcd.ts';
import { hasOpenssl, TestAuthority } from '../../support/test-certificates.ts';

describeWithEtcd('etcd over TLS', function () {
  if (!hasOpenssl()) {
    it.skip('skipped: openssl not found');
    return;
  }
  this.timeout(30_000);
  let authority: TestAuthority;
  let etcd: EtcdCluster;
  let own: EtcdTls;

  before(async () => {
    authority = await TestAuthority.make();
    // The JSON gateway of etcd shows etcd's own certificate to etcd: it has to be good for clients too.
    await authority.sign('server', 'serverAuth,clientAuth');
    await authority.sign('node', 'clientAuth');
    etcd = await EtcdCluster.start({
      scheme: 'https',
      flags: [
        `--cert-file=${authority.path('server.pem')}`,
        `--key-file=${authority.path('server.key')}`,
        `--trusted-ca-file=${authority.path('ca.pem')}`,
        '--client-cert-auth',
      ],
    });
    own = {
      ca: await authority.read('ca.pem'),
      cert: await authority.read('node.pem'),
      key: await authority.read('node.key'),
    };
    while ((await outcomeOf(own)).code === 'E_UNREACHABLE') await passTime(50);
  });
  after(async () => {
    await etcd.stop();
    await authority.remove();
  });

  const outcomeOf = async (
    tls: EtcdTls | undefined,
  ): Promise<{ readonly code: string; readonly message: string }> => {
    const { endpoints } = etcd;
    const gateway = new EtcdGateway({ endpoints, tls, clock: systemClock });
    try {
      await readRange(gateway, new EtcdKeys('x/').under(''));
      return { code: 'none', message: '' };
    } catch (cause) {
      return asFastChatError(cause);
    } finally {
      gateway.close();
    }
  };

  it('is read with the certificate of the node and the authority of etcd', async () => {
    expect(await outcomeOf(own)).to.include({ code: 'none' });
  });

  it('says which setting is missing where its authority is not known', async () => {
    const outcome = await outcomeOf({ ...own, ca: undefined });
    expect(outcome.code).to.equal('E_CONFIG');
    expect(outcome.message).to.contain('coordinator-ca');
  });

  it('says which setting is missing where the node shows no certificate', async () => {
    const outcome = await outcomeOf({ ...own, cert: undefined, key: undefined });
    expect(outcome.code).to.equal('E_CONFIG');
    expect(outcome.message).to.contain('coordinator-cert');
  });

  it('tells whoever forgot the s of etcds', async () => {
    const outcome = await outcomeOf(undefined);
    expect(outcome.code).to.equal('E_UNREACHABLE');
    expect(outcome.message).to.contain('etcds://');
  });
});

/** Tickets in the wrong hands, over real TLS, at real nodes. */
import { expect } from 'chai';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { signingKeysOf } from '../../src/node/cluster-keys.ts';
import { NodeHome } from '../../src/node/node-home.ts';
import { signTicket } from '../../src/crypto/tickets.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import { TICKET_LIFETIME_MS } from '../../src/protocol/limits.ts';
import { temporaryFolder } from '../support/processes.ts';
import { HonestPair } from './honest-pair.ts';
import { RawDevice, codeOf, greet } from './raw-device.ts';

describe('tickets at real nodes', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let cluster: DevCluster;
  let honest: HonestPair;
  let alice: RawDevice;
  let mallory: RawDevice;
  let n1 = '';
  let n2 = '';

  before(async () => {
    cluster = await startDevCluster({ nodes: 2, args: ['--balance', 'round-robin'] });
    [n1 = '', n2 = ''] = cluster.nodes.map(({ ready }) => ready.url);
    honest = await HonestPair.start(`${folder.path}/honest`, cluster.url);
    alice = await RawDevice.register('alice', n1);
    mallory = await RawDevice.register('mallory', n1);
  });

  after(async () => {
    await honest?.finish();
    await cluster?.stop();
    folder.remove();
  });

  afterEach(() => honest.exchange(5));

  /** Presents a ticket; the code it is refused with. */
  async function redeem(ticket: Uint8Array, url: string, device = alice): Promise<string> {
    const greeted = await greet(url);
    const proof = device.proof(greeted);
    const code = await codeOf(greeted.link.call('ticketLogin', { ticket, proof }));
    greeted.link.destroy();
    return code;
  }

  /** A ticket as the balancer of this cluster would sign it, but for what is given. */
  async function signed(lifetimeMs: number): Promise<Uint8Array> {
    const keys = await new NodeHome(`${cluster.dataDir}/n1`).readClusterKeys();
    if (keys === undefined) throw new Error('no cluster keys');
    const { link, hello } = await greet(n2);
    link.destroy();
    const { user, device } = alice.account;
    const { bootId, now } = hello;
    const nonce = alice.random(16);
    const node = parseNodeId('n2');
    return signTicket(
      await createVerifyingSuite(),
      { user, device, node, bootId, expiresAtMs: now + lifetimeMs, nonce },
      signingKeysOf(keys).privateKey,
    );
  }

  it('E_TICKET_FORGED: every changed byte, and a lifetime that no balancer gives', async () => {
    const { ticket } = await alice.ticketAt(n1);
    for (const index of [0, 1, Math.floor(ticket.length / 2), ticket.length - 1]) {
      const forged = Uint8Array.from(ticket);
      forged[index] = (forged[index] ?? 0) ^ 1;
      expect(await redeem(forged, n2), `byte ${index}`).to.equal('E_TICKET_FORGED');
    }
    expect(await redeem(alice.random(180), n2)).to.equal('E_TICKET_FORGED');
    expect(await redeem(await signed(3_600_000), n2)).to.equal('E_TICKET_FORGED');
  });

  it('E_TICKET_EXPIRED: a ticket of this cluster after its time', async () => {
    expect(await redeem(await signed(-1), n2)).to.equal('E_TICKET_EXPIRED');
    expect(await redeem(await signed(TICKET_LIFETIME_MS / 2), n2), 'in its time').to.equal('none');
  });

  it('E_TICKET_REPLAYED: a ticket is taken once', async () => {
    const { ticket } = await alice.ticketAt(n1);
    expect(await redeem(ticket, n2)).to.equal('none');
    expect(await redeem(ticket, n2)).to.equal('E_TICKET_REPLAYED');
  });

  it('E_TICKET_NODE: a ticket for another node', async () => {
    const { ticket } = await alice.ticketAt(n1);
    expect(await redeem(ticket, n1)).to.equal('E_TICKET_NODE');
  });

  it('E_AUTH: a stolen ticket without the key of its device', async () => {
    const { ticket } = await alice.ticketAt(n1);
    expect(await redeem(ticket, n2, mallory)).to.equal('E_AUTH');
  });

  it('E_TICKET_NODE: a ticket from before its node was started again', async () => {
    const { ticket } = await alice.ticketAt(n1);
    await cluster.kill(1, 'SIGKILL');
    await cluster.restart(1);
    expect(await redeem(ticket, n2)).to.equal('E_TICKET_NODE');
  });
});

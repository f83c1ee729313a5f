import { connect } from 'node:tls';
import { createTlsIdentity, identityFingerprint } from '../../src/net/certificate.ts';
import type { LinkLimits } from '../../src/net/link-limits.ts';
import { MemoryLinks } from '../../src/net/memory-links.ts';
import { createTlsNetwork } from '../../src/net/tls-links.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { seededRandom, systemRandom } from '../../src/ops/random.ts';
import { clientLinkContract } from './client-link.contract.ts';
import type { LinkWorld } from './client-link.contract.ts';

clientLinkContract('memory', (limits: Partial<LinkLimits> = {}): LinkWorld => {
  const host = '10.0.0.1';
  const links = new MemoryLinks({
    clock: systemClock,
    random: seededRandom(1),
    delayMs: [0, 1],
    limits,
  });
  const fingerprint = new Uint8Array(32).fill(1);
  return {
    gate: links.at(host, fingerprint),
    impostor: links.at(host, new Uint8Array(32).fill(2)),
    client: links.at('127.0.0.1'),
    host,
    fingerprint,
    async dialDeaf(port) {
      const silent = { onFrame: (): void => undefined, onWritable: (): void => undefined };
      const target = { host, port, fingerprint };
      const events = { ...silent, onClose: (): void => undefined };
      const { link } = await links.at('10.0.0.9').dial(target, events);
      links.pause('10.0.0.9');
      return { close: () => link.destroy() };
    },
  };
});

describe('over TLS', () => {
  const identity = createTlsIdentity(systemRandom);
  const other = createTlsIdentity(systemRandom);

  clientLinkContract('tls', (limits: Partial<LinkLimits> = {}): LinkWorld => ({
    gate: createTlsNetwork({ identity, limits }),
    impostor: createTlsNetwork({ identity: other, limits }),
    client: createTlsNetwork({ limits }),
    host: '127.0.0.1',
    fingerprint: identityFingerprint(identity),
    dialDeaf: (port) =>
      new Promise((resolve) => {
        const socket = connect({
          port,
          host: '127.0.0.1',
          ALPNProtocols: ['fastchat/1'],
          rejectUnauthorized: false,
        });
        socket.on('error', () => undefined);
        socket.once('secureConnect', () => {
          socket.pause();
          resolve({ close: () => socket.destroy() });
        });
      }),
  }));
});

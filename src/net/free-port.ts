/** Finds ports that nobody listens on. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { FastChatError } from '../protocol/errors.ts';

/**
 * A TCP port of `host` that was free a moment ago: a node tells its ports to others before it can open them.
 * @throws E_CONFIG when the host is none of this machine's
 */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) =>
      reject(new FastChatError('E_CONFIG', `cannot listen on ${host}`, { cause })),
    );
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

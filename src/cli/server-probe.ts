/** Whether anything listens where a connect URL points: worth knowing before a person chooses a password for it. */
import { connect } from 'node:net';
import { parseConnectUrl } from '../client/connect-url.ts';
import type { GatePlace } from '../client/connect-url.ts';
import { FastChatError } from '../protocol/errors.ts';
import { SERVER_PROBE_TIMEOUT_MS } from '../protocol/limits.ts';

function canConnect({ host, port }: GatePlace): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: SERVER_PROBE_TIMEOUT_MS });
    const end = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.once('connect', () => end(resolve));
    socket.once('timeout', () => end(() => reject(new Error('no answer'))));
    socket.once('error', (cause) => end(() => reject(cause)));
  });
}

/** Who it is and whether the key is right comes out at the login. @throws E_UNREACHABLE, E_USAGE (not a connect URL) */
export async function probeServer(url: string): Promise<void> {
  const { gates } = parseConnectUrl(url);
  try {
    await Promise.any(gates.map(canConnect));
  } catch (cause) {
    const places = gates.map(({ host, port }) => `${host}:${port}`).join(', ');
    throw new FastChatError('E_UNREACHABLE', `nothing answers at ${places}`, { cause });
  }
}

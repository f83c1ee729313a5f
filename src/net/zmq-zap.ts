/**
 * The gatekeeper of a mesh socket (ZAP, RFC 27 of ZeroMQ): libzmq asks it about every CURVE handshake. Without one,
 * CURVE encrypts but lets any key in, so a transport opens this before it binds its socket. The endpoint is fixed by
 * the RFC and unique per context, which is why every transport owns a context.
 */
import { Reply } from 'zeromq';
import type { Context } from 'zeromq';

/** The domain of mesh sockets; with `zapEnforceDomain` a socket without a gatekeeper refuses everybody. */
export const ZAP_DOMAIN = 'mesh';
const ZAP_ENDPOINT = 'inproc://zeromq.zap.01';
const ZAP_VERSION = '1.0';

export interface ZapHandler {
  close(): void;
}

export interface ZapOptions {
  readonly context: Context;
  readonly isAdmitted: (publicKey: Buffer) => boolean;
  /** Told where a refused handshake came from: an IP address. */
  readonly onRefused: (address: string) => void;
}

/** Resolves when handshakes are being answered. */
export async function openZapHandler(options: ZapOptions): Promise<ZapHandler> {
  const socket = new Reply({ context: options.context, linger: 0, sendTimeout: 0 });
  await socket.bind(ZAP_ENDPOINT);
  void answerHandshakes(socket, options);
  return { close: () => socket.close() };
}

async function answerHandshakes(socket: Reply, options: ZapOptions): Promise<void> {
  for await (const request of socket) {
    const requestId = request[1] ?? Buffer.alloc(0);
    const isAdmitted = isAdmittedRequest(request, options);
    if (!isAdmitted) options.onRefused(request[3]?.toString() ?? '');
    const [status, text] = isAdmitted ? ['200', 'OK'] : ['400', 'key not admitted'];
    await socket.send([ZAP_VERSION, requestId, status, text, '', '']);
  }
}

/** Request: version, request id, domain, address, identity (the server's own), mechanism, credentials. */
function isAdmittedRequest(request: readonly Buffer[], options: ZapOptions): boolean {
  const [version, , domain, , , mechanism, publicKey] = request;
  return (
    version?.toString() === ZAP_VERSION &&
    domain?.toString() === ZAP_DOMAIN &&
    mechanism?.toString() === 'CURVE' &&
    publicKey !== undefined &&
    options.isAdmitted(publicKey)
  );
}

/** The dialling side: TLS 1.3 to a gate, whose key is what is trusted, not its certificate. */
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../ops/clock.ts';
import { FastChatError } from '../protocol/errors.ts';
import { TLS_SESSIONS_KEPT_MAX } from '../protocol/limits.ts';
import { sourceOf } from './admission.ts';
import { keyFingerprint } from './certificate.ts';
import type { ClientLinkEvents, DialledLink, DialTarget } from './client-link.ts';
import type { LinkLimits } from './link-limits.ts';
import { ALPN_FASTCHAT } from './tls-gate.ts';
import { TlsLink } from './tls-link.ts';

export interface TlsDialOptions {
  readonly clock: Clock;
  readonly limits: LinkLimits;
}

/** Dials gates and remembers, per cluster key, the last session, so that the next handshake is short. */
export class TlsDialler {
  readonly #options: TlsDialOptions;
  readonly #sessions = new Map<string, Buffer>();

  constructor(options: TlsDialOptions) {
    this.#options = options;
  }

  /** @throws E_UNREACHABLE, E_TIMEOUT, E_KEY_CHANGED, E_VERSION */
  dial(target: DialTarget, events: ClientLinkEvents): Promise<DialledLink> {
    return new Promise((resolve, reject) => {
      const socket = this.#connect(target);
      const release = this.#watch(socket, target, (error) => {
        release();
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      });
      socket.once('secureConnect', () => {
        release();
        const shown = check(socket, target);
        if (shown instanceof FastChatError) {
          socket.destroy();
          return reject(shown);
        }
        resolve({ link: this.#open(socket, shown, events), fingerprint: shown });
      });
    });
  }

  #connect({ host, port, fingerprint }: DialTarget): TLSSocket {
    const session = fingerprint && this.#sessions.get(nameOf(fingerprint));
    return connect({
      host,
      port,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [ALPN_FASTCHAT],
      // No authority vouches for a gate: `check` compares its key with the pinned one.
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
  }

  /** Tells what ends the attempt before its handshake; the answer stops the watch. */
  #watch(
    socket: TLSSocket,
    target: DialTarget,
    onFailed: (error: FastChatError) => void,
  ): () => void {
    const { clock, limits } = this.#options;
    const onError = (cause: unknown): void => onFailed(unreachable(target, cause));
    const onClose = (): void => onFailed(unreachable(target, undefined));
    const timer = clock.after(limits.handshakeTimeoutMs, () =>
      onFailed(
        new FastChatError('E_TIMEOUT', `${target.host}:${target.port} did not answer in time`),
      ),
    );
    socket.on('error', onError);
    socket.on('close', onClose);
    return () => {
      timer.cancel();
      socket.off('error', onError);
      socket.off('close', onClose);
    };
  }

  #open(socket: TLSSocket, shown: Uint8Array, events: ClientLinkEvents): TlsLink {
    const { clock, limits } = this.#options;
    const source = sourceOf(socket.remoteAddress ?? '');
    socket.on('session', (session: Buffer) => this.#remember(shown, session));
    const link = new TlsLink({ socket, source, clock, limits, onTrust: undefined });
    link.attach(events);
    return link;
  }

  #remember(fingerprint: Uint8Array, session: Buffer): void {
    const name = nameOf(fingerprint);
    this.#sessions.delete(name);
    this.#sessions.set(name, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > TLS_SESSIONS_KEPT_MAX && oldest !== undefined)
      this.#sessions.delete(oldest);
  }
}

/** The fingerprint that the other side showed, if it is the one expected. */
function check(socket: TLSSocket, target: DialTarget): Uint8Array | FastChatError {
  const where = `${target.host}:${target.port}`;
  if (socket.alpnProtocol !== ALPN_FASTCHAT)
    return new FastChatError('E_VERSION', `${where} does not speak ${ALPN_FASTCHAT}`);
  const { fingerprint } = target;
  // A resumed handshake shows no certificate: that the gate has the secret of a session which was kept under this
  // fingerprint proves the same.
  if (socket.isSessionReused() && fingerprint !== undefined) return fingerprint;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return new FastChatError('E_KEY_CHANGED', `${where} shows no key`);
  const shown = keyFingerprint(certificate.publicKey);
  if (fingerprint !== undefined && !Buffer.from(fingerprint).equals(shown))
    return new FastChatError('E_KEY_CHANGED', `${where} shows another key than the pinned one`);
  return shown;
}

function nameOf(fingerprint: Uint8Array): string {
  return Buffer.from(fingerprint).toString('hex');
}

function unreachable({ host, port }: DialTarget, cause: unknown): FastChatError {
  return new FastChatError('E_UNREACHABLE', `cannot connect to ${host}:${port}`, { cause });
}

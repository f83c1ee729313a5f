/** What all nodes of a cluster share and nobody else may have: `DIR/cluster.keys`, mode 0600, handed to nodes that join. */
import { createPasswordServerSetup } from '../crypto/opaque-server.ts';
import type { Stretching } from '../crypto/password-auth.ts';
import type { KeyPair, VerifyingSuite } from '../crypto/suite.ts';
import { createTlsIdentity } from '../net/certificate.ts';
import type { TlsIdentity } from '../net/certificate.ts';
import type { Random } from '../ops/random.ts';
import { TLS_TICKET_KEY_BYTES } from '../protocol/limits.ts';
import { bytes, oneOf, struct, text } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';

export const clusterKeys = struct({
  clusterId: bytes(16),
  tlsKey: text(4096),
  tlsCertificate: text(4096),
  /** Encrypts TLS session tickets, so that a session resumes at any node. */
  tlsTicketKeys: bytes(TLS_TICKET_KEY_BYTES),
  signingPublicKey: bytes(32),
  signingPrivateKey: bytes(64),
  /** OPAQUE's server set-up: an offline attack on passwords needs it besides the store. */
  passwordSetup: text(1024),
  stretching: oneOf('standard', 'weak'),
});
export type ClusterKeys = Infer<typeof clusterKeys>;

/** Makes the keys of a new cluster. */
export async function createClusterKeys(
  suite: VerifyingSuite,
  random: Random,
  stretching: Stretching,
): Promise<ClusterKeys> {
  const tls = createTlsIdentity(random);
  const signing = suite.signKeyPair();
  return {
    clusterId: random.bytes(16),
    tlsKey: tls.key,
    tlsCertificate: tls.cert,
    tlsTicketKeys: random.bytes(TLS_TICKET_KEY_BYTES),
    signingPublicKey: signing.publicKey,
    signingPrivateKey: signing.privateKey,
    passwordSetup: await createPasswordServerSetup(),
    stretching,
  };
}

export function tlsIdentityOf(keys: ClusterKeys): TlsIdentity {
  return { key: keys.tlsKey, cert: keys.tlsCertificate };
}

export function signingKeysOf(keys: ClusterKeys): KeyPair {
  return { publicKey: keys.signingPublicKey, privateKey: keys.signingPrivateKey };
}

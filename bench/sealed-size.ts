/** How long the ciphertext of a text is: sealed once for real, so that generated bodies have the right size. */
import { sealDirect, NO_PREVIOUS } from '../src/crypto/opening/direct-message.ts';
import { createOpeningSuite } from '../src/crypto/opening/opening-suite.ts';
import {
  parseDeviceId,
  parseIncarnation,
  parseMessageId,
  parseUserId,
} from '../src/protocol/ids.ts';

export async function sealedBytes(textBytes: number): Promise<number> {
  const suite = await createOpeningSuite();
  const identity = suite.signKeyPair();
  const draft = {
    from: parseUserId('@bench-0'),
    device: parseDeviceId(1),
    counter: 1,
    previous: NO_PREVIOUS,
    to: parseUserId('@bench-1'),
    incarnation: parseIncarnation('0'.repeat(32)),
    id: parseMessageId('0'.repeat(26)),
    timestamp: 2 ** 40,
    quiet: false,
    body: { type: 'text', text: 'x'.repeat(textBytes) },
  } as const;
  const recipient = {
    identity: identity.publicKey,
    box: { epoch: 1, publicKey: suite.boxKeyPair().publicKey },
  };
  return sealDirect(suite, draft, recipient, identity.privateKey).envelope.body.length;
}

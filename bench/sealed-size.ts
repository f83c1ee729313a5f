/** How long ciphertexts are: sealed once for real, so that generated bodies have the right size; and what opening costs. */
import { sealDirect, NO_PREVIOUS } from '../src/crypto/opening/direct-message.ts';
import { createGroupKey, keyCommitment } from '../src/crypto/opening/group-keys.ts';
import { openGroupMessage, sealGroupMessage } from '../src/crypto/opening/group-message.ts';
import type { EpochKey } from '../src/crypto/opening/group-message.ts';
import { createOpeningSuite } from '../src/crypto/opening/opening-suite.ts';
import type { KeyPair, OpeningSuite } from '../src/crypto/suite.ts';
import {
  parseDeviceId,
  parseGroupId,
  parseIncarnation,
  parseMessageId,
  parseUserId,
} from '../src/protocol/ids.ts';

const incarnation = parseIncarnation('0'.repeat(32));
const group = parseGroupId('#bench');
const OPENED_COUNT = 5000;
const WARM_UP_COUNT = 500;

function draftOf(textBytes: number) {
  return {
    from: parseUserId('@bench-0'),
    device: parseDeviceId(1),
    counter: 1,
    previous: NO_PREVIOUS,
    incarnation,
    id: parseMessageId('0'.repeat(26)),
    timestamp: 2 ** 40,
    quiet: false,
    body: { type: 'text', text: 'x'.repeat(textBytes) },
  } as const;
}

export async function sealedBytes(textBytes: number): Promise<number> {
  const suite = await createOpeningSuite();
  const identity = suite.signKeyPair();
  const recipient = {
    identity: identity.publicKey,
    box: { epoch: 1, publicKey: suite.boxKeyPair().publicKey },
  };
  const draft = { ...draftOf(textBytes), to: parseUserId('@bench-1') };
  return sealDirect(suite, draft, recipient, identity.privateKey).envelope.body.length;
}

function groupKey(suite: OpeningSuite): EpochKey {
  const key = createGroupKey(suite);
  return { epoch: 1, key, commitment: keyCommitment(suite, { group, incarnation, epoch: 1 }, key) };
}

function sealOne(suite: OpeningSuite, textBytes: number, key: EpochKey, identity: KeyPair) {
  const draft = { ...draftOf(textBytes), to: group };
  return sealGroupMessage(suite, draft, key, identity.privateKey).envelope;
}

export async function groupSealedBytes(textBytes: number): Promise<number> {
  const suite = await createOpeningSuite();
  return sealOne(suite, textBytes, groupKey(suite), suite.signKeyPair()).body.length;
}

/** What one device pays to open and check a group message, without storing it: CPU of this process, µs. */
export async function groupOpeningUs(textBytes: number): Promise<number> {
  const suite = await createOpeningSuite();
  const identity = suite.signKeyPair();
  const key = groupKey(suite);
  const envelope = sealOne(suite, textBytes, key, identity);
  const open = (): unknown => openGroupMessage(suite, { envelope, group }, key, identity.publicKey);
  for (let count = 0; count < WARM_UP_COUNT; count += 1) open();
  const before = process.cpuUsage();
  for (let count = 0; count < OPENED_COUNT; count += 1) open();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / OPENED_COUNT;
}

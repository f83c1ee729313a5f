/** Makes a group with real operations: signed by its author, a fresh key sealed to the box key of every member. */
import { fromBase64url } from '../../src/crypto/base64url.ts';
import { sealGroupKey } from '../../src/crypto/opening/group-keys.ts';
import { makeCreation } from '../../src/crypto/opening/group-operation.ts';
import type { MadeOperation } from '../../src/crypto/opening/group-operation.ts';
import { createOpeningSuite } from '../../src/crypto/opening/opening-suite.ts';
import type { MemberSeal } from '../../src/protocol/group-log.ts';
import { parseGroupId, parseIncarnation } from '../../src/protocol/ids.ts';
import type { GroupId, Incarnation, UserId } from '../../src/protocol/ids.ts';
import { GROUP_SEALS_MAX } from '../../src/protocol/limits.ts';
import type { BenchAccount } from '../account.ts';
import type { RawLink } from './raw-link.ts';

const INCARNATION_BYTES = 16;
const PROFILE = { title: 'Benchmark', topic: '' };

export async function makeGroup(
  link: RawLink,
  author: BenchAccount,
  name: string,
  members: readonly UserId[],
): Promise<{ readonly group: GroupId; readonly incarnation: Incarnation }> {
  const suite = await createOpeningSuite();
  const group = parseGroupId(name);
  const incarnation = parseIncarnation(
    Buffer.from(suite.random(INCARNATION_BYTES)).toString('hex'),
  );
  const others = members.filter((user) => user !== author.user);
  const change = {
    type: 'create',
    members: others.map((user) => ({ user, role: 'member' as const })),
  } as const;
  const draft = { author: author.user, at: Date.now(), change, profile: PROFILE };
  const identity = fromBase64url(author.identityKey);
  const made = makeCreation(suite, { group, incarnation }, draft, identity);
  const seals = await Promise.all(
    [author.user, ...others].map(async (user): Promise<MemberSeal> => {
      const { box } = await link.call('keys', { user });
      const sealed = sealGroupKey(suite, made.key, Uint8Array.from(box.publicKey));
      return { user, boxEpoch: box.epoch, sealed };
    }),
  );
  await operate(link, group, made, seals);
  return { group, incarnation };
}

/** All seals but those of the last part go ahead. */
async function operate(
  link: RawLink,
  group: GroupId,
  { signed, hash }: MadeOperation,
  seals: readonly MemberSeal[],
): Promise<void> {
  let from = 0;
  for (; seals.length - from > GROUP_SEALS_MAX; from += GROUP_SEALS_MAX) {
    const part = seals.slice(from, from + GROUP_SEALS_MAX);
    await link.call('groupStage', { group, operation: hash, from, seals: part });
  }
  await link.call('groupOperate', { group, signed, seals: seals.slice(from) });
}

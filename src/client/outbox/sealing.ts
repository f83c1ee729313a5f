/** How messages to one address are sealed: to a user's box key, or under the key of a group's epoch. */
import { sealDirect } from '../../crypto/opening/direct-message.ts';
import { sealGroupMessage } from '../../crypto/opening/group-message.ts';
import type { EpochKey } from '../../crypto/opening/group-message.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { PublicKeys } from '../../protocol/account.ts';
import { invariant } from '../../protocol/errors.ts';
import { isGroup, isUser } from '../../protocol/ids.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import type { DraftRecord } from '../store/records.ts';
import type { Seal } from './lane.ts';

/** A draft with all that its sender adds. */
export interface SealedDraft extends Omit<DraftRecord, 'seq' | 'life'> {
  readonly from: UserId;
  readonly device: DeviceId;
  readonly counter: number;
  readonly previous: Uint8Array;
}

export interface Sealing {
  /** The life of the recipient's log. */
  readonly incarnation: Incarnation;
  /** @throws E_TOO_LARGE, E_SIGNATURE for a key that is no usable point */
  seal(draft: SealedDraft, identityPrivateKey: Uint8Array): Seal;
}

/** What this home would seal with, and whether it is what was pinned. */
export interface TrustedSealing {
  readonly sealing: Sealing;
  readonly trust: 'pinned' | 'changed';
}

/** `keys` belong to the pinned identity. */
export function directSealing(suite: OpeningSuite, keys: PublicKeys): Sealing {
  const { incarnation } = keys;
  return {
    incarnation,
    seal(draft, identityPrivateKey) {
      const { to } = draft;
      invariant(isUser(to), 'a direct message goes to a user');
      return sealDirect(suite, { ...draft, to, incarnation }, keys, identityPrivateKey);
    },
  };
}

export function groupSealing(
  suite: OpeningSuite,
  incarnation: Incarnation,
  epochKey: EpochKey,
): Sealing {
  return {
    incarnation,
    seal(draft, identityPrivateKey) {
      const { to, body } = draft;
      invariant(isGroup(to) && body.type !== 'sync', 'a group is told contents only');
      const said = { ...draft, to, body, incarnation };
      return sealGroupMessage(suite, said, epochKey, identityPrivateKey);
    },
  };
}

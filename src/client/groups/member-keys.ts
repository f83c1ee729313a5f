/** Seals a group's key to its members: asks for their present box keys, many at a time, and trusts the pinned ones only. */
import { sealGroupKey } from '../../crypto/opening/group-keys.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { BoxKey } from '../../protocol/account.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { MemberSeal } from '../../protocol/group-log.ts';
import type { UserId } from '../../protocol/ids.ts';
import { GROUP_KEYS_ASKED_MAX } from '../../protocol/limits.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { Directory } from '../directory.ts';
import { insist } from '../insist.ts';
import type { InsistPorts } from '../insist.ts';

export interface MemberKeysPorts extends InsistPorts {
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
  readonly directory: Directory;
}

export class MemberKeys {
  readonly #ports: MemberKeysPorts;

  constructor(ports: MemberKeysPorts) {
    this.#ports = ports;
  }

  /**
   * The present box keys of all of them. @throws E_NO_SUCH_USER naming the one, E_KEY_CHANGED naming whose identity is
   * another one than was pinned
   */
  async of(users: Iterable<UserId>): Promise<ReadonlyMap<UserId, BoxKey>> {
    const boxes = new Map<UserId, BoxKey>();
    const waiting = [...users];
    const worker = async (): Promise<void> => {
      for (let user = waiting.shift(); user !== undefined; user = waiting.shift())
        boxes.set(user, await this.#boxOf(user));
    };
    const workers = Array.from({ length: GROUP_KEYS_ASKED_MAX }, worker);
    await Promise.all(workers);
    return boxes;
  }

  /** One seal for each. */
  seal(key: SecretBytes, boxes: ReadonlyMap<UserId, BoxKey>): readonly MemberSeal[] {
    const { suite } = this.#ports;
    return Array.from(boxes, ([user, { epoch: boxEpoch, publicKey }]) => {
      return { user, boxEpoch, sealed: sealGroupKey(suite, key, publicKey) };
    });
  }

  async #boxOf(user: UserId): Promise<BoxKey> {
    const { book } = this.#ports;
    if (user === book.user) return book.publishedBox;
    const { keys, trust } = await this.#keysOf(user);
    if (trust === 'pinned') return keys.box;
    const text = `the identity key of ${user} has changed: verify it, or remove ${user}, first`;
    throw new FastChatError('E_KEY_CHANGED', text);
  }

  /** Fresh ones: whatever was sealed to an older key could be opened by a device that was revoked. */
  async #keysOf(user: UserId): ReturnType<Directory['keysOf']> {
    const { directory } = this.#ports;
    try {
      return await insist(this.#ports, () => directory.keysOf(user, true));
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_NO_SUCH_USER') throw cause;
      throw new FastChatError('E_NO_SUCH_USER', `there is no user ${user}`, { cause });
    }
  }
}

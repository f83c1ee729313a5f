/**
 * Reads a stretch of a group's log: verifies each operation and judges each message by the members and the key that hold
 * at its place. Asks for what that needs: identities of new people, sealed keys, operations that have left the log.
 */
import { openGroupMessage } from '../../crypto/opening/group-message.ts';
import type { OpenedGroupMessage } from '../../crypto/opening/group-message.ts';
import { readOperation } from '../../crypto/group-operations.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { GroupEntry, PlacedOperation } from '../../protocol/group-log.ts';
import { refuseMessage } from '../../protocol/group-roster.ts';
import type { UserId } from '../../protocol/ids.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { Directory } from '../directory.ts';
import type { GroupEvent } from '../group-api.ts';
import { isPassing } from '../outbox/refusals.ts';
import { eventsOf, follow, profileAfter } from './facts.ts';
import type { GroupFacts } from './facts.ts';
import type { GroupCalls } from './group-calls.ts';
import type { LocalGroup } from './local-group.ts';

export type GroupOpening =
  | {
      readonly type: 'message';
      readonly seq: number;
      /** The entry that had let this account in, at the place of the message. */
      readonly since: number;
      readonly message: OpenedGroupMessage;
    }
  | { readonly type: 'event'; readonly event: GroupEvent }
  /** Not what it claims to be, or nothing that this device can read. */
  | { readonly type: 'refused'; readonly from: UserId | undefined; readonly error: FastChatError };

export interface GroupOpenerPorts {
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
  readonly directory: Directory;
  readonly calls: GroupCalls;
}

type Message = Extract<GroupEntry, { type: 'message' }>;

/** One batch; what it finds out is the group's only once it is flushed. */
export class GroupOpener {
  readonly #ports: GroupOpenerPorts;
  readonly #local: LocalGroup;
  readonly openings: GroupOpening[] = [];
  facts: GroupFacts;
  /** The entry after which this account was no member any more; 0: it is one, as far as was read. */
  endedAt = 0;

  constructor(ports: GroupOpenerPorts, local: LocalGroup) {
    this.#ports = ports;
    this.#local = local;
    this.facts = local.facts;
  }

  /** @throws E_UNREACHABLE and the like when something could not be asked for: the entry is to be read later */
  async take(entry: GroupEntry, isNext: boolean): Promise<void> {
    if (!isNext || this.facts.roster === undefined) await this.#catchUp(entry.seq);
    if (entry.type === 'message')
      return this.#attempt(entry.envelope.from, () => this.#read(entry));
    await this.#attempt(undefined, () => this.#operate(entry));
  }

  /** Operations that are not in the log any more, or were never told: those before entry `end`. */
  async #catchUp(end: number): Promise<void> {
    for (;;) {
      const from = (this.facts.roster?.position ?? 0) + 1;
      const { operations, position } = await this.#ports.calls.chain(this.#local, from);
      for (const operation of operations) {
        if (operation.seq >= end) return;
        const before = this.facts;
        // What was before this account came in is read for its sake, and is no news.
        const isNews = operation.seq >= this.#local.since;
        await this.#attempt(undefined, () => this.#apply(operation, isNews));
        // A chain that does not go on is of no use; what builds on it is refused one by one.
        if (this.facts === before) return;
      }
      if (operations.length === 0 || (this.facts.roster?.position ?? 0) >= position) return;
    }
  }

  async #operate(entry: PlacedOperation): Promise<void> {
    const { position } = readOperation(this.#ports.suite, entry.signed);
    const known = this.facts.roster?.position ?? 0;
    // The chain is asked for what stands before an entry only: nothing honest comes twice.
    if (position <= known)
      throw new FastChatError('E_STALE_EPOCH', 'an operation that stands at another place');
    if (position > known + 1) await this.#catchUp(entry.seq);
    await this.#apply(entry, true);
  }

  async #apply(placed: PlacedOperation, isNews: boolean): Promise<void> {
    const { suite, book } = this.#ports;
    const { keyring } = this.#local;
    const { author, change } = readOperation(suite, placed.signed);
    const identity = await this.#identityOf(author);
    const reader = { suite, keyring, self: book.user, place: this.#local };
    const followed = follow(reader, this.facts, placed, identity);
    const { roster } = followed.facts;
    const isMember = roster?.ended === false && roster.members.has(book.user);
    if (isMember && followed.operation.profile !== undefined) await this.#learnKey(roster.epoch);
    const profile = this.#profileAfter(followed);
    this.facts = { ...followed.facts, profile };
    if (!isNews) return;
    this.endedAt = isMember ? 0 : placed.seq;
    for (const event of eventsOf(followed, profile, book.user))
      this.openings.push({ type: 'event', event });
    if (change.type === 'rename' && profile === undefined)
      this.#refuse(author, new FastChatError('E_DECRYPT', 'the new title cannot be read'));
  }

  /** A title that cannot be read is no reason not to follow the operation. */
  #profileAfter(followed: ReturnType<typeof follow>): GroupFacts['profile'] {
    try {
      return profileAfter(this.#ports.suite, this.#local.keyring, followed);
    } catch (cause) {
      this.#refuse(followed.operation.author, asFastChatError(cause));
      return followed.facts.profile;
    }
  }

  async #read({ seq, envelope }: Message): Promise<void> {
    const { suite } = this.#ports;
    // Of a key that nobody told of: a node has withheld an operation.
    if (envelope.boxEpoch > (this.facts.roster?.epoch ?? 0)) await this.#catchUp(seq);
    const { roster } = this.facts;
    if (roster === undefined) throw new FastChatError('E_SIGNATURE', 'the group has no chain');
    const refused = refuseMessage(roster, envelope);
    if (refused !== undefined) throw refused;
    const identity = await this.#identityOf(envelope.from);
    await this.#learnKey(roster.epoch);
    const key = this.#local.keyring.keyOf(roster.epoch);
    if (key === undefined)
      throw new FastChatError('E_DECRYPT', 'this device was not given the key of its time');
    const opened = openGroupMessage(suite, { envelope, group: roster.group }, key, identity);
    const since = this.facts.since.get(this.#ports.book.user) ?? 0;
    this.openings.push({ type: 'message', seq, since, message: opened });
  }

  /** Asks for seals when the key of the epoch takes one that was not seen yet. @throws E_AUTH while the vault is locked */
  async #learnKey(epoch: number): Promise<void> {
    const missing = this.#local.keyring.missingFor(epoch);
    if (missing !== undefined) await this.#ports.calls.learnKeys(this.#local, missing);
  }

  async #identityOf(user: UserId): Promise<Uint8Array> {
    const { book, directory } = this.#ports;
    if (user === book.user) return book.vault.identity.publicKey;
    return await directory.identityOf(user);
  }

  /** What cannot be believed is refused and the log goes on; what could not be asked for stops it for now. */
  async #attempt(from: UserId | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const error = asFastChatError(cause);
      if (isPassing(error) || error.code === 'E_AUTH') throw error;
      this.#refuse(from, error);
    }
  }

  #refuse(from: UserId | undefined, error: FastChatError): void {
    this.openings.push({ type: 'refused', from, error });
  }
}

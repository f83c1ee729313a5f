/**
 * A member of groups who keeps to no rule: has real keys and a real account, knows how everything is signed and sealed,
 * and says over real TLS what it likes. It helps whoever owns the node, too: its keys open what it was given.
 */
import { Logins } from '../../bench/generator/login.ts';
import type { RawLink } from '../../bench/generator/raw-link.ts';
import type { BenchAccount } from '../../bench/account.ts';
import { readOperation } from '../../src/crypto/group-operations.ts';
import { sealGroupMessage } from '../../src/crypto/opening/group-message.ts';
import type { EpochKey, GroupDraft } from '../../src/crypto/opening/group-message.ts';
import { NO_PREVIOUS } from '../../src/crypto/opening/direct-message.ts';
import { makeOperation } from '../../src/crypto/opening/group-operation.ts';
import { createOpeningSuite } from '../../src/crypto/opening/opening-suite.ts';
import { createVault, publishedBoxKey } from '../../src/crypto/opening/vault.ts';
import { SecretKeyPair } from '../../src/crypto/secrets.ts';
import type { OpeningSuite } from '../../src/crypto/suite.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import type { GroupChange, GroupEntry } from '../../src/protocol/group-log.ts';
import type { GroupId, Incarnation, UserId } from '../../src/protocol/ids.ts';
import { parseMessageId, parseUserId } from '../../src/protocol/ids.ts';
import { Member, must } from '../unit/crypto/group-people.ts';
import { anyWrapKeys } from '../unit/crypto/people.ts';
import type { Person } from '../unit/crypto/people.ts';

const NO_PRIVATE_KEY = new Uint8Array(32);

/** What it knows of one group, as a client would. */
interface Known {
  readonly incarnation: Incarnation;
  readonly member: Member;
}

export class HostileMember {
  readonly user: UserId;
  readonly suite: OpeningSuite;
  /** Anybody's link to a node is as good as another. */
  readonly link: RawLink;
  readonly #self: Person;
  readonly #account: BenchAccount;
  readonly #people: Map<UserId, Person>;
  readonly #groups = new Map<GroupId, Known>();

  private constructor(suite: OpeningSuite, self: Person, account: BenchAccount, link: RawLink) {
    this.suite = suite;
    this.user = self.user;
    this.link = link;
    this.#self = self;
    this.#account = account;
    this.#people = new Map([[self.user, self]]);
  }

  static async register(name: string, url: string): Promise<HostileMember> {
    const suite = await createOpeningSuite();
    const user = parseUserId(name);
    const vault = createVault(suite, 0, anyWrapKeys(suite));
    const logins = new Logins(url);
    const box = publishedBoxKey(suite, vault, user);
    const account = await logins.register(user, { identity: vault.identity, box });
    const { link } = await logins.byDevice(account);
    return new HostileMember(suite, { user, vault }, account, link);
  }

  get privateKey(): Uint8Array {
    return this.#self.vault.identity.privateKey;
  }

  /** What it knows of a group it has followed. */
  member(group: GroupId): Member {
    return must(this.#groups.get(group)).member;
  }

  key(group: GroupId): EpochKey {
    return this.member(group).key;
  }

  /** Follows the chain of a group as far as it is let, with the keys it gets. */
  async follow(group: GroupId): Promise<void> {
    const { incarnation } = await this.#known(group);
    const member = this.member(group);
    const from = (member.roster?.position ?? 0) + 1;
    const asked = { group, incarnation };
    const { operations } = await this.link.call('groupChain', { ...asked, from, limit: 256 });
    const { seals } = await this.link.call('groupKeys', { ...asked, from: 0 });
    for (const { signed } of operations) {
      const { author, epoch } = readOperation(this.suite, signed);
      await this.#meet(author);
      const own = seals.find((seal) => seal.epoch === epoch && !member.keys.has(epoch));
      member.take({ signed, seals: new Map(own && [[this.user, own.sealed]]) });
    }
  }

  /** Everything of a group's log that the node gives it. */
  async pull(group: GroupId, from = 1): Promise<readonly GroupEntry[]> {
    const { incarnation } = await this.#known(group);
    return (await this.link.call('groupPull', { group, incarnation, from, limit: 256 })).entries;
  }

  /** An operation that follows the newest one it knows, in anybody's name, with its own signature. */
  operation(group: GroupId, change: GroupChange, author = this.user): Uint8Array {
    const { roster, key } = this.member(group);
    const profile = { title: `by ${this.user}`, topic: '' };
    const now = { roster: must(roster), key: key.key };
    const draft = { author, at: Date.now(), change, profile };
    return makeOperation(this.suite, now, draft, this.privateKey).signed;
  }

  /** Has an operation of its own taken by the node. @throws Refused */
  async operate(group: GroupId, signed: Uint8Array, sealedTo: readonly UserId[] = []) {
    const seals = await Promise.all(
      sealedTo.map(async (user) => {
        const { box } = await this.link.call('keys', { user });
        const { key } = this.key(group);
        const sealed = this.suite.seal(key.reveal(), box.publicKey);
        return { user, boxEpoch: box.epoch, sealed };
      }),
    );
    return this.link.call('groupOperate', { group, signed, seals });
  }

  /** A message under whatever key and in whatever name, with its own signature. */
  envelope(
    group: GroupId,
    text: string,
    changes: Partial<GroupDraft> = {},
    key = this.key(group),
  ): Envelope {
    const draft: GroupDraft = {
      from: this.user,
      device: this.#account.device,
      counter: 1,
      previous: NO_PREVIOUS,
      to: group,
      incarnation: must(this.#groups.get(group)).incarnation,
      id: parseMessageId(`by-mallory-${text.length}`),
      timestamp: Date.now(),
      quiet: false,
      body: { type: 'text', text },
      ...changes,
    };
    return sealGroupMessage(this.suite, draft, key, this.privateKey).envelope;
  }

  async #known(group: GroupId): Promise<Known> {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const { incarnation } = await this.link.call('groupInfo', { group });
    const member = new Member(this.suite, this.#people, this.user);
    const made = { incarnation, member };
    this.#groups.set(group, made);
    return made;
  }

  /** Learns the public keys of somebody. */
  async #meet(user: UserId): Promise<void> {
    if (this.#people.has(user)) return;
    const { identity, box } = await this.link.call('keys', { user });
    const vault = createVault(this.suite, 0, anyWrapKeys(this.suite));
    const keys = new SecretKeyPair(box.publicKey, NO_PRIVATE_KEY);
    this.#people.set(user, {
      user,
      vault: {
        ...vault,
        identity: new SecretKeyPair(identity, NO_PRIVATE_KEY),
        boxKeys: [{ epoch: box.epoch, madeAt: 0, keys }],
      },
    });
  }
}

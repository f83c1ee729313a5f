/** Members of a group as their clients see it, without a server between them: what each has verified and can open. */
import { applyOperation, keySourceOf, refuseMessage } from '../../../src/protocol/group-roster.ts';
import type { Roster } from '../../../src/protocol/group-roster.ts';
import { readOperation, verifyOperation } from '../../../src/crypto/group-operations.ts';
import type { GroupOperation } from '../../../src/protocol/group-log.ts';
import {
  nextGroupKey,
  checkGroupKey,
  openGroupKey,
  openProfile,
  sealGroupKey,
} from '../../../src/crypto/opening/group-keys.ts';
import { openGroupMessage, sealGroupMessage } from '../../../src/crypto/opening/group-message.ts';
import type {
  EpochKey,
  GroupDraft,
  OpenedGroupMessage,
} from '../../../src/crypto/opening/group-message.ts';
import { makeCreation, makeOperation } from '../../../src/crypto/opening/group-operation.ts';
import type { MadeOperation } from '../../../src/crypto/opening/group-operation.ts';
import { NO_PREVIOUS } from '../../../src/crypto/opening/direct-message.ts';
import { currentBoxKey } from '../../../src/crypto/opening/vault.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { GroupChange, GroupProfile } from '../../../src/protocol/group-log.ts';
import {
  parseDeviceId,
  parseGroupId,
  parseIncarnation,
  parseMessageId,
} from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { person } from './people.ts';
import type { Person } from './people.ts';

export const team = parseGroupId('#team');
export const life = parseIncarnation('1'.repeat(32));
export const PROFILE: GroupProfile = { title: 'The team', topic: 'what we do' };

export type People = ReadonlyMap<UserId, Person>;

export function people(suite: OpeningSuite, ...names: string[]): People {
  return new Map(names.map((name) => person(suite, name)).map((one) => [one.user, one]));
}

/** A made operation with what its author seals for whoever needs it. */
export interface Sent extends MadeOperation {
  readonly seals: ReadonlyMap<UserId, Uint8Array>;
}

export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none');
  return value;
}

export class Member {
  readonly self: Person;
  readonly #suite: OpeningSuite;
  readonly #people: People;
  roster: Roster | undefined;
  readonly keys = new Map<number, EpochKey>();

  constructor(suite: OpeningSuite, everybody: People, user: UserId) {
    this.#suite = suite;
    this.#people = everybody;
    this.self = must(everybody.get(user));
  }

  get key(): EpochKey {
    return must(this.keys.get(must(this.roster).epoch));
  }

  create(change: Extract<GroupChange, { type: 'create' }>, incarnation = life): Sent {
    const draft = { author: this.self.user, at: 5, change, profile: PROFILE };
    const place = { group: team, incarnation };
    const made = makeCreation(this.#suite, place, draft, this.#privateKey);
    return this.#sealed(made, [this.self.user, ...change.members.map(({ user }) => user)]);
  }

  make(change: GroupChange, profile = PROFILE): Sent {
    const roster = must(this.roster);
    const draft = { author: this.self.user, at: 5, change, profile };
    const now = { roster, key: this.key.key };
    const made = makeOperation(this.#suite, now, draft, this.#privateKey);
    if (change.type === 'add') return this.#sealed(made, [change.user]);
    if (keySourceOf(change) === 'same') return { ...made, seals: new Map() };
    const gone = change.type === 'remove' ? change.user : undefined;
    return this.#sealed(
      made,
      [...roster.members.keys()].filter((user) => user !== gone),
    );
  }

  /** Verifies an operation, follows it, and gets its key if it can. @throws what makes it unacceptable */
  take({ signed, seals }: Pick<Sent, 'signed' | 'seals'>): GroupOperation {
    const author = this.#people.get(readOperation(this.#suite, signed).author);
    if (author === undefined) throw new FastChatError('E_NO_SUCH_USER', 'nobody of that name');
    const operation = verifyOperation(this.#suite, signed, author.vault.identity.publicKey);
    const outcome = applyOperation(this.roster, operation);
    if (!outcome.ok) throw outcome.error;
    const before = this.roster;
    this.roster = outcome.value;
    this.#noteKey(before, operation, seals.get(this.self.user));
    return operation;
  }

  say(text: string, changes: Partial<GroupDraft> = {}): Envelope {
    const draft: GroupDraft = {
      from: this.self.user,
      device: parseDeviceId(1),
      counter: 1,
      previous: NO_PREVIOUS,
      to: team,
      incarnation: must(this.roster).incarnation,
      id: parseMessageId('m1'),
      timestamp: 1000,
      quiet: false,
      body: { type: 'text', text },
      ...changes,
    };
    return sealGroupMessage(this.#suite, draft, this.key, this.#privateKey).envelope;
  }

  /** Reads a message that stands right after the roster known. @throws what makes it unacceptable */
  read(envelope: Envelope): OpenedGroupMessage {
    const refusal = refuseMessage(must(this.roster), envelope);
    if (refusal !== undefined) throw refusal;
    return this.open(envelope);
  }

  /** Opens a message with whatever key of its epoch this member has. */
  open(envelope: Envelope): OpenedGroupMessage {
    const key = this.keys.get(envelope.boxEpoch);
    if (key === undefined) throw new FastChatError('E_DECRYPT', 'no key of that epoch');
    const sender = must(this.#people.get(envelope.from)).vault.identity.publicKey;
    return openGroupMessage(this.#suite, { envelope, group: team }, key, sender);
  }

  profileOf({ epoch, profile, incarnation }: GroupOperation): GroupProfile {
    const place = { group: team, incarnation, epoch };
    return openProfile(this.#suite, place, must(profile), this.key.key);
  }

  get #privateKey(): Uint8Array {
    return this.self.vault.identity.privateKey;
  }

  #sealed(made: MadeOperation, users: readonly UserId[]): Sent {
    const seals = users.map((user) => {
      const { keys } = currentBoxKey(must(this.#people.get(user)).vault);
      return [user, sealGroupKey(this.#suite, made.key, keys.publicKey)] as const;
    });
    return { ...made, seals: new Map(seals) };
  }

  #noteKey(
    before: Roster | undefined,
    operation: GroupOperation,
    sealed: Uint8Array | undefined,
  ): void {
    const { group, incarnation, epoch, commitment, statement, change } = operation;
    const place = { group, incarnation, epoch, commitment };
    const known = before && this.keys.get(before.epoch);
    if (sealed !== undefined) {
      const key = openGroupKey(this.#suite, place, sealed, currentBoxKey(this.self.vault).keys);
      this.keys.set(epoch, { epoch, commitment, key });
    } else if (known !== undefined && keySourceOf(change) === 'derived') {
      const key = nextGroupKey(this.#suite, known.key, statement);
      checkGroupKey(this.#suite, place, key);
      this.keys.set(epoch, { epoch, commitment, key });
    }
  }
}

/** A group of these people, the first of whom created it with the roles given to the others. */
export function foundGroup(
  suite: OpeningSuite,
  everybody: People,
  others: Extract<GroupChange, { type: 'create' }>['members'],
): { readonly members: Map<UserId, Member>; readonly sent: Sent } {
  const founder = must([...everybody.keys()][0]);
  const users = [founder, ...others.map(({ user }) => user)];
  const members = new Map(users.map((user) => [user, new Member(suite, everybody, user)]));
  const sent = must(members.get(founder)).create({ type: 'create', members: others });
  for (const member of members.values()) member.take(sent);
  return { members, sent };
}

/** The log of one group as its owner's store holds it: who was a member where, and which message stands where. */
import { GroupReader } from '../../src/actors/group/group-reader.ts';
import type { LifeReader } from '../../src/actors/group/group-reader.ts';
import type { ActorStore } from '../../src/actors/ports.ts';
import type { ShardStore } from '../../src/persist/shard-store.ts';
import { decode } from '../../src/protocol/codec.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import { groupStatement, operationContent } from '../../src/protocol/group-log.ts';
import type { GroupChange, GroupEntry, GroupRole } from '../../src/protocol/group-log.ts';
import type { GroupId, ShardId, UserId } from '../../src/protocol/ids.ts';
import { SIGNATURE_BYTES } from '../../src/crypto/sizes.ts';
import { recordCodec } from '../support/memory-actor-store.ts';

const PAGE_ENTRIES = 100;
const SEQ_MAX = 1_000_000;
/** The simulated encryption leaves what it seals to be read: a short text behind its length, as msgpack writes it. */
const SHORT_TEXT = /[\xa1-\xbf](?=u)/g;
const SHORT_TEXT_LENGTH = 0x1f;

type Members = ReadonlyMap<UserId, GroupRole>;

export interface PlacedMessage {
  readonly seq: number;
  readonly id: string;
  readonly from: UserId;
  /** When it was taken. */
  readonly members: Members;
}

export interface PlacedChange {
  readonly seq: number;
  readonly author: UserId;
  readonly type: string;
  readonly user: UserId | undefined;
}

/** What holds at one place of the log. */
interface Standing {
  readonly members: Members;
  readonly epoch: number;
  /** Somebody left who knows the key. */
  readonly isKeyKnown: boolean;
}

const NOBODY: Standing = { members: new Map(), epoch: 0, isKeyKnown: false };

/** Reads it by itself, without the functions that nodes and clients decide with. */
export class GroupLog {
  readonly group: GroupId;
  /** A device that was put back sends what its outbox held then again, as another device: clients show that once. */
  readonly messages: PlacedMessage[] = [];
  readonly changes: PlacedChange[] = [];
  /** What must not stand in a log. */
  readonly mistakes: string[] = [];
  /** Who was a member right before or right after each entry. */
  readonly #readers = new Map<number, readonly Members[]>();
  readonly #taken = new Set<string>();
  #standing = NOBODY;
  #head = 0;

  constructor(group: GroupId, store: ShardStore, shard: ShardId) {
    this.group = group;
    const reader = new GroupReader(group, readOnly(store, shard), recordCodec);
    const root = reader.root();
    if (root === undefined) return;
    const life = reader.life(root.life);
    for (const entry of entriesOf(life, root.incarnation)) this.#take(entry);
  }

  /** At the end of the log. */
  get members(): Members {
    return this.#standing.members;
  }

  /** Whether the user was a member there, or the entry made or ended it. */
  isFor(user: UserId, seq: number): boolean {
    return this.#readers.get(seq)?.some((members) => members.has(user)) ?? false;
  }

  #take(entry: GroupEntry): void {
    const { members } = this.#standing;
    const { seq } = entry;
    if (seq !== this.#head + 1) this.#mistake(seq, 'a place before it is left out');
    this.#head = seq;
    if (entry.type === 'operation') this.#change(seq, entry.signed);
    else this.#message(seq, entry.envelope);
    this.#readers.set(seq, [members, this.#standing.members]);
  }

  #message(seq: number, { from, device, counter, boxEpoch, body, quiet }: Envelope): void {
    const message = `${from}/${device} ${counter}`;
    if (this.#taken.has(message)) this.#mistake(seq, `message ${message} for the second time`);
    this.#taken.add(message);
    const { members, epoch, isKeyKnown } = this.#standing;
    const role = members.get(from);
    if (role === undefined || role === 'observer')
      this.#mistake(seq, `a message of ${from}, who is ${role ?? 'no member'}`);
    if (boxEpoch !== epoch || isKeyKnown)
      this.#mistake(seq, `a message under key ${boxEpoch}, after key ${epoch} came or was due`);
    const id = saidBy(from, body);
    if (id !== undefined && !quiet) this.messages.push({ seq, id, from, members });
  }

  #change(seq: number, signed: Uint8Array): void {
    const { statement } = decode(operationContent, signed.subarray(SIGNATURE_BYTES));
    const { author, epoch, change } = decode(groupStatement, statement);
    const { members: before, isKeyKnown: wasKnown } = this.#standing;
    const { type } = change;
    const role = before.get(author);
    const isFree = type === 'leave' || (type === 'rekey' && role === 'member');
    const mayDo = type === 'create' ? before.size === 0 : role === 'admin' || isFree;
    if (!mayDo) this.#mistake(seq, `${type} by ${author}, who is ${role ?? 'no member'}`);
    this.changes.push({ seq, author, type, user: 'user' in change ? change.user : undefined });
    const isFresh = type === 'create' || type === 'remove' || type === 'rekey';
    const isKeyKnown = !isFresh && (wasKnown || type === 'leave');
    this.#standing = { members: membersAfter(before, author, change), epoch, isKeyKnown };
  }

  #mistake(seq: number, what: string): void {
    this.mistakes.push(`entry ${seq} of ${this.group}: ${what}`);
  }
}

/**
 * The id that a user said; undefined when the body says something else. Keys and nonces look like some id once in half a
 * million messages, so it has to be one of the sender's and as long as it says.
 */
function saidBy(from: UserId, body: Uint8Array): string | undefined {
  const letters = Buffer.from(body).toString('latin1');
  const isId = new RegExp(`^${from.slice(1)}-\\d+$`);
  for (const { index } of letters.matchAll(SHORT_TEXT)) {
    const length = letters.charCodeAt(index) & SHORT_TEXT_LENGTH;
    const text = letters.slice(index + 1, index + 1 + length);
    if (isId.test(text)) return text;
  }
  return undefined;
}

function membersAfter(before: Members, author: UserId, change: GroupChange): Members {
  const members = new Map(before);
  switch (change.type) {
    case 'create':
      members.set(author, 'admin');
      for (const { user, role } of change.members) members.set(user, role);
      return members;
    case 'add':
    case 'promote':
    case 'demote':
      return members.set(change.user, change.role);
    case 'transfer':
      return members.set(author, 'member').set(change.user, 'admin');
    case 'remove':
      members.delete(change.user);
      return members;
    case 'leave':
      members.delete(author);
      return members;
    case 'delete':
      return new Map();
    case 'rename':
    case 'rekey':
      return members;
  }
}

function* entriesOf(life: LifeReader, incarnation: Envelope['incarnation']): Iterable<GroupEntry> {
  for (let from = 1; ;) {
    const range = { from, to: SEQ_MAX, limit: PAGE_ENTRIES };
    const { entries } = life.entries(range, incarnation);
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined) return;
    from = last.seq + 1;
  }
}

function readOnly(store: ShardStore, shard: ShardId): ActorStore {
  return {
    commit: () => Promise.reject(new Error('a judge writes nothing')),
    settled: () => Promise.resolve(),
    get: (key) => store.get(shard, key),
    range: (from, to, options) => store.range(shard, from, to, options),
  };
}

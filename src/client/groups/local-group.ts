/** One life of a group as this device has it: what the chain says, how far its log was read, its keys. */
import type { GroupStanding } from '../../protocol/group-facts.ts';
import type { GroupRole } from '../../protocol/group-log.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import { groupPlaceRecord, groupRecord } from '../store/group-records.ts';
import type { GroupRecord } from '../store/group-records.ts';
import type { Transaction } from '../store/local-store.ts';
import { NO_FACTS } from './facts.ts';
import type { GroupFacts } from './facts.ts';
import { GroupKeyring } from './keyring.ts';
import type { KeyringPorts } from './keyring.ts';

/** What reading a stretch of the log has come to. */
export interface Progress {
  /** The log was read up to here. */
  readonly cursor: number;
  readonly facts: GroupFacts;
  /** The entry after which this account was no member any more; 0: none. */
  readonly endedAt: number;
}

export class LocalGroup {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
  readonly keyring: GroupKeyring;
  facts: GroupFacts = NO_FACTS;
  isFormer = false;
  /** The entry that let this account in; 0: not known yet. */
  since = 0;
  /** Everything up to here is in the store. */
  cursor = 0;
  /** A person has read up to here, on some device. */
  read = 0;
  /** Epoch of the account's box key when its seals of the group's keys were last looked through. */
  resealedAt = 0;
  /** The cursor that the disk has, or will have when what is under way is flushed. */
  #written = 0;
  readonly #ports: KeyringPorts;

  constructor(
    ports: KeyringPorts,
    place: { readonly group: GroupId; readonly incarnation: Incarnation },
  ) {
    this.#ports = ports;
    this.group = place.group;
    this.incarnation = place.incarnation;
    this.keyring = new GroupKeyring(ports, place);
  }

  /** As an earlier run left it. */
  static load(ports: KeyringPorts, record: GroupRecord): LocalGroup {
    const local = new LocalGroup(ports, record);
    const place = ports.store.get(ports.keys.groupPlace(record.group), groupPlaceRecord);
    local.since = record.since;
    local.isFormer = record.isFormer;
    local.facts = factsOf(record);
    if (place?.incarnation !== record.incarnation) return local;
    local.cursor = local.#written = place.cursor;
    local.read = place.read;
    local.resealedAt = place.resealedAt;
    return local;
  }

  /** The role of `user`; undefined: no member, or the group has ended. */
  roleOf(user: UserId): GroupRole | undefined {
    const { roster } = this.facts;
    return this.isFormer || roster?.ended === true ? undefined : roster?.members.get(user);
  }

  /** The group says where it stands: this account is a member from `since` on, perhaps once more. */
  admitted({ since, head }: GroupStanding): void {
    // A log that is shorter than what we have read lost entries; what is new in it must not look old.
    this.cursor = Math.min(this.cursor, head);
    this.#written = Math.min(this.#written, head);
    this.since = since;
    this.isFormer = false;
  }

  /** The log was read; holds from the flush on. */
  advance(tx: Transaction, { cursor, facts, endedAt }: Progress): void {
    // Whoever was let in again after that is a member.
    const isFormer = (): boolean => this.isFormer || (endedAt > 0 && endedAt >= this.since);
    if (facts !== this.facts || isFormer() !== this.isFormer)
      this.#saveFacts(tx, facts, isFormer());
    this.keyring.save(tx);
    this.#written = cursor;
    this.#savePlace(tx);
    tx.after(() => {
      this.cursor = cursor;
      this.facts = facts;
      this.isFormer = isFormer();
    });
  }

  /** This account is no member any more, and nothing in the log says why. */
  end(tx: Transaction): void {
    this.#saveFacts(tx, this.facts, true);
    tx.after(() => {
      this.isFormer = true;
    });
  }

  /** A person has read up to here. False: that is no news. */
  readUpTo(tx: Transaction, seq: number): boolean {
    if (seq <= this.read) return false;
    this.read = seq;
    this.#savePlace(tx);
    return true;
  }

  resealed(tx: Transaction, boxEpoch: number): void {
    this.resealedAt = boxEpoch;
    this.#savePlace(tx);
  }

  #saveFacts(tx: Transaction, { roster, since, profile }: GroupFacts, isFormer: boolean): void {
    const { group, incarnation } = this;
    const members = Array.from(roster?.members ?? [], ([user, role]) => {
      return { user, role, since: since.get(user) ?? 0 };
    });
    const stored = roster === undefined ? undefined : { ...roster, members };
    const record = { group, incarnation, since: this.since, isFormer, roster: stored, profile };
    tx.put(this.#ports.keys.group(group), groupRecord, record);
  }

  #savePlace(tx: Transaction): void {
    const { group, incarnation, read, resealedAt } = this;
    const place = { incarnation, cursor: this.#written, read, resealedAt };
    tx.put(this.#ports.keys.groupPlace(group), groupPlaceRecord, place);
  }
}

function factsOf({ group, incarnation, roster: stored, profile }: GroupRecord): GroupFacts {
  if (stored === undefined) return { ...NO_FACTS, profile };
  const members = new Map(stored.members.map(({ user, role }) => [user, role]));
  const since = new Map(stored.members.map((member) => [member.user, member.since]));
  return { roster: { ...stored, group, incarnation, members }, since, profile };
}

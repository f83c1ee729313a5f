/** Any sequence of what can happen to a group keeps its promises. */
import { expect } from 'chai';
import fc from 'fast-check';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { GroupChange, GroupEntry, GroupRole } from '../../../../src/protocol/group-log.ts';
import { parseUserId } from '../../../../src/protocol/ids.ts';
import type { UserId } from '../../../../src/protocol/ids.ts';
import { refuseMessage } from '../../../../src/protocol/group-roster.ts';
import { Member, life, must } from '../../crypto/group-people.ts';
import type { Sent } from '../../crypto/group-people.ts';
import { GroupWorld, ann } from './group-world.ts';

const names = ['ann', 'bob', 'carl', 'dora', 'eve'] as const;
const user = fc.constantFrom(...names).map(parseUserId);
const role = fc.constantFrom<GroupRole>('observer', 'member', 'admin');
const change: fc.Arbitrary<GroupChange> = fc.oneof(
  fc.record({ type: fc.constant('add' as const), user, role }),
  fc.record({ type: fc.constantFrom('promote' as const, 'demote' as const), user, role }),
  fc.record({ type: fc.constantFrom('remove' as const, 'transfer' as const), user }),
  fc.record({ type: fc.constantFrom('leave' as const, 'rename' as const, 'rekey' as const) }),
);

type Op =
  | { readonly op: 'operate'; readonly author: UserId; readonly change: GroupChange }
  | { readonly op: 'say' | 'retry' | 'again'; readonly author: UserId }
  | { readonly op: 'flush' | 'refuse' | 'crash' | 'restart' };

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('operate' as const), author: user, change }),
  },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('say' as const), author: user }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom('retry' as const, 'again' as const), author: user }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('flush' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('refuse' as const, 'crash' as const, 'restart' as const),
    }),
  },
);

/** What a client was promised: a place in the log for its bytes. */
interface Promised {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** Clients that follow the log as it is on the disk, and remember what they were promised. */
class Crowd {
  readonly world: GroupWorld;
  readonly promised: Promised[] = [];
  readonly #counters = new Map<UserId, number>();
  readonly #lastSaid = new Map<UserId, Parameters<GroupWorld['tell']>[0]>();
  readonly #lastMade = new Map<UserId, Sent>();

  constructor(world: GroupWorld) {
    this.world = world;
  }

  async run(step: Op): Promise<void> {
    switch (step.op) {
      case 'operate':
        return this.#operate(step.author, step.change);
      case 'say':
        return this.#say(step.author);
      case 'retry':
        return this.#retry(step.author);
      case 'again':
        return this.#again(step.author);
      case 'flush':
        return this.world.flush();
      case 'refuse':
        this.world.store.refuseNext(new FastChatError('E_STORE_FULL', 'no room'));
        return undefined;
      case 'crash':
        return this.world.crash();
      case 'restart':
        return this.world.restart();
    }
  }

  /** Whoever can sign tries, with the key of whoever has it: rights are the group's to check. */
  async #operate(author: UserId, wanted: GroupChange): Promise<void> {
    await this.#catchUp();
    const member = this.world.member(author);
    const roster = must(member.roster);
    if (roster.ended || !member.keys.has(roster.epoch)) return;
    const made = member.make(wanted);
    this.#lastMade.set(author, made);
    await this.#send(made, author);
  }

  async #again(author: UserId): Promise<void> {
    const made = this.#lastMade.get(author);
    if (made !== undefined) await this.#send(made, author);
  }

  async #send(made: Sent, author: UserId): Promise<void> {
    this.world.tell(this.world.operation(author, made), (outcome) => {
      if (outcome.ok) this.#promise(outcome.value as { seq: number }, made.signed);
    });
    await this.world.settle();
  }

  async #say(author: UserId): Promise<void> {
    await this.#catchUp();
    const member = this.world.member(author);
    if (!member.keys.has(must(member.roster).epoch)) return;
    const counter = (this.#counters.get(author) ?? 0) + 1;
    const envelope = this.world.envelope(author, counter);
    const request = { type: 'groupAppend', envelope } as const;
    this.#lastSaid.set(author, request);
    await this.#post(author, request);
  }

  async #retry(author: UserId): Promise<void> {
    const request = this.#lastSaid.get(author);
    if (request?.type === 'groupAppend') await this.#post(author, request);
  }

  async #post(
    author: UserId,
    request: Extract<Parameters<GroupWorld['tell']>[0], { type: 'groupAppend' }>,
  ): Promise<void> {
    const { counter, body } = request.envelope;
    this.world.tell(request, (outcome) => {
      if (!outcome.ok) return;
      const { seq, last } = outcome.value as { seq: number; last: number };
      this.#counters.set(author, Math.max(last, this.#counters.get(author) ?? 0));
      if (last === counter) this.#promise({ seq }, body);
    });
    await this.world.settle();
  }

  #promise({ seq }: { readonly seq: number }, bytes: Uint8Array): void {
    this.promised.push({ seq, bytes });
  }

  /** Every client verifies what is on the disk, from where it was. */
  async #catchUp(): Promise<void> {
    this.world.store.forgetRefusals();
    await this.world.flush();
    for (const name of names) this.follow(this.world.member(parseUserId(name)));
  }

  follow(member: Member): void {
    const life1 = this.world.durable().life(1);
    for (let position = (member.roster?.position ?? 0) + 1; ; position += 1) {
      const record = life1.operation(position);
      if (record === undefined) return;
      const own = life1.sealsOf(member.self.user, record.epoch, 1)[0];
      const isOwn = own?.epoch === record.epoch && member.keys.get(own.epoch) === undefined;
      const seals = new Map(isOwn ? [[member.self.user, own.sealed]] : []);
      member.take({ signed: record.signed, seals });
    }
  }
}

function bytesOf(entry: GroupEntry): Uint8Array {
  return entry.type === 'message' ? entry.envelope.body : entry.signed;
}

/** Replays the whole log as somebody who trusts nobody, and checks that every entry may stand where it stands. */
function verifyLog(world: GroupWorld, entries: readonly GroupEntry[]): Member {
  const witness = new Member(world.suite, world.everybody, ann);
  const counters = new Map<string, number>();
  for (const entry of entries)
    if (entry.type === 'operation') {
      witness.take({ signed: entry.signed, seals: new Map() });
    } else {
      const { from, counter } = entry.envelope;
      expect(refuseMessage(must(witness.roster), entry.envelope)).to.equal(undefined);
      expect(counter, 'I7').to.equal((counters.get(from) ?? 0) + 1);
      counters.set(from, counter);
    }
  return witness;
}

describe('a group, whatever happens', () => {
  it('keeps a verifiable log with everything that was promised, once, at its place', async function () {
    this.timeout(60_000);
    const sequences = fc.array(anyOp, { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(sequences, fc.nat(1000), async (sequence, seed) => {
        const world = await GroupWorld.founded({ isEager: false, seed: seed + 1 });
        const crowd = new Crowd(world);
        for (const step of sequence) await crowd.run(step);
        world.store.forgetRefusals();
        await world.flush();
        const { entries } = world
          .durable()
          .life(1)
          .entries({ from: 1, to: 10_000, limit: 499 }, life);
        expect(entries.map(({ seq }) => seq)).to.deep.equal(entries.map((_, index) => index + 1));
        const witness = verifyLog(world, entries);
        for (const { seq, bytes } of crowd.promised)
          expect(bytesOf(must(entries[seq - 1])), `entry ${seq}`).to.deep.equal(bytes);
        await checkMemory(world, witness);
      }),
      { numRuns: 60 },
    );
  });

  /** What the actor says, after another crash, is what the log says. */
  async function checkMemory(world: GroupWorld, witness: Member): Promise<void> {
    await world.crash();
    const roster = must(witness.roster);
    const asker = [...roster.members.keys()][0];
    if (asker === undefined || roster.ended) return;
    const { members, position, epoch, rekeyDue } = await world.info(asker);
    expect({ position, epoch, rekeyDue }).to.deep.equal({
      position: roster.position,
      epoch: roster.epoch,
      rekeyDue: roster.rekeyDue,
    });
    const named = new Map(members.map(({ user: name, role: held }) => [name, held]));
    expect(named.size).to.equal(roster.members.size);
    for (const [name, held] of roster.members) expect(named.get(name), name).to.equal(held);
  }
});

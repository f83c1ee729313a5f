/** Any sequence of what people do to a group, through real clients and whole nodes, keeps the promises of groups. */
import { expect } from 'chai';
import fc from 'fast-check';
import { readOperation, verifyOperation } from '../../../src/crypto/group-operations.ts';
import type { Client } from '../../../src/client/api.ts';
import { applyOperation } from '../../../src/protocol/group-roster.ts';
import type { Roster } from '../../../src/protocol/group-roster.ts';
import type { GroupChange, GroupRole } from '../../../src/protocol/group-log.ts';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { must } from '../../unit/crypto/group-people.ts';
import { GroupCrowd } from './group-crowd.ts';
import { Readers, judgeOne, judgePair } from './group-model.ts';
import type { Deed } from './group-model.ts';

const RUNS = 25;
const TEAM = parseGroupId('#crowd');
const USERS = ['ann', 'bob', 'carl', 'dora', 'eve'].map(parseUserId);
const [ANN, BOB, CARL, DORA] = USERS as [UserId, UserId, UserId, UserId, UserId];

const user = fc.constantFrom(...USERS);
const role = fc.constantFrom<GroupRole>('observer', 'member', 'admin');
const change: fc.Arbitrary<GroupChange> = fc.oneof(
  fc.record({ type: fc.constant('add' as const), user, role }),
  fc.record({ type: fc.constantFrom('promote' as const, 'demote' as const), user, role }),
  fc.record({ type: fc.constantFrom('remove' as const, 'transfer' as const), user }),
  fc.record({ type: fc.constantFrom('leave' as const, 'rename' as const) }),
);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ type: fc.constant('change' as const), author: user, change }),
  fc.record({ type: fc.constant('say' as const), author: user, text: fc.constant('') }),
);
type Step =
  | { readonly what: 'one'; readonly deeds: readonly [Deed] }
  | { readonly what: 'two'; readonly deeds: readonly [Deed, Deed] }
  | { readonly what: 'away' | 'crash'; readonly user: UserId };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('one' as const), deeds: fc.tuple(deed) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('two' as const), deeds: fc.tuple(deed, deed) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('away' as const), user }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('crash' as const), user }) },
);

type Members = ReadonlyMap<UserId, GroupRole>;

/** Somebody in the group who trusts nobody, and replays the chain of operations as the node tells it. */
class Witness {
  readonly #crowd: GroupCrowd;
  #roster: Roster | undefined;

  constructor(crowd: GroupCrowd) {
    this.#crowd = crowd;
  }

  /** The group after every operation, each signed by its author, in its place, and its author's right. */
  async roster(): Promise<Roster> {
    const { world, witness } = this.#crowd;
    const { client } = witness;
    const { incarnation } = await client.call({ type: 'groupInfo', group: TEAM });
    const from = (this.#roster?.position ?? 0) + 1;
    const chain = { type: 'groupChain', group: TEAM, incarnation, from, limit: 256 } as const;
    for (const { signed } of (await client.call(chain)).operations) {
      const { author } = readOperation(world.suite, signed);
      const { identity } = await client.call({ type: 'keys', user: author });
      const operation = verifyOperation(world.suite, signed, identity);
      const outcome = applyOperation(this.#roster, operation);
      expect(outcome.ok, `${author} may ${operation.change.type}`).to.equal(true);
      if (outcome.ok) this.#roster = outcome.value;
    }
    return must(this.#roster);
  }
}

/** A group under a sequence of deeds, compared with the model after each. */
class Trial {
  readonly crowd: GroupCrowd;
  readonly readers = new Readers();
  members: Members = new Map();
  readonly #witness: Witness;
  #texts = 0;
  #titles = 0;

  constructor(crowd: GroupCrowd, witness: Witness) {
    this.crowd = crowd;
    this.#witness = witness;
  }

  static async begin(seed: number): Promise<Trial> {
    const crowd = await GroupCrowd.start(USERS, seed);
    const trial = new Trial(crowd, new Witness(crowd));
    await trial.#found();
    return trial;
  }

  /** Ann and bob are admins, carl a member, dora an observer; eve is outside. */
  async #found(): Promise<void> {
    const { group } = this.crowd.client(ANN);
    const verdicts = await this.crowd.attempt(async () => {
      await group.create(TEAM, { members: [CARL, this.crowd.witness.user], title: 'start' });
      await group.add(TEAM, BOB, 'admin');
      await group.add(TEAM, DORA, 'observer');
      await group.demote(TEAM, this.crowd.witness.user, 'observer');
    });
    expect(verdicts).to.deep.equal(['done']);
    this.members = new Map<UserId, GroupRole>([
      [ANN, 'admin'],
      [BOB, 'admin'],
      [CARL, 'member'],
      [DORA, 'observer'],
      [this.crowd.witness.user, 'observer'],
    ]);
    await this.crowd.settle();
  }

  async run(next: Step): Promise<void> {
    if ('user' in next)
      return next.what === 'away' ? this.#comeOrGo(next.user) : this.#crash(next.user);
    const deeds = next.deeds.filter(({ author }) => !this.crowd.isAway(author)).map(this.#named);
    const verdicts = (await this.crowd.attempt(...deeds.map((each) => () => this.#do(each)))).map(
      (verdict, index) => plain(verdict, deeds[index]),
    );
    await this.crowd.settle();
    const { members } = await this.#witness.roster();
    this.#check(deeds, verdicts, members);
    this.#became(deeds, verdicts, members);
  }

  /** Verdicts and members are those of the deeds one after the other; of two at once, in either order. */
  #check(deeds: readonly Deed[], verdicts: readonly string[], members: Members): void {
    const [one, two] = deeds;
    if (one === undefined) return;
    const possible =
      two === undefined ? [judgeOne(this.members, one)] : judgePair(this.members, [one, two]);
    const fits = possible.some(
      (each) => String(each.verdicts) === String(verdicts) && sameMembers(each.members, members),
    );
    const told = {
      deeds,
      verdicts,
      possible: possible.map((each) => [each.verdicts, [...each.members]]),
    };
    expect(fits, `${JSON.stringify(told)}; in truth ${JSON.stringify([...members])}`).to.equal(
      true,
    );
  }

  #became(deeds: readonly Deed[], verdicts: readonly string[], after: Members): void {
    const before = this.members;
    this.members = after;
    for (const [index, each] of deeds.entries())
      if (each.type === 'say' && verdicts[index] === 'done')
        this.readers.said(each.text, each.author, before, after);
    for (const name of after.keys())
      if (!before.has(name) && this.crowd.isAway(name)) this.#excuse(name);
  }

  #excuse(name: UserId): void {
    const shown = new Set(this.crowd.home(name).shown());
    this.readers.excuse(name, (text) => !shown.has(text));
  }

  async #comeOrGo(name: UserId): Promise<void> {
    if (this.crowd.isAway(name)) await this.crowd.enter(name);
    else await this.crowd.leave(name);
    await this.crowd.settle();
  }

  /** The client dies and starts again on what its disk holds. */
  async #crash(name: UserId): Promise<void> {
    if (this.crowd.isAway(name)) return;
    this.crowd.home(name).crash();
    await this.crowd.home(name).restart();
    await this.crowd.settle();
  }

  /** Everybody comes back; then all agree with the chain, and everybody has read what was theirs to read. */
  async finish(): Promise<void> {
    for (const name of USERS) if (this.crowd.isAway(name)) await this.crowd.enter(name);
    await this.crowd.settle();
    const { members, epoch } = await this.#witness.roster();
    for (const name of USERS) {
      await this.#checkView(name, members, epoch);
      this.#checkReading(name);
      expect(this.crowd.home(name).warnings(), `warnings of ${name}`).to.deep.equal([]);
    }
    await this.crowd.close();
  }

  async #checkView(name: UserId, members: Members, epoch: number): Promise<void> {
    const client = this.crowd.client(name);
    const known = await this.crowd.world.until(client.groups());
    const own = members.get(name);
    expect(
      known.map(({ role: held }) => held),
      `groups of ${name}`,
    ).to.deep.equal(own === undefined ? [] : [own]);
    if (own === undefined) {
      const verdicts = await this.crowd.attempt(() => client.group.info(TEAM));
      expect(verdicts).to.deep.equal(['E_NO_SUCH_GROUP']);
      return;
    }
    const info = await this.crowd.world.until(client.group.info(TEAM));
    expect(info.epoch, `epoch at ${name}`).to.equal(epoch);
    const seen = new Map(info.members.map((each) => [each.user, each.role]));
    expect(sameMembers(seen, members), `members at ${name}`).to.equal(true);
  }

  #checkReading(name: UserId): void {
    const shown = this.crowd.home(name).shown();
    expect(new Set(shown).size, `${name}: nothing twice`).to.equal(shown.length);
    expect(shown, `shown to ${name}`).to.include.members(this.readers.due(name));
    const unfit = shown.filter((text) => !this.readers.mayRead(name, text));
    expect(unfit, `not for ${name}`).to.deep.equal([]);
  }

  /** Every message has a text of its own. */
  readonly #named = (each: Deed): Deed => {
    if (each.type !== 'say') return each;
    this.#texts += 1;
    return { ...each, text: `m${this.#texts} by ${each.author}` };
  };

  #do(wanted: Deed): Promise<unknown> {
    const client = this.crowd.client(wanted.author);
    if (wanted.type === 'say') return client.send(TEAM, wanted.text);
    this.#titles += 1;
    return act(client, wanted.change, `title ${this.#titles}`);
  }
}

/** Whoever is put out while a message is on its way hears the same in other words. */
function plain(verdict: string, deed: Deed | undefined): string {
  return deed?.type === 'say' && verdict === 'E_NOT_MEMBER' ? 'E_NO_SUCH_GROUP' : verdict;
}

function act({ group }: Client, wanted: GroupChange, title: string): Promise<unknown> {
  switch (wanted.type) {
    case 'add':
      return group.add(TEAM, wanted.user, wanted.role);
    case 'remove':
      return group.remove(TEAM, wanted.user);
    case 'leave':
      return group.leave(TEAM);
    case 'promote':
      return group.promote(TEAM, wanted.user, wanted.role);
    case 'demote':
      return group.demote(TEAM, wanted.user, wanted.role);
    case 'transfer':
      return group.transfer(TEAM, wanted.user);
    case 'rename':
      return group.rename(TEAM, title);
    case 'delete':
      return group.delete(TEAM);
    case 'create':
    case 'rekey':
      throw new Error(`nobody asks a client to ${wanted.type}`);
  }
}

function sameMembers(one: Members, two: Members): boolean {
  return one.size === two.size && [...one].every(([name, held]) => two.get(name) === held);
}

describe('a group of real clients, whatever its people do', function () {
  this.timeout(120_000);

  it('is the same for all who are in it, does what each may do and no more, and is read by them alone', async () => {
    const sequences = fc.array(step, { maxLength: 24, size: 'max' });
    await fc.assert(
      fc.asyncProperty(sequences, fc.nat(10_000), async (sequence, seed) => {
        const trial = await Trial.begin(seed + 1);
        for (const next of sequence) await trial.run(next);
        await trial.finish();
      }),
      { numRuns: RUNS },
    );
  });
});

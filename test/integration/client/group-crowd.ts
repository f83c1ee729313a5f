/** People with real clients at whole nodes, all in virtual time, who come and go and try things at once. */
import type { Client } from '../../../src/client/api.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { PASSWORD } from '../../unit/client/home.ts';
import type { Home } from '../../unit/client/home.ts';
import { GroupsWorld } from '../node/groups-world.ts';
import type { Person } from '../node/groups-world.ts';

const NODES = 2;
/** Enough for everything that is under way to arrive. */
const SETTLE_MS = 400;
const WITNESS = parseUserId('witness');

export class GroupCrowd {
  readonly world: GroupsWorld;
  /** Somebody without a client, who asks nodes by hand. */
  readonly witness: Person;
  readonly #homes = new Map<UserId, Home>();
  readonly #away = new Set<UserId>();

  private constructor(world: GroupsWorld, witness: Person) {
    this.world = world;
    this.witness = witness;
  }

  static async start(users: readonly UserId[], seed: number): Promise<GroupCrowd> {
    const world = await GroupsWorld.startWith([WITNESS], NODES, seed);
    const crowd = new GroupCrowd(world, await world.person(WITNESS));
    for (const user of users) crowd.#homes.set(user, await world.join(user.slice(1)));
    return crowd;
  }

  home(user: UserId): Home {
    const home = this.#homes.get(user);
    if (home === undefined) throw new Error(`${user} is not of this crowd`);
    return home;
  }

  client(user: UserId): Client {
    return this.home(user).client;
  }

  isAway(user: UserId): boolean {
    return this.#away.has(user);
  }

  async leave(user: UserId): Promise<void> {
    this.#away.add(user);
    await this.world.until(this.client(user).logout());
  }

  async enter(user: UserId): Promise<void> {
    this.#away.delete(user);
    await this.world.until(this.client(user).login(PASSWORD));
  }

  /** Runs attempts side by side to their ends: 'done', or the code of the refusal, of each. */
  async attempt(...works: ReadonlyArray<() => Promise<unknown>>): Promise<string[]> {
    const verdicts = works.map(async (work) => {
      try {
        await work();
        return 'done';
      } catch (cause) {
        return asFastChatError(cause).code;
      }
    });
    return this.world.until(Promise.all(verdicts));
  }

  /** Everything that is under way arrives. */
  async settle(): Promise<void> {
    await this.world.clock.advance(SETTLE_MS);
  }

  async close(): Promise<void> {
    for (const { client } of this.#homes.values()) await this.world.until(client.close(0));
  }
}

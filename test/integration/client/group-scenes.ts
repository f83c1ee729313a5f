/** What several suites about groups do with a cluster and its people. */
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { Home, PASSWORD } from '../../unit/client/home.ts';
import type { ClusterWorld } from './cluster-world.ts';

/** What a home was told of groups: the change and whom it was done to, in order. */
export function changes(home: Home): readonly string[] {
  return home.of('group').map(({ change, user }) => `${change} ${user}`);
}

/** Lets the clock run until a home has heard of a change. */
export async function told(world: ClusterWorld, home: Home, what: string): Promise<void> {
  await world.eventually(() => changes(home).includes(what), `${home.name} hears: ${what}`);
}

/** Accounts without a session. */
export async function crowd(world: ClusterWorld, count: number): Promise<readonly UserId[]> {
  const users: UserId[] = [];
  for (let number = 1; number <= count; number += 1) {
    const user = parseUserId(`m${number}`);
    const client = await new Home(world, user, user).open();
    await world.until(client.register(PASSWORD));
    await world.until(client.close());
    users.push(user);
  }
  return users;
}

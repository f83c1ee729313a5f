import { expect } from 'chai';
import { RetentionPatrol } from '../../../src/node/retention-patrol.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { ShardId, UserId } from '../../../src/protocol/ids.ts';
import {
  RETENTION_INTERVAL_MS,
  RETENTION_PATROL_STEP_MS,
  RETENTION_PATROL_USERS,
} from '../../../src/protocol/limits.ts';

describe('the retention patrol', () => {
  const names = (shard: number, count: number): UserId[] =>
    Array.from({ length: count }, (_, index) => parseUserId(`@s${shard}.${1000 + index}`));

  function patrol(shards: ReadonlyMap<number, readonly UserId[]>) {
    const clock = new VirtualClock({ seed: 1 });
    const woken: UserId[] = [];
    const walker = new RetentionPatrol({
      clock,
      shards: () => [...shards.keys()] as ShardId[],
      addressesIn: (shard, limit, previous) =>
        (shards.get(shard) ?? [])
          .filter((user) => previous === undefined || user > previous)
          .slice(0, limit),
      wake: (address) => woken.push(address as UserId),
    });
    walker.start();
    return { clock, woken, walker };
  }

  it('wakes every account once an hour, however many shards are empty', async () => {
    const shards = new Map([
      [0, []],
      [3, names(3, 2)],
      [4, []],
      [9, names(9, 1)],
    ]);
    const { clock, woken } = patrol(shards);
    await clock.advance(RETENTION_INTERVAL_MS / 2);
    const everybody = [...shards.values()].flat();
    expect(woken).to.deep.equal(everybody);
    await clock.advance(RETENTION_INTERVAL_MS);
    expect(woken).to.deep.equal([...everybody, ...everybody]);
  });

  it('wakes only a few at a time', async () => {
    const users = names(1, 2 * RETENTION_PATROL_USERS + 1);
    const { clock, woken } = patrol(new Map([[1, users]]));
    await clock.advance(1.5 * RETENTION_PATROL_STEP_MS);
    expect(woken).to.deep.equal(users.slice(0, RETENTION_PATROL_USERS));
    await clock.advance(3 * RETENTION_PATROL_STEP_MS);
    expect(woken).to.deep.equal(users);
  });

  it('goes on with the next shard when the one it was in has left', async () => {
    const shards = new Map([
      [1, names(1, RETENTION_PATROL_USERS + 5)],
      [2, names(2, 1)],
    ]);
    const { clock, woken } = patrol(shards);
    await clock.advance(1.5 * RETENTION_PATROL_STEP_MS);
    shards.delete(1);
    await clock.advance(2 * RETENTION_PATROL_STEP_MS);
    expect(woken.at(-1)).to.equal(names(2, 1)[0]);
    expect(woken).to.have.length(RETENTION_PATROL_USERS + 1);
  });

  it('wakes nobody after it has stopped', async () => {
    const { clock, woken, walker } = patrol(new Map([[1, names(1, 3)]]));
    walker.stop();
    await clock.advance(RETENTION_INTERVAL_MS);
    expect(woken).to.deep.equal([]);
  });
});

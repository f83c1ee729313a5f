import { expect } from 'chai';
import { LeaseKeeper } from '../../../src/cluster/lease-keeper.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import type { Clock } from '../../../src/ops/clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';
import { LEASE_CHECK_MS, LEASE_TTL_MS } from '../../../src/protocol/limits.ts';
import { testMember } from '../../contract/coordinator.contract.ts';

const N2 = parseNodeId('n2');

/** A process that can be stopped: its timers wait, the clock of the machine goes on. */
class StoppableProcess {
  readonly #clock = new VirtualClock();
  #awayMs = 0;

  readonly clock: Clock = {
    now: () => this.#clock.now() + this.#awayMs,
    mono: () => this.#clock.mono() + this.#awayMs,
    after: (delayMs, task) => this.#clock.after(delayMs, task),
    soon: (task) => this.#clock.soon(task),
  };

  run(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  stopFor(ms: number): void {
    this.#awayMs += ms;
  }
}

describe('the leases that a coordinator keeps', () => {
  let machine: StoppableProcess;
  let keeper: LeaseKeeper;
  let heard: NodeId[][];

  beforeEach(() => {
    machine = new StoppableProcess();
    heard = [];
    const onLive = (live: ReadonlySet<NodeId>): unknown => heard.push([...live]);
    keeper = new LeaseKeeper({ clock: machine.clock, onLive });
    keeper.setMembers([testMember('n1'), testMember('n2')]);
  });
  afterEach(() => keeper.stop());

  it('end when they are not renewed', async () => {
    keeper.renew(N2);
    await machine.run(LEASE_TTL_MS - 1);
    expect(keeper.live.has(N2)).to.equal(true);
    await machine.run(LEASE_CHECK_MS + 1);
    expect(keeper.live.has(N2)).to.equal(false);
    expect(heard).to.deep.equal([['n2'], []]);
  });

  it('C5: begin anew when its own process was stopped: nobody is to blame for that', async () => {
    keeper.renew(N2);
    await machine.run(LEASE_TTL_MS / 2);
    machine.stopFor(10 * LEASE_TTL_MS);
    await machine.run(LEASE_TTL_MS - 1);
    expect(keeper.live.has(N2)).to.equal(true);
    await machine.run(2 * LEASE_CHECK_MS + 1);
    expect(keeper.live.has(N2)).to.equal(false);
  });

  it('are shown once their holder is a member', () => {
    const newcomer = parseNodeId('n3');
    keeper.renew(newcomer);
    expect(keeper.live.has(newcomer)).to.equal(false);
    keeper.setMembers([testMember('n3')]);
    expect([...keeper.live]).to.deep.equal(['n3']);
  });

  it('are granted to every member after a restart', () => {
    keeper.begin([testMember('n1'), testMember('n2')]);
    expect([...keeper.live]).to.deep.equal(['n1', 'n2']);
  });
});

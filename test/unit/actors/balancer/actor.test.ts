import { expect } from 'chai';
import { startBalancer } from '../../../../src/actors/balancer/actor.ts';
import type { Balancer } from '../../../../src/actors/balancer/actor.ts';
import type { Gate } from '../../../../src/actors/balancer/messages.ts';
import { createVirtualHost } from '../../../../src/actors/runtime/virtual-host.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { ACTOR_MAILBOX_MESSAGES_MAX } from '../../../../src/protocol/limits.ts';
import { N1, N2, report } from './nodes.ts';

interface World {
  readonly clock: VirtualClock;
  readonly balancer: Balancer;
  readonly stop: () => Promise<void>;
}

function world(): World {
  const clock = new VirtualClock();
  const random = seededRandom(3);
  const host = createVirtualHost({ clock, log: silentLog, random });
  const balancer = startBalancer({ host, self: N1, algorithm: 'inverse-load', clock, random });
  const stop = (): Promise<void> => host.stopAll(new FastChatError('E_UNREACHABLE', 'stopped'));
  return { clock, balancer, stop };
}

describe('balancer actor', () => {
  it('answers every place once, counts where logins went, and explains', async () => {
    const { clock, balancer } = world();
    balancer.report(N1, report());
    balancer.report(N2, report());
    const gates: Array<Gate | undefined> = [];
    for (let index = 0; index < 20; index += 1) balancer.place((gate) => gates.push(gate));
    await clock.advance(10);
    expect(gates).to.have.length(20);
    const counted = [...balancer.placements().values()].reduce((sum, count) => sum + count, 0);
    expect(counted).to.equal(20);
    const placed = balancer.explain().nodes.map((node) => node.placed);
    expect(placed).to.deep.equal([N1, N2].map((node) => balancer.placements().get(node)));
  });

  it('forgets a lost peer', async () => {
    const { clock, balancer } = world();
    balancer.report(N2, report());
    balancer.peerLost(N2);
    let answer: Gate | undefined | 'none yet' = 'none yet';
    balancer.place((gate) => {
      answer = gate;
    });
    await clock.advance(10);
    expect(answer).to.equal(undefined);
  });

  it('answers without a gate when its mailbox is full, and after its end', async () => {
    const { clock, balancer, stop } = world();
    balancer.report(N1, report());
    let answered = 0;
    const count = ACTOR_MAILBOX_MESSAGES_MAX + 5;
    for (let index = 0; index < count; index += 1) balancer.place(() => (answered += 1));
    expect(answered, 'refused at once').to.equal(6);
    await clock.advance(100);
    expect(answered).to.equal(count);
    await stop();
    balancer.place((gate) => {
      expect(gate).to.equal(undefined);
      answered += 1;
    });
    expect(answered).to.equal(count + 1);
  });
});

/** Runs the balancer's step as an actor: every node has one. */
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import type { NodeId } from '../../protocol/ids.ts';
import type { Placer } from '../ports.ts';
import type { ActorHost } from '../runtime/actor-host.ts';
import type { ActorBehaviour } from '../runtime/logic.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explain.ts';
import type { BalanceAlgorithm, BalancerMsg, Gate, LoadReport } from './messages.ts';
import { initialBalancer, loadsOf, stepBalancer } from './state.ts';

export interface Balancer extends Placer {
  /** Takes what a node says of itself; the own node reports here too, so that its own logins count. */
  report(node: NodeId, report: LoadReport): void;
  peerLost(node: NodeId): void;
  /** The odds of the next login as the table stands. */
  explain(): Explanation;
  /** The load of every node that lives, for whoever shares work out. */
  loads(): ReadonlyMap<NodeId, number>;
  /** Logins sent to each node since the start of this one. */
  placements(): ReadonlyMap<NodeId, number>;
}

export interface BalancerOptions {
  readonly host: ActorHost;
  readonly self: NodeId;
  readonly algorithm: BalanceAlgorithm;
  readonly clock: Clock;
  readonly random: Random;
}

/** A message with whom to answer; only `place` is answered. */
interface Letter {
  readonly type: BalancerMsg['type'];
  readonly msg: BalancerMsg;
  readonly done: (gate: Gate | undefined) => void;
}

const ignore = (): void => undefined;

/** Starts the balancer actor of this node; it ends with the host. */
export function startBalancer(options: BalancerOptions): Balancer {
  const { clock, random } = options;
  const placements = new Map<NodeId, number>();
  let state = initialBalancer(options.self, options.algorithm);

  function handle({ msg, done }: Letter): void {
    const step = stepBalancer(state, msg, clock.mono());
    state = step.state;
    for (const { gate } of step.effects) {
      if (gate !== undefined) placements.set(gate.node, (placements.get(gate.node) ?? 0) + 1);
      done(gate);
    }
  }

  const behaviour: ActorBehaviour<Letter> = {
    activate: () => Promise.resolve({ handle, isIdle: () => false, stopped: ignore }),
    refuse: ({ done }) => done(undefined),
  };
  const actor = options.host.spawn('balancer', behaviour);
  const tell = (msg: BalancerMsg, done: Letter['done'] = ignore): void => {
    actor.tell({ type: msg.type, msg, done });
  };
  return {
    place: (done) => tell({ type: 'place', roll: random.fraction() }, done),
    report: (node, report) => tell({ type: 'report', node, report }),
    peerLost: (node) => tell({ type: 'peerLost', node }),
    explain: () => explain(state, clock.mono()),
    loads: () => loadsOf(state, clock.mono()),
    placements: () => placements,
  };
}

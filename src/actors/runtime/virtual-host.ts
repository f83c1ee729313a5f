/** The simulated host: the same cells, with turns given in an order drawn from a seed. */
import type { Random } from '../../ops/random.ts';
import type { ActorHost, ActorHostOptions } from './actor-host.ts';
import { HostedActors } from './hosted-actors.ts';
import type { MakeTurnRunner } from './turns.ts';

export interface VirtualHostOptions extends ActorHostOptions {
  /** Decides which of the actors that can run runs next. */
  readonly random: Random;
}

function drawnTurns({ clock, random }: VirtualHostOptions): MakeTurnRunner {
  const runnable: Array<() => void> = [];
  const runOne = (): void => {
    const last = runnable.pop();
    if (last === undefined) return;
    const drawn = Math.floor(random.fraction() * (runnable.length + 1));
    const chosen = runnable[drawn] ?? last;
    if (drawn < runnable.length) runnable[drawn] = last;
    chosen();
  };
  return (_id, turn) => {
    let isStopped = false;
    const runUnlessStopped = (): void => {
      if (!isStopped) turn();
    };
    return {
      wake: () => {
        runnable.push(runUnlessStopped);
        clock.soon(runOne);
      },
      stop: () => {
        isStopped = true;
      },
    };
  };
}

/** A host whose every run with the same clock and seed is the same. */
export function createVirtualHost(options: VirtualHostOptions): ActorHost {
  return new HostedActors(options, drawnTurns(options));
}

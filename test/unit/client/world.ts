/** A deterministic world for client tests: virtual time, seeded chance, a fake cluster, homes whose disks outlive crashes. */
import { createTransparentOpeningSuite } from '../../../src/crypto/opening/transparent-opening-suite.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { MemoryLinks } from '../../../src/net/memory-links.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import type { Random } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FakeCluster } from '../../support/fake-gate.ts';
import type { FakeAccount } from '../../support/fake-gate.ts';
import { Homes } from './home.ts';
import type { Home } from './home.ts';

export { Home, PASSWORD, STORE_KEY } from './home.ts';

export class World extends Homes {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly suite: OpeningSuite;
  readonly links: MemoryLinks;
  readonly cluster: FakeCluster;

  private constructor(seed: number) {
    super();
    this.clock = new VirtualClock({ seed });
    this.random = seededRandom(seed);
    this.suite = createTransparentOpeningSuite(this.random);
    this.links = new MemoryLinks({ clock: this.clock, random: this.random });
    const { clock, random, suite, links } = this;
    this.cluster = new FakeCluster({ clock, random, suite, links });
  }

  static async start(seed = 1): Promise<World> {
    const world = new World(seed);
    await world.cluster.addGate('n1');
    return world;
  }

  get gates(): Home['world']['gates'] {
    return this.cluster.gates;
  }

  account(home: Home): FakeAccount {
    return this.cluster.account(home.user);
  }
}

/**
 * A whole cluster in one process and in virtual time, with two honest people who number their messages, an intruder at a
 * gate and a member that went bad. What must never happen is watched all the time.
 */
import { createTransparentVerifyingSuite } from '../../src/crypto/transparent-suite.ts';
import { MemoryLinks } from '../../src/net/memory-links.ts';
import { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { ClientGate } from '../../src/node/gate.ts';
import type { Log, LogFields } from '../../src/ops/log.ts';
import { seededRandom } from '../../src/ops/random.ts';
import type { Random } from '../../src/ops/random.ts';
import { VirtualClock } from '../../src/ops/virtual-clock.ts';
import { parseUserId } from '../../src/protocol/ids.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import { SESSION_SILENT_MS } from '../../src/protocol/limits.ts';
import { EventLog } from '../simulation/event-log.ts';
import { FINGERPRINT, SimNode } from '../simulation/sim-node.ts';
import { SimUser } from '../simulation/sim-user.ts';
import type { Cast } from './corpus.ts';
import type { FuzzLink } from './fuzz-link.ts';
import { Intruder } from './intruder.ts';
import { RogueMember } from './rogue-member.ts';

const SHARDS = 16;
const STEP_MS = 20;
/** The honest ones say something in every so many steps. */
const STEPS_PER_MESSAGE = 2;
const HANG_MS = 120_000;
const LOGIN_ATTEMPTS = 30;
const LOGIN_RETRY_MS = 1000;

/** A log that keeps what must not be in it. */
function watchfulLog(onBug: (what: string) => void): Log {
  const log: Log = {
    event(level, name, fields: LogFields = {}) {
      const isBug = name === 'actor_crashed' || name === 'store_failed';
      if (isBug || (level === 'error' && fields['code'] === 'E_INTERNAL'))
        onBug(`${name} ${JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return log;
}

export class FuzzWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly intruder: Intruder;
  readonly rogue: RogueMember;
  /** Anything here is a bug in the program. */
  readonly bugs: string[] = [];
  readonly #log: EventLog;
  readonly #honest: readonly SimUser[];
  readonly #victim: Intruder;
  readonly #links: MemoryLinks;
  #steps = 0;
  #cast: Cast | undefined;

  private constructor(seed: number) {
    this.clock = new VirtualClock({ seed });
    this.random = seededRandom(seed);
    const network = { clock: this.clock, random: this.random };
    const mesh = new MemoryMesh(network);
    this.#links = new MemoryLinks(network);
    this.#log = new EventLog(() => Math.round(this.clock.mono()));
    const suite = createTransparentVerifyingSuite(this.random);
    const ports = {
      ...network,
      mesh,
      links: this.#links,
      signingKeys: suite.signKeyPair(),
      passwordSetup: 'fuzz',
      shards: SHARDS,
      replicas: 2,
      flushDelayMs: () => 1,
      skewMs: () => 0,
      bugs: {},
      log: watchfulLog((what) => this.bugs.push(what)),
    };
    this.nodes = ['n1', 'n2'].map((name) => new SimNode(name, ports));
    this.rogue = new RogueMember(mesh);
    this.intruder = new Intruder(parseUserId('mallory'), this.random);
    this.#victim = new Intruder(parseUserId('victim'), this.random);
    this.#honest = ['honest-one', 'honest-two'].map((name) => this.#person(name));
  }

  static async start(seed: number): Promise<FuzzWorld> {
    const world = new FuzzWorld(seed);
    await world.#build();
    return world;
  }

  get cast(): Cast {
    if (this.#cast === undefined) throw new Error('the world is not built');
    return this.#cast;
  }

  get gate(): ClientGate {
    return this.#first.node.gate;
  }

  /** A session of the intruder; a shard that the rogue member stalls is waited for, as any client would. */
  async loggedIn(): Promise<FuzzLink> {
    const gateOf = (name: NodeId): ClientGate | undefined =>
      this.nodes.find((node) => node.name === name)?.node.gate;
    for (let attempt = 0; attempt < LOGIN_ATTEMPTS; attempt += 1) {
      const link = await this.during(this.intruder.attached(this.gate, gateOf));
      if (link !== undefined) return link;
      await this.clock.advance(LOGIN_RETRY_MS);
    }
    throw new Error('mallory cannot log in any more');
  }

  /** Lets time pass; the honest ones go on talking. */
  async pass(): Promise<void> {
    this.#steps += 1;
    const [one, two] = this.#honest;
    if (this.#steps % STEPS_PER_MESSAGE === 0 && one !== undefined && two !== undefined) {
      one.say(two.name);
      two.say(one.name);
    }
    await this.clock.advance(STEP_MS);
  }

  /** Lets time pass until `work` is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    const progress = { isDone: false };
    const marked = work.finally(() => {
      progress.isDone = true;
    });
    marked.catch(() => undefined);
    const hangsMs = this.clock.mono() + HANG_MS;
    while (!progress.isDone) {
      if (this.clock.mono() > hangsMs) throw new Error('the fuzz world hangs');
      await this.clock.advance(1);
    }
    return marked;
  }

  /** Numbered messages that were displayed. */
  get exchanged(): number {
    return this.#log.counts.displayed;
  }

  /** Links at the gates, requests of meshes and waiting messages: bounded things that attacks may not leave behind. */
  leftBehind(): Readonly<Record<string, number>> {
    const nodes = this.nodes.map(({ node }) => node);
    const sum = (of: (node: (typeof nodes)[number]) => number): number =>
      nodes.reduce((total, node) => total + of(node), 0);
    return {
      links: sum(({ gate }) => gate.links()) - this.#honest.length,
      mailboxes: sum(({ ports }) => ports.host.counters().mailboxDepth),
      waiting: sum(({ cluster }) => cluster.status().waiting),
      crashes: sum(({ ports }) => ports.host.counters().crashes),
    };
  }

  /** Ends the attack and tells what went wrong: nothing, when the list is empty. */
  async verdict(): Promise<readonly string[]> {
    const missed = await this.missed();
    const left = Object.entries(this.leftBehind()).filter(([, count]) => count > 0);
    return [
      ...this.bugs,
      ...missed,
      ...left.map(([what, count]) => `${count} ${what} left behind`),
    ];
  }

  /** What the honest ones did not get, or not once and in order. */
  async missed(): Promise<readonly string[]> {
    // Longer than any login, answer or retry takes, and than a silent session is kept.
    await this.clock.advance(SESSION_SILENT_MS + 25_000);
    const { sent, acknowledged, displayed } = this.#log.counts;
    const lost = `of ${sent} messages ${acknowledged} were acknowledged and ${displayed} displayed`;
    return [
      ...this.#log.safetyViolations(),
      ...this.#log.livenessViolations(),
      ...(sent === acknowledged && sent === displayed ? [] : [lost]),
    ];
  }

  get #first(): SimNode {
    const [first] = this.nodes;
    if (first === undefined) throw new Error('a world has nodes');
    return first;
  }

  #person(name: string): SimUser {
    return new SimUser(parseUserId(name), {
      clock: this.clock,
      random: this.random,
      links: this.#links,
      servers: { gates: this.nodes.map(({ gate }) => gate), fingerprint: FINGERPRINT },
      log: this.#log,
      forgetsWhatItShowed: false,
    });
  }

  async #build(): Promise<void> {
    const [first, second] = this.nodes;
    if (first === undefined || second === undefined) throw new Error('a world has two nodes');
    await this.during(first.start());
    const { coordinator } = first.node;
    const member = this.rogue.memberOf(second.name, second.gate);
    await this.during(coordinator.join(member).then((view) => second.start(view)));
    await this.during(Promise.all(this.#honest.map((user) => user.register())));
    await this.during(this.intruder.register(this.gate));
    await this.during(this.#victim.register(this.gate));
    await this.during(coordinator.join(this.rogue.member));
    this.rogue.enter(first.name);
    await this.clock.advance(3000);
    const link = await this.loggedIn();
    const victim = this.#victim.user;
    const keys = await this.during(this.intruder.call(link, { type: 'keys', user: victim }));
    link.destroy();
    const { user: mallory, device } = this.intruder;
    this.#cast = { mallory, device, victim, incarnation: keys.incarnation, shards: SHARDS };
  }
}

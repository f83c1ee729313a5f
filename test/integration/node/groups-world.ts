/** Three whole nodes over the twins of their ports, and people who sign, seal and speak the wire by hand. */
import { createTransparentPasswordClient } from '../../../src/crypto/opening/transparent-password-client.ts';
import { publishedBoxKey } from '../../../src/crypto/opening/vault.ts';
import type { Push } from '../../../src/protocol/client-calls.ts';
import type { GroupEntry } from '../../../src/protocol/group-log.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { FINGERPRINT } from '../../simulation/sim-node.ts';
import { ClusterWorld } from '../client/cluster-world.ts';
import { Member, life, must, people, team } from '../../unit/crypto/group-people.ts';
import type { People, Sent } from '../../unit/crypto/group-people.ts';
import { TestClient } from '../../unit/node/gate-world.ts';

const BOX_EPOCH = 1;

/** A device of a member, attached at one node. */
export interface Person {
  readonly user: UserId;
  readonly client: TestClient;
  readonly member: Member;
}

export class GroupsWorld extends ClusterWorld {
  readonly fingerprint = FINGERPRINT;
  readonly passwordClient = createTransparentPasswordClient(this.random);
  readonly everybody: People;

  private constructor(names: readonly string[], seed: number) {
    super(seed);
    this.everybody = people(this.suite, ...names);
  }

  static async startWith(names: readonly string[], nodes = 3, seed = 5): Promise<GroupsWorld> {
    const world = new GroupsWorld(names, seed);
    await world.addNodes(nodes);
    return world;
  }

  /** Registers and attaches a device, wherever the balancer puts it. */
  async person(user: UserId): Promise<Person> {
    const { vault } = must(this.everybody.get(user));
    const client = await this.dial(0, user);
    const box = publishedBoxKey(this.suite, vault, user);
    await client.register(user, 'secret', undefined, { identity: vault.identity.publicKey, box });
    const member = new Member(this.suite, this.everybody, user);
    return { user, client: await this.attach(client, user), member };
  }

  /** The node that a person is attached at. */
  nodeOf(person: Person): string {
    return must(person.client.hello).node;
  }

  /** Has an operation taken for its author. @throws the refusal */
  operate({ client }: Person, { signed, seals }: Sent) {
    const list = [...seals].map(([user, sealed]) => ({ user, boxEpoch: BOX_EPOCH, sealed }));
    return client.call({ type: 'groupOperate', group: team, signed, seals: list });
  }

  subscribe({ client }: Person) {
    return client.call({ type: 'subscribe', groups: [team] });
  }

  pull({ client }: Person, from = 1) {
    return client.call({ type: 'groupPull', group: team, incarnation: life, from, limit: 256 });
  }

  /** Follows every operation from the chain, with the own seals, as a client that has been away. */
  async catchUp({ client, member }: Person): Promise<void> {
    const from = (member.roster?.position ?? 0) + 1;
    const chain = { type: 'groupChain', group: team, incarnation: life, from, limit: 99 } as const;
    const { operations } = await client.call(chain);
    const keys = { type: 'groupKeys', group: team, incarnation: life, from: 0 } as const;
    const { seals } = await client.call(keys);
    for (const { signed } of operations) this.#follow(member, signed, seals);
  }

  #follow(
    member: Member,
    signed: Uint8Array,
    seals: ReadonlyArray<{ readonly epoch: number; readonly sealed: Uint8Array }>,
  ): void {
    const before = member.roster?.epoch ?? 0;
    const fitting = seals.filter(({ epoch }) => epoch === before + 1);
    const own = new Map(fitting.map(({ sealed }) => [member.self.user, sealed]));
    member.take({ signed, seals: own });
  }

  /** A link that has said hello. */
  async dial(node: number, from: string): Promise<TestClient> {
    const client = new TestClient(this);
    const target = { ...must(this.nodes[node]).gate, fingerprint: FINGERPRINT };
    client.link = (await this.until(this.links.at(from).dial(target, client.events()))).link;
    const hello = { type: 'hello', versionMin: 1, versionMax: 1, agent: 'test' } as const;
    client.hello = await client.call(hello);
    return client;
  }

  /** Logs the device in, wherever the balancer puts it. */
  async attach(client: TestClient, user: UserId): Promise<TestClient> {
    const { redirect } = await client.deviceLogin();
    if (redirect === undefined) return client;
    const index = this.nodes.findIndex(({ name }) => name === redirect.gate.node);
    const there = await this.dial(index, user);
    there.user = client.user;
    there.device = client.device;
    there.keys = client.keys;
    await there.ticketLogin(redirect.ticket);
    return there;
  }
}

/** Entries that were pushed to a person, in order. */
export function pushedTo({ client }: Person): GroupEntry[] {
  return client.pushes.flatMap((push: Push) => (push.type === 'groupEntries' ? push.entries : []));
}

/** What an operator sees of a short life of a cluster: every figure is fed by the part that it is about. */
import { expect } from 'chai';
import type { Metrics } from '../../../src/ops/metrics.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import type { FastChatError } from '../../../src/protocol/errors.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { Incarnation, UserId } from '../../../src/protocol/ids.ts';
import type { TestClient } from '../../unit/node/gate-world.ts';
import { must } from '../../unit/crypto/group-people.ts';
import { GroupsWorld } from './groups-world.ts';
import type { Person } from './groups-world.ts';

const [ann, bob] = ['ann', 'bob'].map(parseUserId) as [UserId, UserId];

/** Of the world's cluster. */
const SHARDS = 16;

describe('the metrics of a cluster', function () {
  this.timeout(60_000);

  let world: GroupsWorld;
  let first: Person;
  let second: Person;

  beforeEach(async () => {
    world = await GroupsWorld.startWith(['ann', 'bob']);
    first = await world.person(ann);
    second = await world.person(bob);
  });

  /** Over all nodes that are up. */
  function sum(figure: (metrics: Metrics) => number): number {
    const up = world.nodes.filter(({ isUp }) => isUp);
    return up.reduce((total, node) => total + figure(node.metrics()), 0);
  }

  async function say(counter: number, incarnation: Incarnation): Promise<void> {
    const { user: from, device } = first.client;
    const envelope: Envelope = {
      to: bob,
      incarnation,
      from,
      device,
      counter,
      tag: new Uint8Array(16).fill(counter),
      boxEpoch: 1,
      quiet: false,
      body: new Uint8Array(10),
    };
    await first.client.call({ type: 'send', envelope });
  }

  async function lifeOfBob(): Promise<Incarnation> {
    return (await first.client.call({ type: 'keys', user: bob })).incarnation;
  }

  async function codeOf(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => 'none',
      (cause: FastChatError) => cause.code,
    );
  }

  /** Another link of ann's device. */
  async function another(): Promise<TestClient> {
    const client = await world.dial(0, 'elsewhere');
    client.user = ann;
    client.device = first.client.device;
    client.keys = first.client.keys;
    return client;
  }

  it('tell messages by stage, and how long they took', async () => {
    const life = await lifeOfBob();
    await say(1, life);
    await second.client.call({ type: 'ack', upTo: 1 });
    await say(1, life);
    expect(await codeOf(say(3, life)), 'a counter left out').to.equal('E_COUNTER');
    expect([
      sum(({ messages }) => messages.accepted.value),
      sum(({ messages }) => messages.stored.value),
      sum(({ messages }) => messages.delivered.value),
      sum(({ messages }) => messages.duplicate.value),
      sum(({ messages }) => messages.rejected.value),
    ]).to.deep.equal([3, 1, 1, 1, 1]);
    expect(sum(({ messageStored }) => messageStored.count)).to.equal(2);
    expect(sum(({ messageStored }) => messageStored.sum)).to.be.within(0.001, 1);
    expect(sum(({ messageDelivery }) => messageDelivery.count)).to.equal(1);
    expect(sum(({ messageDelivery }) => messageDelivery.sum)).to.be.within(0.001, 1);
  });

  it('tell how long a message waited for somebody who was offline', async () => {
    const life = await lifeOfBob();
    second.client.link?.destroy();
    await say(1, life);
    await world.clock.advance(20_000);
    expect(sum(({ messageDelivery }) => messageDelivery.count)).to.equal(0);
    const back = await world.dial(
      world.nodes.findIndex(({ name }) => name === world.nodeOf(second)),
      'back',
    );
    back.user = bob;
    back.device = second.client.device;
    back.keys = second.client.keys;
    const here = await world.attach(back, bob);
    await here.call({ type: 'ack', upTo: 1 });
    await world.eventually(
      () => sum(({ messageDelivery }) => messageDelivery.count) === 1,
      'the message is delivered',
    );
    expect(sum(({ messageDelivery }) => messageDelivery.sum)).to.be.within(20, 25);
  });

  it('tell why logins are refused, and what becomes of tickets', async () => {
    const redirected = sum(({ logins }) => logins.redirected.value);
    expect(redirected, 'the balancer sent somebody elsewhere').to.be.greaterThan(0);
    expect(sum(({ tickets }) => tickets.ok.value)).to.equal(redirected);
    expect(sum(({ logins }) => logins.ok.value)).to.equal(2);
    const client = await another();
    expect(await codeOf(client.passwordLogin('wrong'))).to.equal('E_AUTH');
    expect(await codeOf(client.ticketLogin(new Uint8Array(100)))).to.equal('E_TICKET_FORGED');
    client.keys = world.suite.signKeyPair();
    expect(await codeOf(client.deviceLogin())).to.equal('E_AUTH');
    const refused = ({ authFailures }: Metrics): number =>
      authFailures.password.value + authFailures.ticket.value + authFailures.device.value;
    expect([
      sum(({ authFailures }) => authFailures.password.value),
      sum(({ authFailures }) => authFailures.ticket.value),
      sum(({ authFailures }) => authFailures.device.value),
      sum(({ tickets }) => tickets.forged.value),
    ]).to.deep.equal([1, 1, 1, 1]);
    expect(sum(({ logins }) => logins.refused.value)).to.equal(sum(refused));
  });

  it('tell of a device whose store was copied', async () => {
    const client = await another();
    const proof = client.proof();
    const tokens = { previous: new Uint8Array(16).fill(8), next: new Uint8Array(16).fill(9) };
    const login = { type: 'deviceLogin', user: ann, replacement: undefined } as const;
    const placement = await client
      .call({ ...login, proof: { ...proof, tokens } })
      .catch((cause: FastChatError) => cause.code);
    expect(placement).to.equal('E_STORE_CLONED');
    expect(sum(({ authFailures }) => authFailures.cloned.value)).to.equal(1);
  });

  it('tell how fast the nodes answer each other, and how long take-overs take', async () => {
    const areCopied = (): boolean => sum(({ shardsDegraded }) => shardsDegraded.value) === 0;
    await world.eventually(areCopied, 'every shard has its copies');
    await say(1, await lifeOfBob());
    for (const service of ['actor', 'coordinator', 'replica'] as const) {
      const answers = sum(({ meshRequests }) => meshRequests[service].count);
      expect(answers, service).to.be.greaterThan(0);
      const seconds = sum(({ meshRequests }) => meshRequests[service].sum);
      expect(seconds / answers, service).to.be.within(0.002, 0.1);
    }
    expect(sum(({ takeoverTime }) => takeoverTime.count)).to.equal(0);
    must(world.nodes[2]).crash();
    const areServed = (): boolean => sum(({ shardsOwned }) => shardsOwned.value) === SHARDS;
    expect(areServed(), 'some shards were served by the node that is gone').to.equal(false);
    await world.eventually(areServed, 'every shard is served again');
    const taken = sum(({ takeovers }) => takeovers.ok.value);
    expect(taken).to.be.greaterThan(0);
    expect(sum(({ takeoverTime }) => takeoverTime.count)).to.equal(taken);
    expect(sum(({ takeoverTime }) => takeoverTime.sum) / taken).to.be.within(0.001, 5);
  });

  it('tell what waits at actors', () => {
    const [node] = world.nodes;
    const before = must(node).metrics().actorMailboxDepth.value;
    must(node).node.actors.wake(parseUserId('somebody'));
    expect(must(node).metrics().actorMailboxDepth.value).to.equal(before + 1);
  });
});

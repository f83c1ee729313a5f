import { expect } from 'chai';
import type { Courier } from '../../../src/actors/ports.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { fail, succeed } from '../../../src/protocol/calls.ts';
import type { Outcome } from '../../../src/protocol/calls.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import {
  MESH_REQUEST_TIMEOUT_MS,
  ROUTER_WAITING_MESSAGES_MAX,
} from '../../../src/protocol/limits.ts';
import { FakeNetwork } from './support/fake-network.ts';
import { FakeRouterNode, owned } from './support/fake-router-node.ts';
import type { Delivery } from './support/fake-router-node.ts';
import { appendTo } from './support/test-cluster.ts';

const ALICE = parseUserId('alice');

/** Everything that was answered, as `ok` or the error's code. */
class Answers {
  readonly all: string[] = [];
  readonly note = (outcome: Outcome<unknown>): void => {
    this.all.push(outcome.ok ? 'ok' : outcome.error.code);
  };
}

const acknowledge = ({ request, done }: Delivery): void =>
  done?.(succeed(request.type === 'append' ? { seq: 1, at: 2, last: 1 } : {}));

describe('router', () => {
  let clock: VirtualClock;
  let network: FakeNetwork;
  let a: FakeRouterNode;
  let b: FakeRouterNode;
  let answers: Answers;

  // One shard: every address is in it.
  beforeEach(() => {
    clock = new VirtualClock({ seed: 4 });
    network = new FakeNetwork(clock);
    a = new FakeRouterNode('a', network, clock);
    b = new FakeRouterNode('b', network, clock);
    for (const node of [a, b]) {
      node.learn(1, owned('b', 3));
      node.onDelivery = acknowledge;
    }
    b.serve(0, 3);
    answers = new Answers();
  });

  const append = (from: FakeRouterNode, counter = 1): void =>
    from.router.ask<'append'>(ALICE, appendTo(ALICE, counter), answers.note);

  it('hands local messages over as they are, in the same turn, with the epoch that is served', () => {
    const request = appendTo(ALICE, 1);
    b.router.ask<'append'>(ALICE, request, answers.note);
    expect(b.deliveries[0]?.request).to.equal(request);
    expect(b.deliveries[0]?.epoch).to.equal(3);
    expect(answers.all).to.deep.equal(['ok']);
  });

  it('is the courier that actors and sessions use', () => {
    const courier: Courier = a.router;
    expect(courier).to.equal(a.router);
  });

  it('carries asks and their replies over the mesh', async () => {
    let reply: unknown;
    a.router.ask<'append'>(ALICE, appendTo(ALICE, 7), (outcome) => (reply = outcome));
    await clock.advance(10);
    expect(b.deliveries[0]?.request).to.deep.equal(appendTo(ALICE, 7));
    expect(reply).to.deep.equal({ ok: true, value: { seq: 1, at: 2, last: 1 } });
  });

  it('hands on what the actor refuses, code, text and delay', async () => {
    const error = new FastChatError('E_MAILBOX_FULL', 'full', { retryAfterMs: 5 });
    b.onDelivery = ({ done }) => done?.(fail(error));
    let outcome: Outcome<unknown> | undefined;
    a.router.ask<'append'>(ALICE, appendTo(ALICE, 1), (result) => (outcome = result));
    await clock.advance(10);
    expect(outcome?.ok === false && outcome.error.code).to.equal('E_MAILBOX_FULL');
    expect(outcome?.ok === false && outcome.error.retryAfterMs).to.equal(5);
  });

  it('carries tells, and counts those that cannot be sent', async () => {
    a.router.tell(ALICE, { type: 'typing', from: parseUserId('bob') });
    await clock.advance(10);
    expect(b.deliveries.map(({ request, done }) => [request.type, done])).to.deep.equal([
      ['typing', undefined],
    ]);
    network.close(b.id);
    a.router.tell(ALICE, { type: 'typing', from: parseUserId('bob') });
    expect(a.router.counters().lost).to.equal(1);
  });

  it('carries pushes to the node of the session, or to this one without encoding', async () => {
    const push = { type: 'typing', user: ALICE } as const;
    a.router.push({ node: b.id, session: 9 }, push);
    a.router.push({ node: a.id, session: 8 }, push);
    expect(a.pushes[0]?.[1]).to.equal(push);
    await clock.advance(10);
    expect(b.pushes).to.deep.equal([[9, push]]);
  });

  it('R2: goes where the refusal says, at once', async () => {
    a.learn(2, owned('b', 3));
    b.learn(3, owned('a', 4));
    b.serve(0, undefined);
    a.serve(0, 4);
    append(a);
    await clock.advance(5);
    expect(a.deliveries).to.have.length(1);
    expect(answers.all).to.deep.equal(['ok']);
    expect(a.router.counters().moved).to.equal(1);
  });

  it('R2: refreshes and tries again when the node asked is behind', async () => {
    a.learn(2, owned('a', 2));
    a.learn(4, owned('b', 5));
    append(a);
    await clock.advance(100);
    expect(answers.all).to.deep.equal([]);
    expect(b.refreshes).to.be.greaterThan(0);
    b.learn(4, owned('b', 5));
    b.serve(0, 5);
    await clock.advance(10);
    expect(answers.all).to.deep.equal(['ok']);
  });

  it('waits while the shard is on the move, and keeps the order', async () => {
    b.serve(0, undefined);
    for (const counter of [1, 2, 3]) append(a, counter);
    for (const counter of [4, 5]) append(b, counter);
    await clock.advance(50);
    expect(b.deliveries).to.have.length(0);
    b.serve(0, 3);
    append(b, 6);
    await clock.advance(20);
    const counters = b.deliveries.map(({ request }) =>
      request.type === 'append' ? request.envelope.counter : 0,
    );
    expect(counters.filter((counter) => counter <= 3)).to.deep.equal([1, 2, 3]);
    expect(counters.filter((counter) => counter > 3)).to.deep.equal([4, 5, 6]);
    expect(answers.all).to.have.length(6);
  });

  it('R1: gives up at the deadline, exactly once', async () => {
    b.serve(0, undefined);
    append(b);
    append(a);
    await clock.advance(MESH_REQUEST_TIMEOUT_MS + 1000);
    b.serve(0, 3);
    await clock.advance(1000);
    expect(answers.all).to.have.length(2);
    expect(answers.all).to.include('E_UNREACHABLE');
    expect(b.deliveries).to.have.length(0);
  });

  it('R3: repeats an append whose owner was not reached, and nothing that must not happen twice', async () => {
    network.close(b.id);
    append(a);
    const request = { type: 'loginResult', success: false } as const;
    const login = new Answers();
    a.router.ask<'loginResult'>(ALICE, request, login.note);
    await clock.advance(300);
    expect(login.all).to.deep.equal(['E_UNREACHABLE']);
    expect(answers.all).to.deep.equal([]);
    const again = new FakeRouterNode('b', network, clock);
    again.learn(1, owned('b', 3));
    again.onDelivery = acknowledge;
    again.serve(0, 3);
    await clock.advance(500);
    expect(answers.all).to.deep.equal(['ok']);
  });

  it('R1: ends with E_TIMEOUT when an answer never comes', async () => {
    b.onDelivery = () => undefined;
    append(a);
    await clock.advance(MESH_REQUEST_TIMEOUT_MS + 100);
    expect(answers.all).to.deep.equal(['E_TIMEOUT']);
  });

  it('reports a write that was fenced off, and asks again in the next epoch', async () => {
    b.onDelivery = ({ epoch, done }) =>
      done?.(
        epoch === 3
          ? fail(new FastChatError('E_MOVED', 'fenced'))
          : succeed({ seq: 1, at: 1, last: 1 }),
      );
    append(b);
    append(a);
    await clock.advance(3);
    expect(b.refusals[0]).to.deep.equal([0, 3]);
    for (const node of [a, b]) node.learn(2, owned('b', 4));
    b.serve(0, 4);
    await clock.advance(300);
    expect(answers.all).to.deep.equal(['ok', 'ok']);
  });

  it('sends a tell on that came to the node of an older map', async () => {
    b.learn(2, owned('a', 4));
    b.serve(0, undefined);
    a.serve(0, 4);
    a.router.tell(ALICE, { type: 'typing', from: ALICE });
    await clock.advance(2);
    a.learn(2, owned('a', 4));
    await clock.advance(10);
    expect(a.deliveries.map(({ request }) => request.type)).to.deep.equal(['typing']);
  });

  it('refuses what is not from this cluster: a shard that the address is not in', async () => {
    b.learn(9, owned('b', 3), owned('b', 3));
    append(a);
    await clock.advance(20);
    // alice is in shard 1 of 2, but was sent as shard 0 of 1.
    expect(answers.all).to.deep.equal(['E_BAD_FRAME']);
  });

  it('holds at most ROUTER_WAITING_MESSAGES_MAX', () => {
    b.serve(0, undefined);
    const request = appendTo(ALICE, 1);
    for (let index = 0; index < ROUTER_WAITING_MESSAGES_MAX; index += 1)
      b.router.ask<'append'>(ALICE, request, answers.note);
    expect(answers.all).to.have.length(0);
    append(b);
    expect(answers.all).to.deep.equal(['E_UNREACHABLE']);
    expect(b.router.waiting).to.equal(ROUTER_WAITING_MESSAGES_MAX);
    b.router.stop();
    expect(answers.all).to.have.length(ROUTER_WAITING_MESSAGES_MAX + 1);
  });

  it('answers at once while the node is in no cluster', () => {
    const lonely = new FakeRouterNode('c', network, clock);
    append(lonely);
    expect(answers.all).to.deep.equal(['E_UNREACHABLE']);
  });
});

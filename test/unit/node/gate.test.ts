import { expect } from 'chai';
import { signInvitation } from '../../../src/crypto/invitations.ts';
import { signTicket } from '../../../src/crypto/tickets.ts';
import { encodeRaw } from '../../../src/protocol/codec.ts';
import { clientCalls } from '../../../src/protocol/client-calls.ts';
import type { ClientRequest, Placement, Push } from '../../../src/protocol/client-calls.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import {
  ACTOR_MAILBOX_MESSAGES_MAX,
  ATTACH_BURST_MS,
  FRAMES_PER_BATCH_MAX,
  GO_AWAY_GRACE_MS,
  PUSH_WINDOW_ENTRIES,
  TICKET_LIFETIME_MS,
} from '../../../src/protocol/limits.ts';
import { GateWorld, TestClient } from './gate-world.ts';
import type { GateNode } from './gate-world.ts';

const BOB = parseUserId('bob');
const INCARNATION = parseIncarnation('0'.repeat(32));

/** The code that `work` is refused with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (cause) {
    expect(cause).to.be.instanceOf(FastChatError);
    return (cause as FastChatError).code;
  }
}

function envelope(client: TestClient, counter: number, bodyBytes = 10): Envelope {
  const { user: from, device } = client;
  const body = new Uint8Array(bodyBytes);
  const tag = new Uint8Array(16);
  return {
    to: BOB,
    incarnation: INCARNATION,
    from,
    device,
    counter,
    tag,
    boxEpoch: 1,
    quiet: false,
    body,
  };
}

function sends(client: TestClient, count: number): readonly ClientRequest[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'send' as const,
    envelope: envelope(client, index + 1),
  }));
}

function entriesPush(client: TestClient, seq: number, bodyBytes = 10): Push {
  const entry = { seq, at: 0, envelope: envelope(client, seq, bodyBytes) };
  return { type: 'entries', log: client.user, entries: [entry] };
}

function withoutGates(client: TestClient): readonly Push[] {
  return client.pushes.filter(({ type }) => type !== 'gates');
}

describe('gate', () => {
  let world: GateWorld;
  let node: GateNode;

  beforeEach(async () => {
    world = new GateWorld();
    node = await world.addNode('n1');
  });

  afterEach(async () => {
    await world.until(Promise.all(world.nodes.map(({ gate }) => gate.closeAll())));
    expect(node.gate.links(), 'no link is left').to.equal(0);
  });

  describe('login', () => {
    it('registers, logs in by device, and counts the session', async () => {
      const client = await world.dial(node);
      await client.register('alice', 'secret');
      expect(node.gate.sessions(), 'registering attaches nothing').to.equal(0);
      const placement = await client.deviceLogin();
      expect(placement.attachment).to.include({ node: 'n1', head: 0 });
      expect(node.gate.sessions()).to.equal(1);
      expect(node.gate.counts()).to.include({ loginsAccepted: 1, registrations: 1 });
    });

    it('tells which gates there are', async () => {
      const client = await world.loggedIn(node, 'alice');
      await world.clock.advance(10);
      const [gates] = client.pushes;
      expect(gates).to.deep.equal({
        type: 'gates',
        gates: [{ node: 'n1', host: 'n1', port: node.gate.port }],
      });
    });

    it('logs in by password; a wrong password and an unknown user are one answer', async () => {
      const client = await world.dial(node);
      await client.register('alice', 'secret');
      expect((await client.passwordLogin('secret')).attachment).to.not.equal(undefined);
      const answers: string[] = [];
      for (const name of ['alice', 'nobody']) {
        const other = await world.dial(node);
        other.user = parseUserId(name);
        await other.passwordLogin('wrong').catch((cause: FastChatError) => {
          answers.push(`${cause.code} ${cause.message}`);
        });
      }
      expect(answers[0]).to.include('E_AUTH');
      expect(answers[1]).to.equal(answers[0]);
      expect(node.gate.counts()).to.include({ loginsRefused: 2, passwordsRefused: 2 });
      const results = world.users.toldRequests.filter(({ type }) => type === 'loginResult');
      // The first one gives back the attempt that the registration was charged.
      expect(results.map((request) => 'success' in request && request.success)).to.deep.equal([
        true,
        true,
        false,
        false,
      ]);
    });

    it('refuses the proof of another device key, and a proof for another link', async () => {
      const client = await world.dial(node);
      await client.register('alice', 'secret');
      const { user } = client;
      const strange = client.proof(world.suite.signKeyPair());
      const login = { type: 'deviceLogin', user, replacement: undefined } as const;
      expect(await codeOf(client.call({ ...login, proof: strange }))).to.equal('E_AUTH');
      const other = await world.dial(node);
      expect(await codeOf(other.call({ ...login, proof: client.proof() }))).to.equal('E_AUTH');
      expect(node.gate.counts()).to.include({ loginsRefused: 2, proofsRefused: 2 });
    });

    it('asks for an invitation where it is set to', async () => {
      const invited = await world.addNode('n2', { registration: 'invite' });
      const client = await world.dial(invited);
      expect(await codeOf(client.register('alice', 'x'))).to.equal('E_REGISTRATION');
      const { suite, clusterKeys, clock } = world;
      const content = { user: parseUserId('alice'), expiresAtMs: clock.now() + 60_000 };
      const invitation = signInvitation(suite, content, clusterKeys.privateKey);
      expect(await codeOf(client.register('bob', 'x', invitation))).to.equal('E_REGISTRATION');
      expect(await codeOf(client.register('alice', 'x', invitation))).to.equal('none');
    });

    it('limits the attempts of one source, not of another', async () => {
      const strict = await world.addNode('n2', {
        limits: { loginsPerMinutePerSource: 2, registrationsPerMinutePerSource: 1 },
      });
      world.placement = strict.address;
      const client = await world.dial(strict, 'here');
      await client.register('alice', 'x');
      expect(await codeOf(client.register('bob', 'x'))).to.equal('E_RATE_LIMITED');
      client.user = parseUserId('alice');
      expect(await codeOf(client.passwordLogin('wrong'))).to.equal('E_AUTH');
      expect(await codeOf(client.passwordLogin('wrong'))).to.equal('E_AUTH');
      expect(await codeOf(client.passwordLogin('x'))).to.equal('E_RATE_LIMITED');
      const elsewhere = await world.dial(strict, 'there');
      elsewhere.user = client.user;
      expect(await codeOf(elsewhere.passwordLogin('wrong'))).to.equal('E_AUTH');
      const limited = { loginsLimited: 1, registrationsLimited: 1, requestsLimited: 0 };
      expect(strict.gate.counts()).to.include(limited);
      await world.clock.advance(30_000);
      const later = await world.dial(strict, 'here');
      later.user = client.user;
      later.keys = client.keys;
      expect(await codeOf(later.passwordLogin('x'))).to.equal('none');
    });

    it('attaches together those who come in a burst, and nobody who has gone meanwhile', async () => {
      const { attached } = world.users;
      const register = async (name: string): Promise<TestClient> => {
        const client = await world.dial(node, name);
        await client.register(name, 'secret');
        return client;
      };
      const sendLogin = (client: TestClient): void => {
        const { user } = client;
        const proof = client.proof();
        const request = { type: 'deviceLogin', user, proof, replacement: undefined } as const;
        client.send(encodeRaw([clientCalls.packRequest(9, request)]));
      };
      const [first, leaver, other] = [
        await register('ann'),
        await register('ben'),
        await register('cat'),
      ];
      sendLogin(first);
      await world.clock.advance(1);
      expect(attached, 'the first one goes at once').to.have.length(1);
      sendLogin(leaver);
      sendLogin(other);
      await world.clock.advance(1);
      leaver.link?.destroy();
      expect(attached, 'the rest wait a moment').to.have.length(1);
      await world.clock.advance(2 * ATTACH_BURST_MS);
      expect(attached, 'who has left meanwhile is not attached').to.have.length(2);
    });
  });

  describe('tickets', () => {
    let other: GateNode;
    let client: TestClient;
    let placement: Placement;

    beforeEach(async () => {
      other = await world.addNode('n2');
      world.placement = other.address;
      client = await world.dial(node);
      await client.register('alice', 'secret');
      placement = await client.deviceLogin();
    });

    async function arriveAt(at: GateNode): Promise<TestClient> {
      const arrived = await world.dial(at);
      arrived.user = client.user;
      arrived.device = client.device;
      arrived.keys = client.keys;
      return arrived;
    }

    function ticket(): Uint8Array {
      expect(placement.attachment).to.equal(undefined);
      return placement.redirect?.ticket ?? new Uint8Array(1);
    }

    it('a redirected client logs in at the node its ticket names', async () => {
      expect(placement.redirect?.gate).to.deep.equal({
        node: 'n2',
        host: 'n2',
        port: other.gate.port,
      });
      const arrived = await arriveAt(other);
      const here = await arrived.ticketLogin(ticket());
      expect(here.attachment?.node).to.equal('n2');
      expect([node.gate.sessions(), other.gate.sessions()]).to.deep.equal([0, 1]);
    });

    it('a ticket works once', async () => {
      await (await arriveAt(other)).ticketLogin(ticket());
      const again = (await arriveAt(other)).ticketLogin(ticket());
      expect(await codeOf(again)).to.equal('E_TICKET_REPLAYED');
      expect(other.gate.counts()).to.include({ ticketsAccepted: 1, ticketsReplayed: 1 });
    });

    it('a ticket works at its node only', async () => {
      expect(await codeOf((await arriveAt(node)).ticketLogin(ticket()))).to.equal('E_TICKET_NODE');
      expect(node.gate.counts()).to.include({ loginsRefused: 1, ticketsElsewhere: 1 });
    });

    it('a ticket expires', async () => {
      await world.clock.advance(TICKET_LIFETIME_MS);
      const late = (await arriveAt(other)).ticketLogin(ticket());
      expect(await codeOf(late)).to.equal('E_TICKET_EXPIRED');
      expect(other.gate.counts()).to.include({ loginsRefused: 1, ticketsExpired: 1 });
    });

    it('a ticket that somebody else signed is forged', async () => {
      const { node: name, bootId } = other.address;
      const content = {
        user: client.user,
        device: client.device,
        node: name,
        bootId,
        expiresAtMs: world.clock.now() + 1000,
        nonce: new Uint8Array(16),
      };
      const forged = signTicket(world.suite, content, world.suite.signKeyPair().privateKey);
      const arrived = await arriveAt(other);
      expect(await codeOf(arrived.ticketLogin(forged))).to.equal('E_TICKET_FORGED');
      const altered = Uint8Array.from(ticket());
      altered[70] = (altered[70] ?? 0) ^ 1;
      expect(await codeOf(arrived.ticketLogin(altered))).to.equal('E_TICKET_FORGED');
      expect(other.gate.counts()).to.include({ loginsRefused: 2, ticketsForged: 2 });
    });

    it('a stolen ticket is worth nothing without the device', async () => {
      const thief = await world.dial(other);
      thief.user = client.user;
      thief.device = client.device;
      expect(await codeOf(thief.ticketLogin(ticket()))).to.equal('E_AUTH');
      expect(other.gate.counts()).to.include({ ticketsAccepted: 1, proofsRefused: 1 });
    });
  });

  describe('frames', () => {
    it('what is answered in one turn leaves in few frames, each call answered once', async () => {
      const client = await world.loggedIn(node, 'alice');
      world.users.users.set(BOB, { record: new Uint8Array(1), devices: new Map() });
      client.frames.length = 0;
      const answers = await client.batch(sends(client, 500));
      expect(answers.map((raw) => raw[2])).to.deep.equal(
        Array.from({ length: 500 }, (_, index) => index + 1),
      );
      expect(client.frames.length).to.be.at.most(3);
      expect(node.gate.counts().messagesStored).to.equal(500);
    });

    it('a batch of the largest size is taken, one more call ends the link with nothing done', async () => {
      const client = await world.loggedIn(node, 'alice');
      const ping = clientCalls.packRequest(1, { type: 'ping' });
      const frameOf = (count: number): Uint8Array =>
        encodeRaw(Array.from({ length: count }, () => ping));
      client.send(frameOf(FRAMES_PER_BATCH_MAX));
      await world.clock.advance(100);
      expect(client.closed).to.equal(undefined);
      client.send(frameOf(FRAMES_PER_BATCH_MAX + 1));
      await world.clock.advance(100);
      expect(client.closed).to.not.equal(undefined);
      expect(node.gate.counts().badFrames).to.equal(1);
      expect(node.gate.sessions()).to.equal(0);
    });

    it('what is no frame is refused with id 0, and the session is detached', async () => {
      const frames = [Uint8Array.of(0xc1), encodeRaw('text'), encodeRaw([[16]]), encodeRaw([7])];
      for (const [index, frame] of frames.entries()) {
        const client = await world.loggedIn(node, `user${index}`);
        client.send(frame);
        await world.clock.advance(100);
        expect(client.closed, `frame ${index}`).to.not.equal(undefined);
        expect(world.users.told).to.include(`@user${index} detach`);
      }
      expect(node.gate.counts().badFrames).to.equal(frames.length);
    });

    it('a client that sends faster than it is served loses its link and its session', async () => {
      const ended: string[] = [];
      const events = node.gate.accept({
        source: 'flood',
        pendingBytes: 0,
        receivedBytes: 0,
        send: () => true,
        trust: () => undefined,
        close: () => ended.push('close'),
        destroy: () => {
          ended.push('destroy');
          events.onClose('destroyed');
        },
      });
      await world.clock.advance(1);
      const frame = encodeRaw([clientCalls.packRequest(1, { type: 'ping' })]);
      for (let count = 0; count < ACTOR_MAILBOX_MESSAGES_MAX; count += 1) events.onFrame(frame);
      expect(ended).to.deep.equal([]);
      events.onFrame(frame);
      expect(ended[0]).to.equal('destroy');
      await world.clock.advance(10);
      expect(node.gate.links()).to.equal(0);
    });

    it('large pushes of one turn are split over frames', async () => {
      const client = await world.loggedIn(node, 'alice');
      const [session] = world.users.attached;
      for (let seq = 1; seq <= 8; seq += 1)
        node.gate.deliverPush(session?.session ?? 0, entriesPush(client, seq, 90_000));
      await world.clock.advance(100);
      expect(withoutGates(client)).to.have.length(8);
      expect(client.closed).to.equal(undefined);
    });
  });

  describe('pushes', () => {
    it('reach the session they are for; one that is gone is ignored', async () => {
      const client = await world.loggedIn(node, 'alice');
      const [session] = world.users.attached;
      node.gate.deliverPush(session?.session ?? 0, entriesPush(client, 1));
      node.gate.deliverPush(999, entriesPush(client, 1));
      await world.clock.advance(10);
      expect(withoutGates(client)).to.have.length(1);
    });

    it('stop at the window and go on by a head once the client acknowledges', async () => {
      const client = await world.loggedIn(node, 'alice');
      const session = world.users.attached[0]?.session ?? 0;
      for (let seq = 1; seq <= PUSH_WINDOW_ENTRIES + 10; seq += 1) {
        node.gate.deliverPush(session, entriesPush(client, seq));
        if (seq % 100 === 0) await world.clock.advance(10);
      }
      await world.clock.advance(100);
      expect(withoutGates(client)).to.have.length(PUSH_WINDOW_ENTRIES);
      await client.call({ type: 'ack', upTo: PUSH_WINDOW_ENTRIES });
      await world.clock.advance(10);
      expect(client.pushes.at(-1)).to.include({ type: 'head', head: PUSH_WINDOW_ENTRIES + 10 });
    });

    it('that find the mailbox full make the client pull', async () => {
      const client = await world.loggedIn(node, 'alice');
      const session = world.users.attached[0]?.session ?? 0;
      for (let seq = 1; seq <= 3000; seq += 1)
        node.gate.deliverPush(session, entriesPush(client, seq));
      await world.clock.advance(200);
      await client.call({ type: 'ack', upTo: PUSH_WINDOW_ENTRIES });
      await world.clock.advance(200);
      const heads = client.pushes.flatMap((push) => (push.type === 'head' ? [push.head] : []));
      expect(heads.at(-1)).to.equal(3000);
    });

    it('a session announces itself when the shard of its user has moved', async () => {
      await world.loggedIn(node, 'alice');
      const client = await world.loggedIn(node, 'bob');
      const asked: string[] = [];
      const ask = world.users.ask.bind(world.users);
      world.users.ask = (to, request, done) => {
        asked.push(`${to} ${request.type}`);
        ask(to, request, done);
      };
      node.gate.announce((user) => user === client.user);
      await world.clock.advance(10);
      expect(asked).to.deep.equal(['@bob head']);
    });
  });

  describe('end', () => {
    it('a link that closes detaches its session', async () => {
      const client = await world.loggedIn(node, 'alice');
      client.link?.close();
      await world.clock.advance(100);
      expect(node.gate.sessions()).to.equal(0);
      expect(node.gate.links()).to.equal(0);
      expect(world.users.told).to.include('@alice detach');
    });

    it('what a client said just before it closed is still done', async () => {
      const client = await world.loggedIn(node, 'alice');
      client.send(encodeRaw([clientCalls.packRequest(0, { type: 'ack', upTo: 5 })]));
      client.link?.close();
      await world.clock.advance(100);
      const ofRegistration = '@alice loginResult';
      expect(world.users.told).to.deep.equal([ofRegistration, '@alice ack', '@alice detach']);
    });

    it('drain sends every session to another node with a ticket that works there', async () => {
      const other = await world.addNode('n2');
      const client = await world.loggedIn(node, 'alice');
      world.placement = other.address;
      const drained = node.gate.drain();
      await world.clock.advance(10);
      const goAway = client.pushes.at(-1);
      if (goAway?.type !== 'goAway') throw new Error('expected to be sent away');
      expect(goAway).to.include({ reason: 'drain', afterMs: 0 });
      const arrived = await world.dial(other);
      arrived.user = client.user;
      arrived.device = client.device;
      arrived.keys = client.keys;
      const placement = await arrived.ticketLogin(goAway.redirect?.ticket ?? new Uint8Array(1));
      expect(placement.attachment?.node).to.equal('n2');
      await world.until(drained);
      expect(node.gate.links()).to.equal(0);
      expect(await codeOf(world.dial(node))).to.equal('E_UNREACHABLE');
    });

    it('drain goes at the rate it is given, without a ticket when there is no other node', async () => {
      const clients: TestClient[] = [];
      for (let index = 0; index < 4; index += 1)
        clients.push(await world.loggedIn(node, `user${index}`));
      world.placement = undefined;
      const sentAway = (): number =>
        clients.filter(({ pushes }) => pushes.at(-1)?.type === 'goAway').length;
      const drained = node.gate.drain(20);
      await world.clock.advance(50);
      expect(sentAway()).to.equal(2);
      await world.clock.advance(100);
      expect(sentAway()).to.equal(4);
      await world.clock.advance(GO_AWAY_GRACE_MS + 100);
      await world.until(drained);
      expect(node.gate.sessions()).to.equal(0);
    });

    it('sends its sessions away at the rate of a drain while it is not open, and takes no links', async () => {
      const slow = await world.addNode('n3', { limits: { drainSessionsPerSecond: 20 } });
      const clients: TestClient[] = [];
      for (let index = 0; index < 12; index += 1)
        clients.push(await world.loggedIn(slow, `guest${index}`));
      const sentAway = (): number =>
        clients.filter(({ pushes }) => pushes.at(-1)?.type === 'goAway').length;
      slow.gate.setOpen(false);
      await world.clock.advance(50);
      expect(sentAway()).to.equal(2);
      expect(clients[0]?.pushes.at(-1)).to.include({ reason: 'drain', redirect: undefined });
      const stranger = new TestClient(world);
      const { host, port } = slow.address;
      const target = { host, port, fingerprint: world.fingerprint };
      await world.until(world.links.at('stranger').dial(target, stranger.events()));
      await world.clock.advance(50);
      expect(stranger.closed, 'a link to a gate that is not open').to.not.equal(undefined);
      slow.gate.setOpen(true);
      const gone = sentAway();
      await world.clock.advance(1000);
      expect(sentAway(), 'whoever was not asked to go stays').to.equal(gone);
      expect(gone).to.be.lessThan(clients.length);
      const back = await world.loggedIn(slow, 'late');
      expect(back.hello?.node).to.equal('n3');
    });

    it('an empty gate drains at once', async () => {
      await world.until(node.gate.drain());
    });
  });
});

import { expect } from 'chai';
import { parseDeviceId, parseNodeId, parseUserId } from '../../../src/protocol/ids.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { Home, PASSWORD, World } from './world.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('client: account', () => {
  let world: World;
  let alice: Home;

  beforeEach(async () => {
    world = await World.start();
    alice = await world.join('alice');
  });

  it('registers with a fingerprint and a recovery code', async () => {
    const home = new Home(world, world.account(alice).user, 'other');
    const client = await home.open();
    expect(client.registered).to.equal(false);
    expect(await world.code(client.register(PASSWORD))).to.equal('E_NAME_TAKEN');
    const { fingerprint, verified } = await alice.client.fingerprint(alice.user);
    expect(fingerprint).to.match(/^(\d{5} ){11}\d{5}$/);
    expect(verified).to.equal(true);
  });

  it('opens no session by registering', async () => {
    const bob = new Home(world, parseUserId('bob'), 'bob-1');
    const client = await bob.open();
    const made = await world.until(client.register(PASSWORD));
    expect(made.recoveryCode).to.match(/^([0-9A-Z]{5}-){5}[0-9A-Z]{5}$/);
    expect(world.account(bob).sessions.size).to.equal(0);
    expect(await world.code(client.devices())).to.equal('E_NOT_LOGGED_IN');
  });

  it('answers a wrong password and an unknown user alike', async () => {
    const wrong = await new Home(world, alice.user, 'a-2').open();
    expect(await world.code(wrong.login('wrong'))).to.equal('E_AUTH');
    const unknown = await new Home(world, parseUserId('nobody'), 'n-1').open();
    expect(await world.code(unknown.login(PASSWORD))).to.equal('E_AUTH');
    expect(wrong.registered).to.equal(false);
  });

  it('needs the password first on a home without a device', async () => {
    const client = await new Home(world, alice.user, 'a-2').open();
    expect(await world.code(client.connect())).to.equal('E_NOT_LOGGED_IN');
  });

  it('opens the vault on another machine with the password, and reads the same mail', async () => {
    const bob = await world.join('bob');
    await world.until(bob.client.send(alice.user, 'for all devices'));
    await world.pass(1_000);
    const second = await world.joinAgain('alice', 'a-2');
    await world.until(second.client.caughtUp());
    expect(second.shown()).to.deep.equal(['for all devices']);
    const devices = await world.until(second.client.devices());
    expect(devices.map(({ name, current }) => [name, current])).to.deep.equal([
      ['alice-1', false],
      ['a-2', true],
    ]);
  });

  it('logs in with the password as the device that the home has', async () => {
    await world.until(alice.client.logout());
    await world.until(alice.client.login(PASSWORD));
    expect(world.account(alice).devices.size).to.equal(1);
  });

  it('ends the session at logout and keeps the device', async () => {
    await world.until(alice.client.logout());
    await world.pass(1_000);
    expect(world.account(alice).sessions.size).to.equal(0);
    expect(alice.events.at(-1)).to.include({ type: 'state', connected: false });
    expect(await world.code(alice.client.connect())).to.equal('E_NOT_LOGGED_IN');
    await world.until(alice.client.login(PASSWORD));
    expect(world.account(alice).devices.size).to.equal(1);
    expect(world.account(alice).sessions.size).to.equal(1);
  });

  it('writes a token to its disk before it is sent, and a fresh one for every login', async () => {
    const tokens: string[] = [];
    world.cluster.script = (request) => {
      if (request.type === 'deviceLogin')
        tokens.push(Buffer.from(request.proof.tokens.next).toString('hex'));
      return 'serve';
    };
    for (let login = 0; login < 3; login++) {
      alice.crash();
      await alice.restart();
    }
    expect(new Set(tokens).size).to.equal(3);
  });

  it('repeats a login of unknown end with the same tokens', async () => {
    const tokens: string[] = [];
    alice.crash();
    world.cluster.script = (request) => {
      if (request.type !== 'deviceLogin') return 'serve';
      tokens.push(Buffer.from(request.proof.tokens.next).toString('hex'));
      return tokens.length === 1 ? 'cut' : 'serve';
    };
    const client = await alice.open();
    expect(await world.code(client.connect())).to.equal('E_UNREACHABLE');
    await world.pass(5_000);
    expect(world.account(alice).sessions.size).to.equal(1);
    expect(new Set(tokens).size).to.equal(1);
  });

  it('becomes a device of its own when its store was copied, and sends what waited once', async () => {
    const bob = await world.join('bob');
    await world.until(alice.client.send(bob.user, 'before'));
    await world.pass(5_000);
    alice.crash();
    const client = await alice.open();
    const copy = await alice.copy('alice-copy');
    await world.until(client.connect());
    await world.until(client.send(bob.user, 'from the original'));
    await world.pass(5_000);
    const other = await copy.open();
    await world.until(other.send(bob.user, 'from the copy', { wait: 'none' }));
    await world.until(other.connect());
    await world.until(other.flushed(20_000));
    await world.pass(5_000);
    expect(bob.shown()).to.deep.equal(['before', 'from the original', 'from the copy']);
    expect(bob.warnings()).to.deep.equal([]);
    expect([...world.account(alice).devices.keys()]).to.deep.equal([1, 2]);
  });

  it('is one device, however often the answer to its first login is lost', async () => {
    let answersLost = 0;
    world.cluster.script = ({ type }) => {
      if (type !== 'loginFinish' || answersLost === 2) return 'serve';
      answersLost += 1;
      return 'cut';
    };
    const client = await new Home(world, alice.user, 'a-2').open();
    await world.until(client.login(PASSWORD).catch(() => undefined));
    await world.until(client.login(PASSWORD).catch(() => undefined));
    await world.until(client.login(PASSWORD));
    expect(answersLost).to.equal(2);
    expect([...world.account(alice).devices.keys()]).to.deep.equal([1, 2]);
  });

  it('does not show a message twice that a restored store sends again', async () => {
    const bob = await world.join('bob');
    await world.until(alice.client.send(bob.user, 'first'));
    await world.until(alice.client.logout());
    await world.until(alice.client.send(bob.user, 'again', { id: 'again', wait: 'none' }));
    await world.pass(1_000);
    const backup = await alice.copy('alice-copy');
    await world.until(alice.client.login(PASSWORD));
    await world.until(alice.client.flushed(10_000));
    alice.crash();
    const restored = await backup.open();
    await world.until(restored.login(PASSWORD));
    await world.until(restored.flushed(10_000));
    await world.pass(5_000);
    expect(bob.shown()).to.deep.equal(['first', 'again']);
    expect(world.account(bob).log.filter(({ envelope }) => !envelope.quiet)).to.have.length(3);
  });

  it('gives no password to a server elsewhere that asks for the weak stretching of development', async () => {
    const home = new Home(world, parseUserId('carol'), 'carol-1');
    const client = await home.open(false);
    expect(await world.code(client.register(PASSWORD))).to.equal('E_VERSION');
    expect(await world.code(client.login(PASSWORD))).to.equal('E_VERSION');
  });

  it('goes on as another device when its store was put back without a login in between', async () => {
    const bob = await world.join('bob');
    await world.until(alice.client.send(bob.user, 'before'));
    await world.pass(5_000);
    const backup = await alice.copy('alice-restored');
    for (const text of ['a', 'b', 'c', 'd']) await world.until(alice.client.send(bob.user, text));
    await world.pass(5_000);
    alice.crash();
    // The token in the backup is still the newest one: only the counters tell.
    const restored = await backup.open();
    await world.until(restored.connect());
    const sends = ['e', 'f', 'g'].map((text) =>
      restored.send(bob.user, text, { timeoutMs: 60_000 }),
    );
    await world.until(Promise.all(sends));
    await world.pass(5_000);
    expect(bob.shown()).to.deep.equal(['before', 'a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(bob.warnings()).to.deep.equal([]);
    expect([...world.account(alice).devices.keys()]).to.deep.equal([1, 2]);
  });

  it('changes the password although another device writes a newer vault meanwhile', async () => {
    const second = await world.joinAgain('alice', 'a-2');
    world.cluster.isPushing = false;
    let isFirst = true;
    world.cluster.script = ({ type }) => {
      if (type !== 'changePassword' || !isFirst) return 'serve';
      isFirst = false;
      return new FastChatError('E_VAULT_CONFLICT', 'newer');
    };
    await world.until(second.client.changePassword(PASSWORD, 'new password'));
    const client = await new Home(world, alice.user, 'a-3').open();
    await world.until(client.login('new password'));
  });

  it('changes the password: the old one is of no use, devices and messages stay', async () => {
    expect(await world.code(alice.client.changePassword('wrong', 'new'))).to.equal('E_AUTH');
    await world.until(alice.client.changePassword(PASSWORD, 'new password'));
    const client = await new Home(world, alice.user, 'a-2').open();
    expect(await world.code(client.login(PASSWORD))).to.equal('E_AUTH');
    await world.until(client.login('new password'));
    expect(client.registered).to.equal(true);
    alice.crash();
    await alice.restart();
  });

  it('ends for good when its device is revoked, and may come back with the password', async () => {
    const second = await world.joinAgain('alice', 'a-2');
    await world.until(second.client.revokeDevice(parseDeviceId(1)));
    await world.pass(10_000);
    expect(alice.warnings()).to.deep.equal(['E_AUTH']);
    expect(await world.code(alice.client.connect())).to.equal('E_AUTH');
    await world.until(alice.client.login(PASSWORD));
    expect([...world.account(alice).devices.keys()]).to.deep.equal([2, 3]);
  });

  it('gives the account a fresh box key every day, and still reads what was sealed to old ones', async () => {
    const bob = await world.join('bob');
    await world.until(bob.client.send(alice.user, 'day 1'));
    for (let day = 0; day < 3; day++) await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    expect(world.account(alice).box.epoch).to.equal(4);
    expect(world.account(alice).minBoxEpoch).to.equal(3);
    await world.until(bob.client.send(alice.user, 'day 4'));
    const second = await world.joinAgain('alice', 'a-2');
    await world.until(second.client.caughtUp());
    expect(second.shown()).to.deep.equal(['day 1', 'day 4']);
  }).timeout(10_000);

  it('lets two devices race for the new box key: one wins, the other takes it over', async () => {
    const second = await world.joinAgain('alice', 'a-2');
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    expect(world.account(alice).box.epoch).to.equal(2);
    const bob = await world.join('bob');
    await world.until(bob.client.send(alice.user, 'to the new key'));
    await world.pass(1_000);
    expect(alice.shown()).to.deep.equal(['to the new key']);
    expect(second.shown()).to.deep.equal(['to the new key']);
    expect([...alice.warnings(), ...second.warnings()]).to.deep.equal([]);
  }).timeout(10_000);

  it('opens what is sealed to a key that it has not heard of yet', async () => {
    const second = await world.joinAgain('alice', 'a-2');
    alice.crash();
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    expect(world.account(alice).box.epoch).to.equal(2);
    const bob = await world.join('bob');
    await world.until(bob.client.send(alice.user, 'new'));
    await alice.restart();
    await world.until(alice.client.caughtUp());
    expect(alice.shown()).to.deep.equal(['new']);
    expect(second.shown()).to.deep.equal(['new']);
  }).timeout(10_000);

  it('follows the balancer to another gate, with a ticket', async () => {
    await world.cluster.addGate('n2');
    world.cluster.placeAt = parseNodeId('n2');
    // Which gate is dialled first is a matter of chance.
    for (let login = 0; login < 4; login++) {
      alice.crash();
      const client = await alice.open();
      expect(await world.until(client.connect())).to.include({ node: 'n2' });
    }
    expect(world.cluster.calls.some(({ request }) => request.type === 'ticketLogin')).to.equal(
      true,
    );
    const second = await world.joinAgain('alice', 'a-2');
    expect(second.of('state').at(-1)).to.include({ connected: true, node: 'n2' });
  });

  describe('at a node that drains', () => {
    /** A gate that alice is let in at, and the push that sends her there. */
    async function sendAway(name = 'n2'): Promise<void> {
      const { cluster } = world;
      const gate = await cluster.addGate(name);
      const ticket = new Uint8Array(32).fill(cluster.tickets.size + 1);
      const [device, node] = [parseDeviceId(1), parseNodeId(name)];
      cluster.tickets.set(Buffer.from(ticket).toString('hex'), { user: alice.user, device, node });
      const redirect = { ticket, gate: { ...gate, node } };
      cluster.push(alice.user, { type: 'goAway', reason: 'drain', afterMs: 0, redirect });
    }
    const states = (): readonly unknown[] =>
      alice.of('state').map(({ connected, node }) => (connected ? node : 'none'));

    it('goes where it is sent', async () => {
      await sendAway();
      await world.pass(1_000);
      expect(states()).to.deep.equal(['n1', 'none', 'n2']);
      const logins = world.cluster.calls.filter(({ request }) => request.type === 'deviceLogin');
      expect(logins, 'no login beside the first').to.have.length(1);
    });

    it('may be sent on again, and comes back from losses after that', async () => {
      for (const name of ['n2', 'n3', 'n4']) {
        await sendAway(name);
        await world.pass(1_000);
      }
      expect(states()).to.deep.equal(['n1', 'none', 'n2', 'none', 'n3', 'none', 'n4']);
      world.cluster.cutAll();
      await world.pass(5_000);
      expect(states().slice(-2)[0]).to.equal('none');
      expect(states().at(-1)).not.to.equal('none');
    });

    it('stays in use until the next session is there', async () => {
      const bob = await world.join('bob');
      let mayEnter = false;
      world.cluster.script = ({ type }) =>
        type === 'ticketLogin' && !mayEnter ? 'ignore' : 'serve';
      await sendAway();
      await world.pass(1_000);
      await world.until(alice.client.send(bob.user, 'still here', { timeoutMs: 500 }));
      await world.until(bob.client.send(alice.user, 'so am I', { timeoutMs: 500 }));
      await world.pass(100);
      expect(alice.shown()).to.deep.equal(['so am I']);
      expect(states()).to.deep.equal(['n1']);
      mayEnter = true;
      await world.pass(30_000);
      expect(states().at(-1)).to.be.oneOf(['n1', 'n2']);
    });

    it('goes on looking when it is shut out before the next session is there', async () => {
      world.cluster.script = ({ type }) => (type === 'ticketLogin' ? 'ignore' : 'serve');
      await sendAway();
      await world.pass(1_000);
      world.cluster.cutAll();
      await world.pass(1);
      expect(states().at(-1)).to.equal('none');
      await world.pass(30_000);
      expect(states().at(-1)).to.be.oneOf(['n1', 'n2']);
    });

    it('logs in anew when the ticket is worth nothing', async () => {
      world.cluster.script = ({ type }) =>
        type === 'ticketLogin' ? new FastChatError('E_TICKET_NODE', 'another boot') : 'serve';
      await sendAway();
      await world.pass(5_000);
      expect(states().slice(0, 2)).to.deep.equal(['n1', 'none']);
      expect(states()).to.have.length(3);
    });

    it('sends what was on its way again, and it is shown once', async () => {
      const bob = await world.join('bob');
      let isDeaf = true;
      world.cluster.script = ({ type }) => (type === 'send' && isDeaf ? 'mute' : 'serve');
      const sent = alice.client.send(bob.user, 'once', { timeoutMs: 10_000 });
      await world.pass(50);
      isDeaf = false;
      await sendAway();
      await world.until(sent);
      await world.pass(1_000);
      expect(bob.shown()).to.deep.equal(['once']);
      expect(states().at(-1)).to.equal('n2');
    });
  });

  it('comes back after every loss of its link', async () => {
    const bob = await world.join('bob');
    for (let loss = 0; loss < 3; loss++) {
      world.cluster.cutAll();
      await world.until(alice.client.send(bob.user, `after loss ${loss}`, { timeoutMs: 30_000 }));
    }
    await world.pass(5_000);
    expect(bob.shown()).to.have.length(3);
    const states = alice.of('state').map(({ connected }) => connected);
    expect(states).to.deep.equal([true, false, true, false, true, false, true]);
  });

  it('notices a node that went silent by its keep-alive, and finds another', async () => {
    const { cluster } = world;
    await cluster.addGate('n2');
    let isSilent = true;
    cluster.script = ({ type }) => (type === 'ping' && isSilent ? 'ignore' : 'serve');
    await world.pass(31_000);
    isSilent = false;
    await world.pass(15_000);
    expect(alice.of('state').at(-1)).to.include({ connected: true });
    expect(alice.of('state').some(({ connected }) => !connected)).to.equal(true);
  });

  it('goes on trying while no gate answers, with waits that grow up to their bound', async () => {
    world.links.crash('n1');
    await world.pass(120_000);
    const waits = alice.of('state').map(({ retryInMs }) => retryInMs ?? 0);
    expect(waits.length).to.be.within(10, 200);
    expect(Math.max(...waits)).to.be.within(2_000, 10_000);
  });

  it('remembers the gates that a node told it of', async () => {
    const { cluster } = world;
    const gate = await cluster.addGate('n2');
    const gates = [{ ...gate, node: parseNodeId('n2') }];
    cluster.push(alice.user, { type: 'gates', gates });
    await world.pass(1_000);
    cluster.gates.pop();
    alice.crash();
    world.links.crash('n1');
    const client = await alice.open();
    expect(await world.until(client.connect())).to.include({ node: 'n2' });
  });

  it('refuses a cluster with another key than the one it pinned', async () => {
    alice.crash();
    world.links.crash('n1');
    await world.links.at('n1', new Uint8Array(32).fill(1)).listen({
      host: 'n1',
      port: world.cluster.gates[0]?.port ?? 0,
      onLink: () => ({
        onFrame: () => undefined,
        onWritable: () => undefined,
        onClose: () => undefined,
      }),
    });
    const client = await alice.open();
    expect(await world.code(client.connect())).to.equal('E_KEY_CHANGED');
    expect(alice.warnings()).to.include('E_KEY_CHANGED');
  });

  it('waits for a session of its own before it asks, and gives up at the deadline', async () => {
    world.links.crash('n1');
    await world.pass(1_000);
    expect(await world.code(alice.client.devices())).to.equal('E_UNREACHABLE');
  });

  it('lists contacts with presence, and blocks', async () => {
    const bob = await world.join('bob');
    await world.until(alice.client.addContact(bob.user));
    await world.until(alice.client.block(bob.user));
    const [contact, ...others] = await world.until(alice.client.contacts());
    expect(contact).to.include({ user: '@bob', online: true, verified: false, blocked: true });
    expect(others).to.deep.equal([]);
    expect(await world.code(alice.client.send(bob.user, 'hi'))).to.equal('E_BLOCKED');
    alice.crash();
    await alice.restart();
    expect(await world.code(alice.client.send(bob.user, 'hi'))).to.equal('E_BLOCKED');
    await world.until(alice.client.unblock(bob.user));
    await world.until(alice.client.send(bob.user, 'hi'));
    expect(await world.code(alice.client.addContact(parseUserId('nobody')))).to.equal(
      'E_NO_SUCH_USER',
    );
  });

  it('passes presence and typing on as events', async () => {
    const bob = await world.join('bob');
    await world.until(bob.client.addContact(alice.user));
    await world.pass(1_000);
    bob.events.length = 0;
    alice.client.typing(bob.user);
    const presence = { type: 'presence', user: alice.user, online: false, lastSeen: 5 } as const;
    world.cluster.push(bob.user, presence);
    // The node repeats itself with every renewal; people are told of changes.
    world.cluster.push(bob.user, presence);
    await world.pass(1_000);
    expect(bob.of('typing')).to.deep.equal([
      { type: 'typing', conversation: '@alice', user: '@alice' },
    ]);
    expect(bob.of('presence')).to.deep.equal([presence]);
  });

  it('tells its listeners nothing more once they are off, and survives those that throw', async () => {
    const seen: string[] = [];
    const listening = alice.client.on(({ type }) => seen.push(type));
    await world.until(alice.client.logout());
    listening.off();
    await world.until(alice.client.login(PASSWORD));
    expect(seen).to.deep.equal(['state']);
  });

  it('hands on what a node refuses', async () => {
    world.cluster.script = ({ type }) =>
      type === 'loginStart'
        ? new FastChatError('E_RATE_LIMITED', 'too many', { retryAfterMs: 1_000 })
        : 'serve';
    const client = await new Home(world, alice.user, 'a-2').open();
    expect(await world.code(client.login(PASSWORD))).to.equal('E_RATE_LIMITED');
  });
});

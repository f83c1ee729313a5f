/** Revoking a device: what it had opens nothing from then on, and nothing is lost for the devices that stay. */
import { expect } from 'chai';
import { openDirect } from '../../../src/crypto/opening/direct-message.ts';
import { RecoveryCode } from '../../../src/crypto/opening/recovery-code.ts';
import { recoveryKeys, unwrapWithRecoveryCode } from '../../../src/crypto/opening/vault-key.ts';
import { openVault } from '../../../src/crypto/opening/vault-seal.ts';
import { currentBoxKey } from '../../../src/crypto/opening/vault.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import { AccountBook } from '../../../src/client/account/account-book.ts';
import { StoreKeys } from '../../../src/client/store/keys.ts';
import { LocalStore } from '../../../src/client/store/local-store.ts';
import { createMemoryClientKv } from '../../../src/persist/memory-client-kv.ts';
import type { ClientRequest } from '../../../src/protocol/client-calls.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseDeviceId, parseUserId } from '../../../src/protocol/ids.ts';
import { VAULT_CONFLICTS_MAX } from '../../../src/protocol/limits.ts';
import type { Verdict } from '../../support/fake-gate.ts';
import { Home, PASSWORD, STORE_KEY, World } from './world.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const STOLEN = parseDeviceId(2);

/** What lies on the disk of a home, read with its store key. */
function bookOf(world: World, home: Home): AccountBook {
  const { clock, suite } = world;
  const kv = createMemoryClientKv({ clock, disk: home.disk, flushDelayMs: () => 1 });
  const store = new LocalStore(kv, suite, new SecretBytes(STORE_KEY));
  return new AccountBook(home.user, { store, keys: new StoreKeys(store), suite });
}

describe('client: revoking a device', () => {
  let world: World;
  let alice: Home;
  let bob: Home;
  let stolen: Home;

  beforeEach(async () => {
    world = await World.start();
    [alice, bob] = [await world.join('alice'), await world.join('bob')];
    stolen = await world.joinAgain('alice', 'alice-stolen');
  });

  async function say(from: Home, to: Home, ...texts: readonly string[]): Promise<void> {
    for (const text of texts) await world.until(from.client.send(to.user, text));
    await world.pass(5_000);
  }

  function revoke(): Promise<void> {
    return world.until(alice.client.revokeDevice(STOLEN));
  }

  /** Opens the vault on the server with the vault key on the disk of a home. */
  function opensVault(home: Home): boolean {
    const { version, vault } = world.account(alice).vault;
    const { opened } = bookOf(world, home);
    if (opened === undefined) return false;
    try {
      openVault(world.suite, { user: home.user, version, sealed: vault }, opened.key);
      return true;
    } catch {
      return false;
    }
  }

  /** The stolen device is out, and this home has what it made instead. */
  function expectFinished(): void {
    expect([...world.account(alice).devices.keys()]).not.to.include(STOLEN);
    expect(opensVault(alice)).to.equal(true);
    expect(opensVault(stolen)).to.equal(false);
    const { revoking, opened } = bookOf(world, alice);
    expect(revoking).to.deep.equal([]);
    const { box, minBoxEpoch } = world.account(alice);
    expect(minBoxEpoch).to.equal(box.epoch);
    if (opened !== undefined) expect(currentBoxKey(opened.vault).epoch).to.equal(box.epoch);
  }

  /** Decides about the first call of a kind, or every one. */
  function scripted(type: ClientRequest['type'], verdict: Verdict, times = 1): void {
    let left = times;
    world.cluster.script = (request) => {
      if (request.type !== type || left === 0) return 'serve';
      left -= 1;
      return verdict;
    };
  }

  it('makes a new vault key and a new box key, which the old vault key does not open', async () => {
    expect(opensVault(stolen)).to.equal(true);
    await revoke();
    expectFinished();
    expect(world.account(alice).box.epoch).to.equal(2);
    expect(alice.warnings()).to.deep.equal([]);
    await world.pass(5_000);
    expect(stolen.warnings()).to.include('E_AUTH');
  });

  it('opens the new vault with the password in an empty home, which reads what was sealed before and after', async () => {
    await say(bob, alice, 'before');
    await revoke();
    await say(bob, alice, 'after');
    const third = await world.joinAgain('alice', 'alice-3');
    await world.until(third.client.caughtUp());
    expect(third.shown()).to.deep.equal(['before', 'after']);
    expect(third.warnings()).to.deep.equal([]);
  });

  it('leaves the recovery code as it is', async () => {
    const carol = new Home(world, parseUserId('carol'), 'carol-1');
    const client = await carol.open();
    const { recoveryCode } = await world.until(client.register(PASSWORD));
    await world.until(client.connect());
    await world.joinAgain('carol', 'carol-2');
    await world.until(client.revokeDevice(STOLEN));
    const { suite } = world;
    const { user, vault: sealed } = world.account(carol);
    const keys = recoveryKeys(suite, user, RecoveryCode.parse(suite, recoveryCode));
    const key = unwrapWithRecoveryCode(suite, user, sealed, keys);
    const { version, vault } = sealed;
    const opened = openVault(suite, { user, version, sealed: vault }, key);
    expect(currentBoxKey(opened).epoch).to.equal(2);
  });

  it('wraps the new key for a password that another device has changed meanwhile', async () => {
    const third = await world.joinAgain('alice', 'alice-3');
    // The fake gate tells nobody of it: the vault of this home is outdated when it revokes.
    await world.until(third.client.changePassword(PASSWORD, 'new password'));
    await revoke();
    const empty = await new Home(world, alice.user, 'alice-4').open();
    expect(await world.code(empty.login(PASSWORD))).to.equal('E_AUTH');
    await world.until(empty.login('new password'));
    expect(alice.warnings()).to.deep.equal([]);
  });

  it('re-seals what a sender still had sealed to the old box key', async () => {
    await say(bob, alice, 'before');
    await revoke();
    await say(bob, alice, 'after');
    const epochs = world.account(alice).log.map(({ envelope }) => envelope.boxEpoch);
    expect(epochs).to.deep.equal([1, 2]);
    expect(alice.shown()).to.deep.equal(['before', 'after']);
    expect(bob.warnings()).to.deep.equal([]);
  });

  it('changes nothing for a device that does not exist', async () => {
    const before = world.account(alice).vault.version;
    const gone = parseDeviceId(9);
    expect(await world.code(alice.client.revokeDevice(gone))).to.equal('E_NO_SUCH_DEVICE');
    expect(world.account(alice).vault.version).to.equal(before);
    expect(bookOf(world, alice).revoking).to.deep.equal([]);
  });

  it('only ends the session when a device revokes itself', async () => {
    const before = world.account(alice).vault.version;
    // Its session may end before the answer arrives.
    await world.code(alice.client.revokeDevice(parseDeviceId(1)));
    await world.pass(1_000);
    expect([...world.account(alice).devices.keys()]).to.deep.equal([STOLEN]);
    expect(world.account(alice).vault.version).to.equal(before);
    expect(alice.warnings()).to.deep.equal(['E_AUTH']);
  });

  it('a revoked device with all that the server has opens nothing sealed afterwards', async () => {
    await say(bob, alice, 'before');
    const loot = bookOf(world, stolen);
    const head = world.account(alice).head;
    await revoke();
    await say(bob, alice, 'secret');
    await say(alice, bob, 'answer');
    await world.joinAgain('alice', 'alice-3');
    await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
    await say(bob, alice, 'secret of another day');
    const { suite } = world;
    const { user, vault: sealed, log, identity } = world.account(alice);
    expect(loot.vaultKeys).to.have.length(1);
    for (const key of loot.vaultKeys) {
      const input = { user, version: sealed.version, sealed: sealed.vault };
      expect(() => openVault(suite, input, key))
        .to.throw()
        .with.property('code', 'E_DECRYPT');
    }
    const fresh = log.filter(({ seq }) => seq > head);
    // Two messages of bob, and what alice told her own devices.
    expect(fresh).to.have.length(3);
    const sealedBoxes = [
      sealed.passwordWrap,
      sealed.recoveryWrap,
      ...fresh.map(({ envelope }) => envelope.body),
    ];
    for (const keys of loot.boxKeys.values())
      for (const box of sealedBoxes)
        expect(() => suite.openSealed(box, keys))
          .to.throw()
          .with.property('code', 'E_DECRYPT');
    for (const { envelope } of fresh) {
      const senderIdentity = world.cluster.account(envelope.from).identity;
      const input = { envelope, self: { user, identity }, keysByEpoch: loot.boxKeys };
      expect(() => openDirect(suite, { ...input, senderIdentity }))
        .to.throw()
        .with.property('code', 'E_DECRYPT');
    }
  }).timeout(10_000);

  describe('cut off', () => {
    for (const type of ['revokeDevice', 'putVault'] as const)
      for (const verdict of ['cutBefore', 'cut', 'mute'] as const)
        it(`at ${type} (${verdict}): is finished at the next login`, async () => {
          scripted(type, verdict);
          const code = await world.code(alice.client.revokeDevice(STOLEN));
          expect(code).to.equal(verdict === 'mute' ? 'E_TIMEOUT' : 'E_UNREACHABLE');
          if (verdict === 'mute') world.cluster.cutAll();
          await world.pass(10_000);
          expectFinished();
          expect(alice.warnings()).to.deep.equal([]);
          await say(bob, alice, 'still here');
          expect(alice.shown()).to.deep.equal(['still here']);
        });

    for (const kept of [0, 1])
      for (let steps = 0; steps <= 8; steps++)
        it(`by a crash ${steps} steps in, ${kept} more transactions on the disk: all or nothing`, async () => {
          void alice.client.revokeDevice(STOLEN).catch(() => undefined);
          for (let step = 0; step < steps; step++) await world.pass(1);
          alice.crash(kept);
          await alice.restart();
          await world.pass(1_000);
          const { revoking } = bookOf(world, alice);
          expect(revoking).to.deep.equal([]);
          expect(opensVault(alice)).to.equal(true);
          expect(alice.warnings()).to.deep.equal([]);
          if (!world.account(alice).devices.has(STOLEN)) expectFinished();
          await say(bob, alice, 'still here');
          expect(alice.shown()).to.deep.equal(['still here']);
        });

    it('gives up after many conflicts, and is finished at the next login', async () => {
      const conflict = new FastChatError('E_VAULT_CONFLICT', 'newer');
      scripted('putVault', conflict, VAULT_CONFLICTS_MAX);
      expect(await world.code(alice.client.revokeDevice(STOLEN))).to.equal('E_VAULT_CONFLICT');
      expect([...world.account(alice).devices.keys()]).to.deep.equal([1]);
      world.cluster.cutAll();
      await world.pass(10_000);
      expectFinished();
    });

    it('may be asked for again, as if nothing had happened', async () => {
      const failing = new FastChatError('E_STORE_FULL', 'full');
      scripted('putVault', failing);
      expect(await world.code(alice.client.revokeDevice(STOLEN))).to.equal('E_STORE_FULL');
      await revoke();
      expectFinished();
    });
  });

  describe('another device that stays', () => {
    let second: Home;

    beforeEach(async () => {
      second = await world.joinAgain('alice', 'alice-3');
    });

    it('says once that a login is needed, goes on sending, and loses nothing until then', async () => {
      await say(bob, alice, 'before');
      await revoke();
      await say(bob, alice, 'one', 'two');
      await say(alice, bob, 'three');
      await say(bob, alice, 'four');
      expect(second.shown()).to.deep.equal(['before']);
      expect(second.warnings()).to.deep.equal(['E_AUTH']);
      await say(second, bob, 'from the second');
      expect(bob.shown()).to.deep.equal(['three', 'from the second']);
      // What it has to tell its own devices waits without asking the node over and over.
      const calls = world.cluster.calls.length;
      await world.pass(15_000);
      const asked = world.cluster.calls
        .slice(calls)
        .filter(({ user, request: { type } }) => user === alice.user && type !== 'ping');
      expect(asked.map(({ request }) => request.type)).to.deep.equal([]);
      await world.until(second.client.login(PASSWORD));
      await world.until(second.client.caughtUp());
      const history = await second.client.history(bob.user);
      const texts = ['before', 'one', 'two', 'three', 'four'];
      const received = history.map(({ text }) => text).filter((text) => text !== 'from the second');
      expect(received).to.deep.equal(texts);
      expect(second.shown()).to.deep.equal(texts.filter((text) => text !== 'three'));
      await world.pass(10_000);
      expect((await alice.client.history(bob.user)).map(({ text }) => text)).to.include(
        'from the second',
      );
      expect([...world.account(alice).devices.keys()]).to.deep.equal([1, 3]);
      expect(second.warnings()).to.deep.equal(['E_AUTH']);
    });

    it('holds messages through restarts and further days, and shows them once', async () => {
      await revoke();
      await say(bob, alice, 'one');
      for (let restart = 0; restart < 2; restart++) {
        second.crash();
        await second.restart();
        await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
        await say(bob, alice, `day ${restart}`);
      }
      expect(second.shown()).to.deep.equal([]);
      second.crash();
      const client = await second.open();
      await world.until(client.login(PASSWORD));
      await world.until(client.caughtUp());
      expect(second.shown()).to.deep.equal(['one', 'day 0', 'day 1']);
      second.crash();
      await second.restart();
      await say(bob, alice, 'last');
      expect(second.shown()).to.deep.equal(['one', 'day 0', 'day 1', 'last']);
      expect(alice.warnings()).to.deep.equal([]);
    }).timeout(20_000);

    it('acknowledges nothing that it cannot open: a sender is told nothing false', async () => {
      await revoke();
      alice.crash();
      await say(bob, alice, 'for a device that can read it');
      expect(bob.of('receipt')).to.deep.equal([]);
      await world.until(second.client.login(PASSWORD));
      await world.pass(5_000);
      expect(bob.of('receipt').map(({ state }) => state)).to.deep.equal(['delivered']);
    });

    it('was away meanwhile: hears of it when it connects', async () => {
      second.crash();
      await revoke();
      await say(bob, alice, 'one');
      const client = await second.restart();
      await world.pass(1_000);
      expect(second.warnings()).to.deep.equal(['E_AUTH']);
      expect(await world.code(client.caughtUp())).to.equal('E_AUTH');
      await world.until(client.login(PASSWORD));
      await world.until(client.caughtUp());
      expect(second.shown()).to.deep.equal(['one']);
    });

    it('puts no vault while it is locked, and none of its changes is lost on the others', async () => {
      await revoke();
      await world.pass(1_000);
      const puts = (): number =>
        world.cluster.calls.filter(
          ({ request, user }) => request.type === 'putVault' && user === alice.user,
        ).length;
      const before = puts();
      expect(await world.code(second.client.changePassword(PASSWORD, 'x'))).to.equal('E_AUTH');
      alice.crash();
      await world.pass(DAY_MS + 2 * 60 * 60 * 1000);
      expect(puts()).to.equal(before);
      await world.until(second.client.login(PASSWORD));
      await world.pass(1_000);
      expect(world.account(alice).box.epoch).to.equal(3);
    }).timeout(10_000);

    it('revokes although it is locked; the new key follows after its login, and locks the first', async () => {
      await revoke();
      await world.pass(1_000);
      const first = parseDeviceId(1);
      expect(await world.code(second.client.revokeDevice(first))).to.equal('E_AUTH');
      await world.pass(5_000);
      expect([...world.account(alice).devices.keys()]).to.deep.equal([3]);
      expect(opensVault(alice)).to.equal(true);
      await world.until(second.client.login(PASSWORD));
      expect(opensVault(alice)).to.equal(false);
      expect(opensVault(second)).to.equal(true);
      await say(bob, second, 'hello');
      expect(second.shown()).to.deep.equal(['hello']);
    });

    it('refuses a login with a vault of another identity, and keeps its own', async () => {
      await revoke();
      await world.pass(1_000);
      const foreign = world.account(bob).vault;
      world.cluster.servedVault = (user, vault) =>
        user === alice.user ? { ...foreign, version: vault.version } : vault;
      expect(await world.code(second.client.login(PASSWORD))).to.equal('E_DECRYPT');
      world.cluster.servedVault = (_user, vault) => vault;
      await world.until(second.client.connect());
      await world.until(second.client.login(PASSWORD));
      await say(bob, alice, 'hello');
      expect(second.shown()).to.deep.equal(['hello']);
    });
  });
});

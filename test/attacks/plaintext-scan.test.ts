/** 23: an operator who keeps every file, log line and frame of a cluster finds nothing that anybody wrote, and no key to it. */
import { expect } from 'chai';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../src/client/api.ts';
import { createClient } from '../../src/client/client.ts';
import { createPasswordClient } from '../../src/crypto/opening/opaque-client.ts';
import { createOpeningSuite } from '../../src/crypto/opening/opening-suite.ts';
import { SecretBytes } from '../../src/crypto/secrets.ts';
import type { OpeningSuite } from '../../src/crypto/suite.ts';
import { createTlsNetwork } from '../../src/net/tls-links.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { systemRandom } from '../../src/ops/random.ts';
import { MemoryDisk } from '../../src/persist/memory-disk.ts';
import { createMemoryClientKv } from '../../src/persist/memory-client-kv.ts';
import { parseUserId } from '../../src/protocol/ids.ts';
import { temporaryFolder } from '../support/processes.ts';
import { TappedCluster } from './tapped-cluster.ts';

const MESSAGES = 1000;
/** In every text, and nowhere else. */
const MARK = `canary-${Buffer.from(systemRandom.bytes(8)).toString('hex')}`;
const PASSWORDS = [
  'first secret of alice',
  'second secret of alice',
  'only secret of bob',
] as const;
const STORE_KEY = systemRandom.bytes(32);
/** What the header may hold: that it is found shows that the scan finds. */
const USER_NAME = 'alice-whom-everybody-may-see';

/** A suite that remembers every secret it made or used. */
function remembering(suite: OpeningSuite, secrets: Map<string, Buffer>): OpeningSuite {
  const keep = (what: string, bytes: Uint8Array): void => {
    // The second half of an Ed25519 key is public.
    const secret = Buffer.from(bytes.subarray(0, 32));
    secrets.set(`${what} ${secret.toString('hex')}`, secret);
  };
  return {
    ...suite,
    signKeyPair() {
      const keys = suite.signKeyPair();
      keep('signing key', keys.privateKey);
      return keys;
    },
    boxKeyPair(seed) {
      const keys = suite.boxKeyPair(seed);
      keep('box key', keys.privateKey);
      return keys;
    },
    encrypt(tag, plain, context, key) {
      keep(`key of ${tag}`, key);
      return suite.encrypt(tag, plain, context, key);
    },
  };
}

/** A text or key as it may be written down, also inside base64 at any alignment. */
function spellings(secret: Buffer): readonly Buffer[] {
  const inBase64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), secret])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  return [
    secret,
    Buffer.from(secret.toString('hex')),
    ...inBase64.flatMap((text) => [
      Buffer.from(text),
      Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

describe('23: plaintext scan of a whole cluster', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const secrets = new Map<string, Buffer>();
  let cluster: TappedCluster;
  let places: ReadonlyArray<readonly [name: string, content: Buffer]> = [];

  async function person(name: string, disk = new MemoryDisk()): Promise<Client> {
    const [clock, random] = [systemClock, systemRandom];
    return createClient(
      {
        clock,
        random,
        network: createTlsNetwork({ clock }),
        kv: createMemoryClientKv({ clock, disk, flushDelayMs: () => 0 }),
        suite: remembering(await createOpeningSuite(), secrets),
        passwords: createPasswordClient(clock),
      },
      {
        account: parseUserId(name),
        servers: { gates: cluster.gates, fingerprint: cluster.fingerprint },
        storeKey: new SecretBytes(STORE_KEY),
        deviceName: `device of ${name}`,
      },
    );
  }

  /** Where `needle` is, in any spelling. */
  function found(needle: Buffer): readonly string[] {
    const needles = spellings(needle);
    return places
      .filter(([, content]) => needles.some((spelling) => content.includes(spelling)))
      .map(([name]) => name);
  }

  before(async () => {
    cluster = await TappedCluster.start(folder.path);
    const [first, second, third] = PASSWORDS;
    const disk = new MemoryDisk();
    const alice = await person(USER_NAME);
    let bob = await person('bob', disk);
    await alice.register(first);
    await bob.register(third);
    await alice.login(first);
    const text = (index: number): string => `${MARK} ${index} of what nobody else may read`;
    // Offline mail first: bob has never logged in.
    const half = Array.from({ length: MESSAGES / 2 }, (_, index) => text(index));
    await Promise.all(half.map((said) => alice.send(bob.account, said)));
    await bob.login(third);
    await bob.caughtUp();
    // A login by the key of the device.
    await bob.close();
    bob = await person('bob', disk);
    await bob.connect();
    for (let index = MESSAGES / 2; index < MESSAGES; index += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, offset) => bob.send(alice.account, text(index + offset))),
      );
    // A new password, a new device, and a new vault key for the rest.
    await alice.changePassword(first, second);
    const other = await person(USER_NAME);
    await other.login(second);
    await other.caughtUp();
    const stolen = (await alice.devices()).find(({ current }) => !current);
    if (stolen !== undefined) await alice.revokeDevice(stolen.device);
    await alice.send(bob.account, `${MARK} after the revocation`, { wait: 'delivered' });
    const history = await bob.history(alice.account, { limit: 2 * MESSAGES });
    expect(history.length, 'everything arrived').to.equal(MESSAGES + 1);
    for (const client of [alice, bob, other]) await client.close();
    await cluster.stop();
    const { gate, mesh, log } = cluster.tape;
    places = [
      ...filesIn(folder.path).map((path) => [path, readFileSync(path)] as const),
      ['frames of the gates', Buffer.concat(gate)],
      ['frames of the mesh', Buffer.concat(mesh)],
      ['logs', Buffer.concat(log)],
    ];
  });

  after(() => folder.remove());

  it('finds what the servers may know: the name of a user, in files, frames and logs', () => {
    const where = found(Buffer.from(USER_NAME));
    expect(where).to.include.members(['frames of the gates', 'frames of the mesh', 'logs']);
    expect(where.filter((name) => name.endsWith('data.mdb'))).to.not.deep.equal([]);
  });

  it('finds a text that is planted in a frame, in any spelling', () => {
    for (const spelling of spellings(Buffer.from(MARK))) {
      places = [
        ['planted', Buffer.concat([Buffer.alloc(100, 1), spelling, Buffer.alloc(9)])],
        ...places,
      ];
      expect(found(Buffer.from(MARK))).to.deep.equal(['planted']);
      places = places.slice(1);
    }
  });

  it(`finds none of ${MESSAGES} texts`, () => {
    expect(found(Buffer.from(MARK))).to.deep.equal([]);
  });

  it('finds no password', () => {
    for (const password of PASSWORDS)
      expect(found(Buffer.from(password)), password).to.deep.equal([]);
  });

  it('finds none of the secret keys that clients made or used', () => {
    const kinds = new Set(
      [...secrets.keys()].map((name) => name.split(' ').slice(0, -1).join(' ')),
    );
    expect(kinds).to.include.members(['signing key', 'box key']);
    expect(secrets.size).to.be.greaterThan(8);
    for (const [name, secret] of secrets) expect(found(secret), name).to.deep.equal([]);
  });

  it('saw both wires at work', () => {
    for (const wire of ['frames of the gates', 'frames of the mesh']) {
      const content = places.find(([name]) => name === wire)?.[1];
      expect(content?.length, wire).to.be.greaterThan(100 * MESSAGES);
    }
  });
});

/** What a malicious node or peer may try with a direct message; numbers as in the threat list of docs/CRYPTO.md. */
import { expect } from 'chai';
import fc from 'fast-check';
import { TAGS } from '../../../src/crypto/tags.ts';
import { concat } from '../../../src/crypto/bytes.ts';
import { boxKeyParts, messageTag } from '../../../src/crypto/identity.ts';
import { checkChain } from '../../../src/crypto/opening/message-chain.ts';
import { pad, unpad } from '../../../src/crypto/opening/padding.ts';
import { signInner } from '../../../src/crypto/opening/signed-inner.ts';
import { currentBoxKey } from '../../../src/crypto/opening/vault.ts';
import { verifyDeviceProof } from '../../../src/crypto/proofs.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import { parseIncarnation, parseMessageId, parseNodeId } from '../../../src/protocol/ids.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { SUITES, open, person, recipient, say, seal, transparentSuite } from './people.ts';
import type { Person } from './people.ts';

const hello = { type: 'text', text: 'hello' } as const;

for (const [name, create] of SUITES)
  describe(`attacks on direct messages (${name})`, () => {
    let suite: OpeningSuite;
    let alice: Person;
    let bob: Person;
    let mallory: Person;

    before(async () => {
      suite = await create();
      alice = person(suite, 'alice');
      bob = person(suite, 'bob');
      mallory = person(suite, 'mallory');
    });

    /** Takes the seal off with the recipient's key, as a malicious recipient can. */
    const unsealed = (envelope: Envelope, by: Person): Uint8Array =>
      suite.openSealed(envelope.body, currentBoxKey(by.vault).keys);
    const resealed = (inner: Uint8Array, to: Person): Uint8Array =>
      suite.seal(inner, currentBoxKey(to.vault).keys.publicKey);

    it('9: a replay in the same log is told by its counter', () => {
      const opened = open(suite, alice, bob, say(suite, alice, bob, hello));
      const first = checkChain(undefined, opened);
      expect(first.verdict).to.equal('next');
      expect(checkChain(first.state, opened).verdict).to.equal('replayed');
    });

    it('9: a replay with a new counter, from another device or in another life of the log is refused', () => {
      const envelope = say(suite, alice, bob, hello);
      const changes: Array<Partial<Envelope>> = [
        { counter: 2 },
        { device: 2 as never },
        { incarnation: parseIncarnation('b'.repeat(32)) },
        { tag: messageTag(suite, alice.user, bob.user, parseMessageId('m2')) },
      ];
      for (const change of changes)
        throwsCode(() => open(suite, alice, bob, { ...envelope, ...change }), 'E_SIGNATURE');
    });

    it('9: a replay to another user is refused', () => {
      const envelope = say(suite, alice, bob, hello);
      throwsCode(() => open(suite, alice, mallory, envelope), 'E_SIGNATURE');
      const moved = { ...envelope, to: mallory.user };
      throwsCode(() => open(suite, alice, mallory, moved), 'E_DECRYPT');
    });

    it('10: what a node drops shows as a gap, what it exchanges as a fork', () => {
      const one = seal(suite, alice, bob);
      const two = seal(suite, alice, bob, { counter: 2, previous: one.hash });
      const three = seal(suite, alice, bob, { counter: 3, previous: two.hash });
      const [first, , third] = [one, two, three].map(({ envelope }) =>
        open(suite, alice, bob, envelope),
      );
      const seen = checkChain(undefined, first!);
      expect(checkChain(seen.state, third!)).to.deep.include({
        verdict: 'gap',
        gap: { from: 2, to: 2 },
        start: false,
      });
      const forged = checkChain({ counter: 2, hash: new Uint8Array(32).fill(1) }, third!);
      expect(forged.verdict).to.equal('forked');
    });

    it('12: the sender of a message cannot be exchanged', () => {
      const envelope = say(suite, alice, bob, hello);
      const claimed = { ...envelope, from: mallory.user };
      throwsCode(() => open(suite, mallory, bob, claimed), 'E_SIGNATURE');
      throwsCode(() => open(suite, alice, bob, claimed), 'E_SIGNATURE');
    });

    it('14: whoever seals a message "from Alice" lacks her signature', () => {
      const forger = { user: alice.user, vault: mallory.vault };
      throwsCode(() => open(suite, alice, bob, say(suite, forger, bob, hello)), 'E_SIGNATURE');
      const bare = { ...say(suite, alice, bob, hello), body: resealed(new Uint8Array(400), bob) };
      throwsCode(() => open(suite, alice, bob, bare), 'E_VERSION');
    });

    it('20: another format is E_VERSION, and the same bytes under another format do not verify', () => {
      const envelope = say(suite, alice, bob, hello);
      const inner = unsealed(envelope, bob);
      for (const format of [0, 2, 255]) {
        inner[64] = format;
        const changed = { ...envelope, body: resealed(inner, bob) };
        throwsCode(() => open(suite, alice, bob, changed), 'E_VERSION');
      }
    });

    it('21: no field of the clear header can be changed', () => {
      const envelope = say(suite, alice, bob, hello);
      const other: Envelope = {
        to: mallory.user,
        from: mallory.user,
        incarnation: parseIncarnation('c'.repeat(32)),
        device: 7 as never,
        counter: 8,
        tag: new Uint8Array(16),
        boxEpoch: 2,
        quiet: true,
        body: new Uint8Array(624),
      };
      for (const field of Object.keys(other) as Array<keyof Envelope>) {
        const changed = { ...envelope, [field]: other[field] };
        expect(
          codeOf(() => open(suite, alice, bob, changed)),
          field,
        ).to.be.oneOf(['E_SIGNATURE', 'E_DECRYPT']);
      }
      expect(open(suite, alice, bob, envelope).body).to.deep.equal(hello);
    });

    it('24: Bob cannot pass on what Alice wrote to him as if it were meant for Carol', () => {
      const carol = person(suite, 'carol');
      const envelope = say(suite, alice, bob, hello);
      const forwarded = {
        ...envelope,
        to: carol.user,
        tag: messageTag(suite, alice.user, carol.user, parseMessageId('m1')),
        body: resealed(unsealed(envelope, bob), carol),
      };
      throwsCode(() => open(suite, alice, carol, forwarded), 'E_SIGNATURE');
    });

    it('25: a message reflected to its sender is refused', () => {
      const envelope = say(suite, alice, bob, hello);
      throwsCode(() => open(suite, alice, alice, envelope), 'E_SIGNATURE');
      const turned = { ...envelope, to: alice.user };
      throwsCode(() => open(suite, alice, alice, turned), 'E_DECRYPT');
      const helped = { ...turned, body: resealed(unsealed(envelope, bob), alice) };
      throwsCode(() => open(suite, alice, alice, helped), 'E_SIGNATURE');
    });

    it('26: what was meant for another holder of the name does not open', () => {
      // A node gave Alice its own key as @bob's, read the message and hands it on to the real Bob.
      const impostor = { user: bob.user, vault: mallory.vault };
      const envelope = say(suite, alice, impostor, hello);
      const relayed = { ...envelope, body: resealed(unsealed(envelope, impostor), bob) };
      throwsCode(() => open(suite, alice, bob, relayed), 'E_SIGNATURE');
    });

    it("27: all of Bob's keys do not make a message from Alice", () => {
      const withBobsKeys = { user: alice.user, vault: bob.vault };
      throwsCode(
        () => open(suite, alice, bob, say(suite, withBobsKeys, bob, hello)),
        'E_SIGNATURE',
      );
    });

    it('30: a skipped counter of any size costs nothing', () => {
      const far = open(suite, alice, bob, seal(suite, alice, bob, { counter: 2 ** 31 }).envelope);
      const check = checkChain(undefined, far);
      expect(check).to.deep.include({
        verdict: 'gap',
        gap: { from: 1, to: 2 ** 31 - 1 },
        start: true,
      });
    });

    it('38: messages to others, to oneself and to groups are not interchangeable', () => {
      const envelope = say(suite, alice, bob, hello);
      const content = unpad(unsealed(envelope, bob).subarray(64)).subarray(1);
      const bound = [recipient(bob).identity];
      for (const tag of [TAGS.selfSync, TAGS.groupMessage, TAGS.groupOperation]) {
        const inner = signInner(suite, { tag, bound }, content, alice.vault.identity.privateKey);
        const confused = { ...envelope, body: resealed(inner, bob) };
        throwsCode(() => open(suite, alice, bob, confused), 'E_SIGNATURE');
      }
    });

    it('38: nobody else can tell a user what the user has sent', () => {
      const envelope = say(suite, mallory, bob, { type: 'sync', items: [] });
      throwsCode(() => open(suite, mallory, bob, envelope), 'E_SIGNATURE');
    });

    it('39: a signature over a box key proves no device', () => {
      const [user, , key] = boxKeyParts(alice.user, 1, new Uint8Array(32));
      const keys = suite.signKeyPair();
      const signature = suite.sign(TAGS.boxKey, [user!, key!], keys.privateKey);
      const context = {
        nonce: new Uint8Array(32),
        node: parseNodeId('n1'),
        bootId: new Uint8Array(16),
        fingerprint: new Uint8Array(32),
        user: alice.user,
        device: 1 as never,
      };
      expect(verifyDeviceProof(suite, context, signature, keys.publicKey)).to.equal(false);
    });

    it('39: a signature for one purpose is worthless for every other', () => {
      const keys = suite.signKeyPair();
      const tags = Object.values(TAGS);
      expect(new Set(tags).size).to.equal(tags.length);
      const signature = suite.sign(tags[0]!, [], keys.privateKey);
      for (const tag of tags.slice(1))
        expect(suite.verify(tag, [], signature, keys.publicKey)).to.equal(false);
    });

    it('45: no bytes sealed to Bob do more than throw a FastChatError', () => {
      const envelope = say(suite, alice, bob, hello);
      const signed = (content: Uint8Array): Uint8Array => {
        const purpose = { tag: TAGS.direct, bound: [recipient(bob).identity] };
        return signInner(suite, purpose, content, alice.vault.identity.privateKey);
      };
      const hostile = fc.oneof(
        fc.uint8Array({ maxLength: 600 }),
        fc.uint8Array({ maxLength: 300 }).map(signed),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => concat(new Uint8Array(64), pad(bytes))),
      );
      fc.assert(
        fc.property(hostile, (inner) => {
          const codes = ['E_VERSION', 'E_SIGNATURE', 'E_BAD_FRAME'];
          const changed = { ...envelope, body: resealed(inner, bob) };
          expect(codeOf(() => open(suite, alice, bob, changed))).to.be.oneOf(codes);
        }),
        { numRuns: 200 },
      );
    });

    it('45: no ciphertext does more than throw E_DECRYPT', () => {
      const envelope = say(suite, alice, bob, hello);
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (body) =>
          throwsCode(() => open(suite, alice, bob, { ...envelope, body }), 'E_DECRYPT'),
        ),
      );
    });
  });

describe('attack 22: lengths', () => {
  it('10,000 random texts give only ciphertexts of bucket length', () => {
    const suite = transparentSuite();
    const [alice, bob] = [person(suite, 'alice'), person(suite, 'bob')];
    const lengths = fc.oneof(
      { weight: 30, arbitrary: fc.nat(3000) },
      { weight: 1, arbitrary: fc.nat(70_000) },
    );
    const buckets = [256, 512, 1024, 2048, 4096, 8192, 16_384];
    for (let bucket = 24_576; bucket <= 90_112; bucket += 8192) buckets.push(bucket);
    const seen = new Set<number>();
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 128 }), (length, idLength) => {
        const id = parseMessageId('i'.repeat(idLength));
        const body = { type: 'text', text: 'x'.repeat(length) } as const;
        seen.add(seal(suite, alice, bob, { body, id }).envelope.body.length - 112);
      }),
      { numRuns: 10_000 },
    );
    expect(buckets).to.include.members([...seen]);
    expect(seen.size).to.be.greaterThan(8);
  });
});

import { expect } from 'chai';
import type { Body, SyncItem } from '../../../src/protocol/bodies.ts';
import { parseMessageId } from '../../../src/protocol/ids.ts';
import { DIRECT_BODY_BYTES_MAX, ENVELOPE_BODY_BYTES_MAX } from '../../../src/protocol/limits.ts';
import { envelope as envelopeType } from '../../../src/protocol/envelope.ts';
import { decode, encode } from '../../../src/protocol/codec.ts';
import { bodyBytes } from '../../../src/crypto/opening/direct-message.ts';
import { rotateBoxKey } from '../../../src/crypto/opening/vault.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { throwsCode } from './expect-code.ts';
import { SUITES, open, person, say, seal } from './people.ts';
import type { Person } from './people.ts';

for (const [name, create] of SUITES)
  describe(`direct message (${name})`, () => {
    let suite: OpeningSuite;
    let alice: Person;
    let bob: Person;

    before(async () => {
      suite = await create();
      alice = person(suite, 'alice');
      bob = person(suite, 'bob');
    });

    it('opens with everything the sender said, after a trip over the wire', () => {
      const { envelope, hash } = seal(suite, alice, bob);
      const received = decode(envelopeType, encode(envelopeType, envelope));
      const { body, ...rest } = received;
      expect(body.length).to.equal(256 + 112);
      const opened = open(suite, alice, bob, { ...rest, body });
      expect(opened).to.deep.include({ from: '@alice', to: '@bob', counter: 1, id: 'm1' });
      expect(opened).to.deep.include({ timestamp: 1000, boxEpoch: 1, quiet: false });
      expect(opened.body).to.deep.equal({ type: 'text', text: 'hello' });
      expect(opened.hash).to.deep.equal(hash);
    });

    it('carries every kind of body', () => {
      const key = new Uint8Array(32).fill(1);
      const bodies: Body[] = [
        { type: 'text', text: 'ä😀' },
        { type: 'file', name: 'a.png', mime: 'image/png', size: 5, key, hash: key, caption: '' },
        { type: 'read', upTo: [{ device: 1 as never, counter: 9 }] },
      ];
      for (const body of bodies)
        expect(open(suite, alice, bob, say(suite, alice, bob, body)).body).to.deep.equal(body);
    });

    it('carries 64 sync items to the other devices of the same user', () => {
      const items: SyncItem[] = Array.from({ length: 64 }, (_, index) => ({
        conversation: bob.user,
        id: parseMessageId(`m${index}`),
        counter: index % 2 === 0 ? index : undefined,
        timestamp: index,
        body: { type: 'text', text: `text ${index}` },
      }));
      const envelope = say(suite, alice, alice, { type: 'sync', items });
      expect(open(suite, alice, alice, envelope).body).to.deep.equal({ type: 'sync', items });
    });

    it('fits the longest text into an envelope and refuses a longer body with E_TOO_LARGE', () => {
      const fits = { type: 'text', text: 'x'.repeat(64 * 1024) } as const;
      expect(say(suite, alice, bob, fits).body.length).to.be.at.most(ENVELOPE_BODY_BYTES_MAX);
      const edge = { type: 'text', text: 'x'.repeat(DIRECT_BODY_BYTES_MAX - 7) } as const;
      expect(bodyBytes(edge)).to.equal(DIRECT_BODY_BYTES_MAX);
      const envelope = seal(suite, alice, bob, {
        body: edge,
        id: parseMessageId('i'.repeat(128)),
        counter: Number.MAX_SAFE_INTEGER,
        timestamp: Number.MAX_SAFE_INTEGER,
      }).envelope;
      expect(envelope.body.length).to.be.at.most(ENVELOPE_BODY_BYTES_MAX);
      expect(open(suite, alice, bob, envelope).body).to.deep.equal(edge);
      const over = { type: 'text', text: `${edge.text}x` } as const;
      throwsCode(() => say(suite, alice, bob, over), 'E_TOO_LARGE');
    });

    it('opens what was sealed to an older box key that is still in the vault, and not after that', () => {
      const envelope = say(suite, alice, bob, { type: 'text', text: 'old' });
      const rotated = { ...bob, vault: rotateBoxKey(suite, bob.vault, bob.user, 1).vault };
      expect(open(suite, alice, rotated, envelope).boxEpoch).to.equal(1);
      const retired = {
        ...rotated,
        vault: { ...rotated.vault, boxKeys: rotated.vault.boxKeys.slice(1) },
      };
      throwsCode(() => open(suite, alice, retired, envelope), 'E_DECRYPT');
    });
  });

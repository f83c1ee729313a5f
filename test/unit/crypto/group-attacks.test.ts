/** What a malicious node or member may try with a group; numbers as in the threat list of docs/CRYPTO.md. */
import { expect } from 'chai';
import { concat } from '../../../src/crypto/bytes.ts';
import { messageTag } from '../../../src/crypto/identity.ts';
import { checkChain } from '../../../src/crypto/opening/message-chain.ts';
import { openGroupKey, sealGroupKey, sealProfile } from '../../../src/crypto/opening/group-keys.ts';
import { openGroupMessage, sealGroupMessage } from '../../../src/crypto/opening/group-message.ts';
import { currentBoxKey } from '../../../src/crypto/opening/vault.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import { encodeSigned } from '../../../src/crypto/signed.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import { decode, encode } from '../../../src/protocol/codec.ts';
import type { Envelope } from '../../../src/protocol/envelope.ts';
import { operationContent } from '../../../src/protocol/group-log.ts';
import {
  parseDeviceId,
  parseGroupId,
  parseIncarnation,
  parseMessageId,
  parseUserId,
} from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { Member, PROFILE, foundGroup, life, must, people, team } from './group-people.ts';
import type { People, Sent } from './group-people.ts';
import { SUITES, open, say } from './people.ts';

const [ann, bob, carl, eve] = ['ann', 'bob', 'carl', 'eve'].map(parseUserId) as [
  UserId,
  UserId,
  UserId,
  UserId,
];

for (const [name, create] of SUITES)
  describe(`attacks on groups (${name})`, () => {
    let suite: OpeningSuite;
    let everybody: People;
    let members: Map<UserId, Member>;
    let creation: Sent;
    const of = (user: UserId): Member => must(members.get(user));
    const privateKeyOf = (user: UserId): Uint8Array =>
      must(everybody.get(user)).vault.identity.privateKey;
    const all = (sent: Sent): void => members.forEach((member) => member.take(sent));
    const unsealed = (sent: Sent): Sent => ({ ...sent, seals: new Map() });

    before(async () => {
      suite = await create();
      everybody = people(suite, 'ann', 'bob', 'carl', 'eve');
    });
    beforeEach(() => {
      const founded = foundGroup(suite, everybody, [
        { user: bob, role: 'member' },
        { user: carl, role: 'member' },
      ]);
      members = founded.members;
      creation = founded.sent;
    });

    /** What a node, or anybody with `signer`'s key, can put together around a real operation. */
    function forge(
      sent: Sent,
      signer: UserId,
      change: Partial<{ commitment: Uint8Array }> = {},
    ): Sent {
      const content = decode(operationContent, sent.signed.subarray(64));
      const forged = encode(operationContent, { ...content, ...change });
      return {
        ...sent,
        signed: encodeSigned(suite, TAGS.groupOperation, forged, privateKeyOf(signer)),
      };
    }

    it('7: nobody is added without the signature of an admin', () => {
      const byMember = of(bob).make({ type: 'add', user: eve, role: 'member' });
      expect(codeOf(() => of(carl).take(byMember))).to.equal('E_NOT_ADMIN');
      const inAnnsName = forge(of(ann).make({ type: 'add', user: eve, role: 'member' }), eve);
      throwsCode(() => of(carl).take(inAnnsName), 'E_SIGNATURE');
      expect(of(carl).roster).to.include({ position: 1 });
    });

    it('7: a changed byte anywhere in an operation is noticed', () => {
      const sent = of(ann).make({ type: 'add', user: eve, role: 'member' });
      for (let index = 0; index < sent.signed.length; index += 7) {
        const signed = Uint8Array.from(sent.signed);
        signed[index] = (signed[index] ?? 0) ^ 1;
        expect(
          codeOf(() => of(bob).take({ ...sent, signed })),
          `byte ${index}`,
        ).to.not.equal(undefined);
      }
      of(bob).take(sent);
    });

    it('8: an old roster, a dropped or an exchanged operation does not fit the chain', () => {
      const removed = of(ann).make({ type: 'remove', user: carl });
      members.delete(carl);
      all(removed);
      throwsCode(() => of(bob).take(creation), 'E_GROUP_EXISTS');
      const [first, second] = [of(ann).make({ type: 'rename' }), of(ann).make({ type: 'rename' })];
      of(ann).take(first);
      const third = of(ann).make({ type: 'add', user: carl, role: 'member' });
      throwsCode(() => of(bob).take(third), 'E_STALE_EPOCH');
      of(bob).take(second);
      throwsCode(() => of(bob).take(third), 'E_STALE_EPOCH');
    });

    it('8: two members who are shown different rosters do not read each other', () => {
      const [toBob, toCarl] = [of(ann).make({ type: 'rekey' }), of(ann).make({ type: 'rekey' })];
      of(bob).take(toBob);
      of(carl).take(toCarl);
      throwsCode(() => of(carl).read(of(bob).say('which group is this?')), 'E_DECRYPT');
    });

    it('9: a replay in the same group is told by its counter', () => {
      const opened = of(bob).read(of(ann).say('once'));
      const first = checkChain(undefined, opened);
      expect(first.verdict).to.equal('next');
      expect(checkChain(first.state, opened).verdict).to.equal('replayed');
    });

    it('9: a replay with any other header is refused', () => {
      const envelope = of(ann).say('once');
      const changes: Array<Partial<Envelope>> = [
        { counter: 2 },
        { device: parseDeviceId(2) },
        { quiet: true },
        { from: carl },
        { tag: messageTag(suite, ann, team, parseMessageId('m2')) },
        { incarnation: parseIncarnation('b'.repeat(32)) },
        { to: parseGroupId('#other') },
        { to: bob },
      ];
      for (const change of changes)
        expect(
          codeOf(() => of(bob).open({ ...envelope, ...change })),
          JSON.stringify(change),
        ).to.be.oneOf(['E_SIGNATURE', 'E_DECRYPT']);
    });

    it('9: a message to one group cannot be moved to another one of the same people', () => {
      const envelope = of(ann).say('here');
      const other = parseGroupId('#other');
      const key = of(bob).key;
      const moved = { ...envelope, to: other };
      const identity = must(everybody.get(ann)).vault.identity.publicKey;
      throwsCode(
        () => openGroupMessage(suite, { envelope: moved, group: other }, key, identity),
        'E_DECRYPT',
      );
    });

    it('10: dropped and exchanged messages show as gaps', () => {
      const opened = of(bob).read(of(ann).say('third', { counter: 3 }));
      expect(checkChain(undefined, opened)).to.include({ verdict: 'gap', start: true });
    });

    it('28: a text under two keys, or a second key for one epoch, is accepted by nobody', () => {
      const other = new SecretBytes(suite.random(32));
      const sent = of(ann).make({ type: 'rekey' });
      const { keys } = currentBoxKey(must(everybody.get(bob)).vault);
      const seals = new Map(sent.seals).set(bob, sealGroupKey(suite, other, keys.publicKey));
      throwsCode(() => of(bob).take({ ...sent, seals }), 'E_DECRYPT');
      const twice = forge(sent, ann, { commitment: must(of(ann).roster).commitment });
      throwsCode(() => of(carl).take(twice), 'E_DECRYPT');
    });

    it('28: a seal of one epoch, group or life opens nothing in another', () => {
      const { keys } = currentBoxKey(must(everybody.get(bob)).vault);
      const { commitment } = must(of(bob).roster);
      const sealed = must(creation.seals.get(bob));
      const place = { group: team, incarnation: life, epoch: 1, commitment };
      openGroupKey(suite, place, sealed, keys);
      for (const moved of [
        { epoch: 2 },
        { group: parseGroupId('#other') },
        { incarnation: parseIncarnation('c'.repeat(32)) },
      ])
        throwsCode(() => openGroupKey(suite, { ...place, ...moved }, sealed, keys), 'E_DECRYPT');
    });

    it('33: a removed member reads nothing that is written later, with everything the server has', () => {
      const removed = of(carl);
      const sent = of(ann).make({ type: 'remove', user: carl });
      members.delete(carl);
      all(sent);
      const added = of(ann).make({ type: 'add', user: eve, role: 'member' });
      all(added);
      removed.take(unsealed(sent));
      removed.take(unsealed(added));
      const envelope = of(ann).say('without carl');
      throwsCode(() => removed.open(envelope), 'E_DECRYPT');
      expect(
        opensWithAny(removed, envelope, [...sent.seals.values(), ...added.seals.values()]),
      ).to.equal(false);
    });

    it('33: one who left reads nothing that is written later', () => {
      const gone = of(carl);
      all(of(carl).make({ type: 'leave' }));
      members.delete(carl);
      const added = of(ann).make({ type: 'add', user: eve, role: 'member' });
      all(added);
      gone.take(added);
      throwsCode(() => of(bob).read(of(ann).say('the key is due')), 'E_STALE_EPOCH');
      const fresh = of(ann).make({ type: 'rekey' });
      all(fresh);
      gone.take(unsealed(fresh));
      throwsCode(() => gone.open(of(ann).say('now')), 'E_DECRYPT');
    });

    it('34: a new member reads nothing that was written before, with the whole log', () => {
      const before = of(ann).say('before eve');
      const newcomer = new Member(suite, everybody, eve);
      newcomer.take(unsealed(creation));
      const added = of(ann).make({ type: 'add', user: eve, role: 'member' });
      all(added);
      newcomer.take(added);
      throwsCode(() => newcomer.open(before), 'E_DECRYPT');
      expect(opensWithAny(newcomer, before, [...creation.seals.values()])).to.equal(false);
    });

    it("35: a member cannot write in another one's name", () => {
      const draft = { ...draftOf(bob), from: ann };
      const { envelope } = sealGroupMessage(suite, draft, of(bob).key, privateKeyOf(bob));
      throwsCode(() => of(carl).read(envelope), 'E_SIGNATURE');
    });

    it('36: a message of an old epoch has no place after the key was changed', () => {
      const late = of(bob).say('sealed before');
      all(of(ann).make({ type: 'rekey' }));
      throwsCode(() => of(carl).read(late), 'E_STALE_EPOCH');
      throwsCode(() => of(carl).read({ ...late, boxEpoch: 2 }), 'E_DECRYPT');
    });

    it('37: a key that nobody announced is not taken', () => {
      const offered = new SecretBytes(suite.random(32));
      const { keys } = currentBoxKey(must(everybody.get(bob)).vault);
      const sealed = sealGroupKey(suite, offered, keys.publicKey);
      const { commitment } = must(of(bob).roster);
      const place = { group: team, incarnation: life, epoch: 1, commitment };
      throwsCode(() => openGroupKey(suite, place, sealed, keys), 'E_DECRYPT');
    });

    it('38: a direct message is none to a group, a group message no direct one, a signature never both', () => {
      const [annHerself, bobHimself] = [must(everybody.get(ann)), must(everybody.get(bob))];
      const direct = say(suite, annHerself, bobHimself, { type: 'text', text: 'for bob' });
      throwsCode(() => of(bob).open({ ...direct, to: team, boxEpoch: 1 }), 'E_DECRYPT');
      throwsCode(
        () => open(suite, annHerself, bobHimself, { ...of(ann).say('all'), to: bob }),
        'E_DECRYPT',
      );
      const sent = of(ann).make({ type: 'rename' });
      const relabelled = concat(
        suite.sign(TAGS.groupMessage, [sent.signed.subarray(64)], privateKeyOf(ann)),
        sent.signed.subarray(64),
      );
      expect(codeOf(() => of(bob).take({ ...sent, signed: relabelled }))).to.equal('E_SIGNATURE');
    });

    it('a title cannot be moved to another epoch', () => {
      const place = { group: team, incarnation: life, epoch: 1 };
      const sealed = sealProfile(suite, place, PROFILE, of(ann).key.key);
      const operation = of(ann).take(of(ann).make({ type: 'rekey' }));
      throwsCode(() => of(ann).profileOf({ ...operation, profile: sealed }), 'E_DECRYPT');
    });

    function draftOf(user: UserId) {
      return {
        from: user,
        device: parseDeviceId(1),
        counter: 1,
        previous: new Uint8Array(32),
        to: team,
        incarnation: life,
        id: parseMessageId('m1'),
        timestamp: 1000,
        quiet: false,
        body: { type: 'text', text: 'hi' },
      } as const;
    }

    /** Tries every key the member ever had and every seal the server holds. */
    function opensWithAny(
      member: Member,
      envelope: Envelope,
      seals: readonly Uint8Array[],
    ): boolean {
      const { keys } = currentBoxKey(member.self.vault);
      const sender = must(everybody.get(envelope.from)).vault.identity.publicKey;
      const own = [...member.keys.values()].map(({ key }) => key.reveal());
      const opened = seals.flatMap((sealed) => {
        try {
          return [suite.openSealed(sealed, keys)];
        } catch {
          return [];
        }
      });
      return [...own, ...opened].some((bytes) => {
        const announced = must(of(envelope.from).keys.get(envelope.boxEpoch));
        const epochKey = { ...announced, key: new SecretBytes(bytes) };
        return (
          codeOf(() => openGroupMessage(suite, { envelope, group: team }, epochKey, sender)) ===
          undefined
        );
      });
    }
  });

import { expect } from 'chai';
import fc from 'fast-check';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import type { KeyPair } from '../../../src/crypto/suite.ts';
import { signInvitation, verifyInvitation } from '../../../src/crypto/invitations.ts';
import { signDeviceProof, verifyDeviceProof } from '../../../src/crypto/proofs.ts';
import type { ProofContext } from '../../../src/crypto/proofs.ts';
import { TicketMemory } from '../../../src/crypto/ticket-memory.ts';
import { signTicket, verifyTicket } from '../../../src/crypto/tickets.ts';
import type { Ticket } from '../../../src/crypto/tickets.ts';
import { TICKET_LIFETIME_MS } from '../../../src/protocol/limits.ts';
import { parseDeviceId, parseNodeId, parseUserId } from '../../../src/protocol/ids.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { SUITES } from './people.ts';

const user = parseUserId('alice');
const device = parseDeviceId(1);
const node = parseNodeId('n1');
const bootId = new Uint8Array(16).fill(1);
const nowMs = 1_000_000;

for (const [name, create] of SUITES)
  describe(`permissions signed by the cluster (${name})`, () => {
    let suite: OpeningSuite;
    let cluster: KeyPair;
    let ticket: Ticket;

    before(async () => {
      suite = await create();
      cluster = suite.signKeyPair();
      ticket = { user, device, node, bootId, expiresAtMs: nowMs + 10_000, nonce: suite.random(16) };
    });

    const signed = (changes: Partial<Ticket> = {}): Uint8Array =>
      signTicket(suite, { ...ticket, ...changes }, cluster.privateKey);
    const verify = (bytes: Uint8Array, here = { node, bootId, nowMs }): Ticket =>
      verifyTicket(suite, bytes, cluster.publicKey, here);

    describe('ticket', () => {
      it('says who may log in at this node, and fits a frame', () => {
        expect(verify(signed())).to.deep.equal(ticket);
        expect(signed({ node: parseNodeId('n'.repeat(32)) }).length).to.be.below(512);
      });

      it('is E_TICKET_NODE at another node and after a restart', () => {
        const elsewhere = { node: parseNodeId('n2'), bootId, nowMs };
        throwsCode(() => verify(signed(), elsewhere), 'E_TICKET_NODE');
        const restarted = { node, bootId: new Uint8Array(16), nowMs };
        throwsCode(() => verify(signed(), restarted), 'E_TICKET_NODE');
      });

      it('is E_TICKET_EXPIRED from the millisecond it expires', () => {
        const at = (time: number) => ({ node, bootId, nowMs: time });
        expect(codeOf(() => verify(signed(), at(ticket.expiresAtMs - 1)))).to.equal(undefined);
        throwsCode(() => verify(signed(), at(ticket.expiresAtMs)), 'E_TICKET_EXPIRED');
      });

      it('is E_TICKET_FORGED with another key, any changed byte or a lifetime nobody gives', () => {
        const stranger = suite.signKeyPair();
        const forged = signTicket(suite, ticket, stranger.privateKey);
        throwsCode(() => verify(forged), 'E_TICKET_FORGED');
        const bytes = signed();
        for (let index = 0; index < bytes.length; index += 7) {
          const changed = Uint8Array.from(bytes);
          changed[index]! ^= 1;
          throwsCode(() => verify(changed), 'E_TICKET_FORGED');
        }
        const longest = nowMs + TICKET_LIFETIME_MS;
        expect(codeOf(() => verify(signed({ expiresAtMs: longest })))).to.equal(undefined);
        throwsCode(() => verify(signed({ expiresAtMs: longest + 1 })), 'E_TICKET_FORGED');
      });

      it('attack 45: no bytes do more than E_TICKET_FORGED', () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) =>
            throwsCode(() => verify(bytes), 'E_TICKET_FORGED'),
          ),
        );
      });

      it('attack 39: an invitation is no ticket', () => {
        const invitation = signInvitation(suite, { user, expiresAtMs: nowMs }, cluster.privateKey);
        throwsCode(() => verify(Buffer.from(invitation, 'base64url')), 'E_TICKET_FORGED');
      });
    });

    describe('ticket memory', () => {
      const numbered = (index: number, expiresAtMs = nowMs + 10): Ticket => {
        const nonce = new Uint8Array(16);
        new DataView(nonce.buffer).setUint32(0, index);
        return { ...ticket, nonce, expiresAtMs };
      };

      it('lets each ticket in once: E_TICKET_REPLAYED', () => {
        const memory = new TicketMemory();
        memory.use(numbered(1), nowMs);
        memory.use(numbered(2), nowMs);
        throwsCode(() => memory.use(numbered(1), nowMs), 'E_TICKET_REPLAYED');
      });

      it('forgets what has expired', () => {
        const memory = new TicketMemory();
        for (let index = 0; index < 10; index++) memory.use(numbered(index), nowMs);
        memory.use(numbered(99, nowMs + 100), nowMs + 10);
        expect(memory.size).to.equal(1);
      });

      it('refuses logins at its bound rather than forget a live ticket: E_RATE_LIMITED', () => {
        const memory = new TicketMemory(3);
        for (let index = 0; index < 3; index++) memory.use(numbered(index), nowMs);
        throwsCode(() => memory.use(numbered(3), nowMs), 'E_RATE_LIMITED');
        throwsCode(() => memory.use(numbered(0), nowMs), 'E_TICKET_REPLAYED');
        memory.use(numbered(4, nowMs + 100), nowMs + 10);
        expect(memory.size).to.equal(1);
      });
    });

    describe('device proof', () => {
      it('holds for exactly what it was made for', () => {
        const keys = suite.signKeyPair();
        const context: ProofContext = {
          nonce: suite.random(32),
          node,
          bootId,
          fingerprint: suite.random(32),
          user,
          device,
        };
        const proof = signDeviceProof(suite, context, keys.privateKey);
        expect(verifyDeviceProof(suite, context, proof, keys.publicKey)).to.equal(true);
        const changes: Array<Partial<ProofContext>> = [
          { nonce: suite.random(32) },
          { node: parseNodeId('n2') },
          { bootId: suite.random(16) },
          { fingerprint: suite.random(32) },
          { user: parseUserId('bob') },
          { device: parseDeviceId(2) },
        ];
        for (const change of changes) {
          const other = { ...context, ...change };
          expect(verifyDeviceProof(suite, other, proof, keys.publicKey)).to.equal(false);
        }
        const stranger = suite.signKeyPair().publicKey;
        expect(verifyDeviceProof(suite, context, proof, stranger)).to.equal(false);
        expect(verifyDeviceProof(suite, context, new Uint8Array(), keys.publicKey)).to.equal(false);
      });
    });

    describe('invitation', () => {
      const invite = () =>
        signInvitation(suite, { user, expiresAtMs: nowMs + 1 }, cluster.privateKey);
      const check = (text: string, wanted = { user, nowMs }) =>
        codeOf(() => verifyInvitation(suite, text, cluster.publicKey, wanted));

      it('lets the named user register until it expires', () => {
        expect(invite()).to.match(/^[\w-]{1,512}$/);
        expect(check(invite())).to.equal(undefined);
      });

      it('is E_REGISTRATION for another name, when expired and when forged', () => {
        const text = invite();
        expect(check(text, { user: parseUserId('bob'), nowMs })).to.equal('E_REGISTRATION');
        expect(check(text, { user, nowMs: nowMs + 1 })).to.equal('E_REGISTRATION');
        const stranger = suite.signKeyPair().privateKey;
        const forged = signInvitation(suite, { user, expiresAtMs: nowMs + 1 }, stranger);
        expect(check(forged)).to.equal('E_REGISTRATION');
      });

      it('attack 45: no text does more than E_REGISTRATION, and each invitation has one text', () => {
        fc.assert(fc.property(fc.string(), (text) => check(text) === 'E_REGISTRATION'));
        for (const text of [`${invite()}=`, ` ${invite()}`, `${invite()}!`])
          expect(check(text)).to.equal('E_REGISTRATION');
      });
    });
  });

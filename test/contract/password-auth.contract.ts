import { expect } from 'chai';
import fc from 'fast-check';
import type { PasswordClient, PasswordServer } from '../../src/crypto/password-auth.ts';
import { codeOf, rejectsCode, throwsCode } from '../unit/crypto/expect-code.ts';

export interface PasswordHalves {
  readonly server: PasswordServer;
  /** Another node of the same cluster. */
  readonly sameCluster: PasswordServer;
  readonly otherCluster: PasswordServer;
  readonly client: PasswordClient;
}

/** What both halves of password login promise together. */
export function passwordAuthContract(name: string, create: () => Promise<PasswordHalves>): void {
  describe(`password login: ${name}`, () => {
    let halves: PasswordHalves;
    before(async () => {
      halves = await create();
    });

    async function register(user: string, password: string) {
      const { server, client } = halves;
      const { request, state } = await client.startRegistration(password);
      const response = server.registrationResponse(user, request);
      return client.finishRegistration(password, state, response, 'weak');
    }

    async function logIn(
      user: string,
      password: string,
      record: Uint8Array | undefined,
      server = halves.server,
    ) {
      const { client } = halves;
      const started = await client.startLogin(password);
      const { response, state } = server.startLogin(user, record, started.request);
      const done = await client.finishLogin(password, started.state, response, 'weak');
      if (done === undefined) return undefined;
      return { accepted: server.finishLogin(state, done.finish), ...done };
    }

    it('lets the right password in and gives the export key of the registration', async () => {
      const { record, exportKey } = await register('@alice', 'correct horse');
      const login = await logIn('@alice', 'correct horse', record);
      expect(login?.accepted).to.equal(true);
      expect(login?.exportKey).to.deep.equal(exportKey).and.to.have.length(64);
    });

    it('works at every node of the cluster and at no other cluster', async () => {
      const { record } = await register('@alice', 'pw');
      const { sameCluster, otherCluster } = halves;
      expect((await logIn('@alice', 'pw', record, sameCluster))?.accepted).to.equal(true);
      expect(await logIn('@alice', 'pw', record, otherCluster)).to.equal(undefined);
    });

    it('gives nothing for a wrong password', async () => {
      const { record } = await register('@alice', 'right');
      expect(await logIn('@alice', 'wrong', record)).to.equal(undefined);
    });

    it('gives nothing for an unknown user, with an answer of the same size', async () => {
      const { server, client } = halves;
      const { record } = await register('@alice', 'right');
      const { request } = await client.startLogin('right');
      const real = server.startLogin('@alice', record, request);
      const fake = server.startLogin('@nobody', undefined, request);
      expect(fake.response.length).to.equal(real.response.length);
      expect(fake.state.length).to.equal(real.state.length);
      expect(await logIn('@nobody', 'right', undefined)).to.equal(undefined);
    });

    it('attack 18: the record of one user is worthless for another', async () => {
      const { record } = await register('@alice', 'same password');
      expect(await logIn('@bob', 'same password', record)).to.equal(undefined);
    });

    it('gives every registration an export key of its own', async () => {
      const first = await register('@alice', 'pw');
      const second = await register('@alice', 'pw');
      expect(second.exportKey).not.to.deep.equal(first.exportKey);
    });

    it('takes composed and decomposed accents for the same password', async () => {
      const { record } = await register('@alice', 'caf\u00e9');
      expect((await logIn('@alice', 'cafe\u0301', record))?.accepted).to.equal(true);
    });

    it('refuses the finish of another login', async () => {
      const { server, client } = halves;
      const { record } = await register('@alice', 'pw');
      const login = await logIn('@alice', 'pw', record);
      const { request } = await client.startLogin('pw');
      const { state } = server.startLogin('@alice', record, request);
      expect(server.finishLogin(state, login!.finish)).to.equal(false);
    });

    it('answers a client that registered nonsense like an unknown user', async () => {
      const { server, client } = halves;
      const { request } = await client.startLogin('pw');
      for (const length of [0, 10, 192, 1024]) {
        const { response } = server.startLogin('@alice', new Uint8Array(length).fill(255), request);
        expect(response).to.have.length(320);
      }
    });

    it('attack 45: a server meets nothing worse than E_BAD_FRAME and false', async () => {
      const { server, client } = halves;
      const { record } = await register('@alice', 'pw');
      const { request } = await client.startLogin('pw');
      const { state } = server.startLogin('@alice', record, request);
      const hostile = fc.oneof(
        fc.uint8Array({ maxLength: 1024 }),
        ...[32, 64, 96].map((size) => fc.uint8Array({ minLength: size, maxLength: size })),
      );
      fc.assert(
        fc.property(hostile, (bytes) => {
          const codes = [
            codeOf(() => server.registrationResponse('@alice', bytes)),
            codeOf(() => server.startLogin('@alice', record, bytes)),
          ];
          expect(codes.every((code) => code === undefined || code === 'E_BAD_FRAME')).to.equal(
            true,
          );
          expect(server.finishLogin(state, bytes)).to.equal(false);
          expect(server.finishLogin(bytes, bytes)).to.equal(false);
        }),
        { numRuns: 60 },
      );
      throwsCode(() => server.startLogin('@alice', record, new Uint8Array(7)), 'E_BAD_FRAME');
    });

    it('attack 45: a client meets nothing worse than E_BAD_FRAME', async () => {
      const { client } = halves;
      const { state } = await client.startRegistration('pw');
      const short = new Uint8Array(7);
      await rejectsCode(client.finishRegistration('pw', state, short, 'weak'), 'E_BAD_FRAME');
      const login = await client.startLogin('pw');
      await rejectsCode(client.finishLogin('pw', login.state, short, 'weak'), 'E_BAD_FRAME');
    });
  });
}

import { expect } from 'chai';
import { createPasswordServer, createPasswordServerSetup } from '../../src/crypto/opaque-server.ts';
import { createPasswordClient } from '../../src/crypto/opening/opaque-client.ts';
import { createTransparentPasswordClient } from '../../src/crypto/opening/transparent-password-client.ts';
import { createTransparentPasswordServer } from '../../src/crypto/transparent-password-server.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { seededRandom } from '../../src/ops/random.ts';
import { rejectsCode } from '../unit/crypto/expect-code.ts';
import { passwordAuthContract } from './password-auth.contract.ts';

passwordAuthContract('OPAQUE', async () => {
  const setup = await createPasswordServerSetup();
  return {
    server: await createPasswordServer(setup),
    sameCluster: await createPasswordServer(setup),
    otherCluster: await createPasswordServer(await createPasswordServerSetup()),
    client: createPasswordClient(systemClock),
  };
});

passwordAuthContract('transparent', () => {
  const random = seededRandom(1);
  return Promise.resolve({
    server: createTransparentPasswordServer('setup', random),
    sameCluster: createTransparentPasswordServer('setup', random),
    otherCluster: createTransparentPasswordServer('other', random),
    client: createTransparentPasswordClient(random),
  });
});

describe('password login: OPAQUE with standard stretching', () => {
  it('stretches in a thread that leaves the event loop free', async function () {
    this.timeout(10_000);
    let turns = 0;
    const client = createPasswordClient(systemClock);
    const server = await createPasswordServer(await createPasswordServerSetup());
    const counting = setInterval(() => turns++, 5);
    const { request, state } = await client.startRegistration('pw');
    const response = server.registrationResponse('@alice', request);
    const { record, exportKey } = await client.finishRegistration(
      'pw',
      state,
      response,
      'standard',
    );
    clearInterval(counting);
    expect(turns).to.be.greaterThan(3);

    const started = await client.startLogin('pw');
    const login = server.startLogin('@alice', record, started.request);
    const done = await client.finishLogin('pw', started.state, login.response, 'standard');
    expect(server.finishLogin(login.state, done!.finish)).to.equal(true);
    expect(done?.exportKey).to.deep.equal(exportKey);

    const cheap = await client.finishLogin('pw', started.state, login.response, 'weak');
    expect(cheap, 'another stretching is another password').to.equal(undefined);
    const short = client.finishLogin('pw', started.state, new Uint8Array(7), 'standard');
    await rejectsCode(short, 'E_BAD_FRAME');
    await client.close();
  });

  it('refuses a damaged set-up with E_CONFIG', async () => {
    await rejectsCode(createPasswordServer('zzz'), 'E_CONFIG');
  });
});

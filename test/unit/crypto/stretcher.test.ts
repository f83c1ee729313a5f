import { expect } from 'chai';
import { Stretcher } from '../../../src/crypto/opening/stretcher.ts';
import { rejectsCode } from './expect-code.ts';

const input = {
  password: 'pw',
  state: '',
  response: new Uint8Array(),
  stretching: 'weak',
} as const;

describe('password thread', () => {
  let idle: () => void;
  let cancelled: number;
  let stretcher: Stretcher;

  beforeEach(() => {
    cancelled = 0;
    idle = () => undefined;
    stretcher = new Stretcher({
      after(_delayMs, task) {
        idle = task;
        return { cancel: () => void cancelled++ };
      },
    });
  });
  afterEach(() => stretcher.close());

  it('hands errors over with their code', async () => {
    await rejectsCode(stretcher.run('finishLogin', input), 'E_BAD_FRAME');
  });

  it('ends when idle, and starts again for more work', async () => {
    await rejectsCode(stretcher.run('finishLogin', input), 'E_BAD_FRAME');
    expect(stretcher.running).to.equal(true);
    idle();
    expect(stretcher.running).to.equal(false);
    await rejectsCode(stretcher.run('finishRegistration', input), 'E_BAD_FRAME');
    expect(stretcher.running).to.equal(true);
  });

  it('stays for work that comes before it is idle', async () => {
    await rejectsCode(stretcher.run('finishLogin', input), 'E_BAD_FRAME');
    const running = stretcher.run('finishLogin', input);
    expect(cancelled).to.equal(1);
    await rejectsCode(running, 'E_BAD_FRAME');
  });

  it('fails what was running when it is closed, and nothing else', async () => {
    const running = stretcher.run('finishLogin', input);
    await Promise.all([rejectsCode(running, 'E_INTERNAL'), stretcher.close()]);
    await stretcher.close();
    expect(stretcher.running).to.equal(false);
  });
});

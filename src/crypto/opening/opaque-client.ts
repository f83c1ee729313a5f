/** The client's half of OPAQUE over `@serenity-kit/opaque`: the password stays in this process. */
import { client, ready } from '@serenity-kit/opaque';
import { FastChatError } from '../../protocol/errors.ts';
import { fromBase64url } from '../base64url.ts';
import type { PasswordClient } from '../password-auth.ts';
import { normalPassword, runStep } from './opaque-steps.ts';
import type { StepInput, StepName, StepOutput } from './opaque-steps.ts';
import { Stretcher } from './stretcher.ts';
import type { IdleTimer } from './stretcher.ts';

/** A password client that owns a thread. */
export interface OpaqueClient extends PasswordClient {
  /** Ends the thread at once; without it, it ends by itself when idle and never keeps the process alive. */
  close(): Promise<void>;
}

/** `timer` (a `Clock` will do) ends the idle thread. `weak` stretching runs inline, `standard` in the thread. */
export function createPasswordClient(timer: IdleTimer): OpaqueClient {
  const stretcher = new Stretcher(timer);
  const step = async (name: StepName, input: StepInput): Promise<StepOutput | undefined> => {
    await ready;
    return input.stretching === 'weak' ? runStep(name, input) : stretcher.run(name, input);
  };
  return {
    async startRegistration(password) {
      await ready;
      const started = client.startRegistration({ password: normalPassword(password) });
      return {
        request: fromBase64url(started.registrationRequest),
        state: started.clientRegistrationState,
      };
    },
    async finishRegistration(password, state, response, stretching) {
      const input = { password, state, response, stretching };
      const output = await step('finishRegistration', input);
      if (output === undefined) throw new FastChatError('E_INTERNAL', 'registration gave nothing');
      return { record: output.message, exportKey: output.exportKey };
    },
    async startLogin(password) {
      await ready;
      const started = client.startLogin({ password: normalPassword(password) });
      return { request: fromBase64url(started.startLoginRequest), state: started.clientLoginState };
    },
    async finishLogin(password, state, response, stretching) {
      const output = await step('finishLogin', { password, state, response, stretching });
      return output && { finish: output.message, exportKey: output.exportKey };
    },
    close: () => stretcher.close(),
  };
}

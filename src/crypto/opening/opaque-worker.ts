/** The thread that stretches passwords, so that a login never stalls the event loop of the client. */
import { parentPort } from 'node:worker_threads';
import { ready } from '@serenity-kit/opaque';
import { asFastChatError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { runStep } from './opaque-steps.ts';
import type { StepInput, StepName, StepOutput } from './opaque-steps.ts';

export interface StepRequest {
  readonly id: number;
  readonly name: StepName;
  readonly input: StepInput;
}

/** Errors cross the border between threads as code and text. */
export type StepAnswer =
  | { readonly id: number; readonly output: StepOutput | undefined }
  | { readonly id: number; readonly code: ErrorCode; readonly message: string };

function answer({ id, name, input }: StepRequest): StepAnswer {
  try {
    return { id, output: runStep(name, input) };
  } catch (cause) {
    const { code, message } = asFastChatError(cause);
    return { id, code, message };
  }
}

await ready;
parentPort?.on('message', (request: StepRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage(answer(request));
});

import { expect } from 'chai';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';

/** The code that `act` throws; fails for anything but a FastChatError. */
export function codeOf(act: () => unknown): ErrorCode | undefined {
  try {
    act();
  } catch (cause) {
    if (cause instanceof FastChatError) return cause.code;
    throw cause;
  }
  return undefined;
}

export function throwsCode(act: () => unknown, code: ErrorCode): void {
  expect(codeOf(act)).to.equal(code);
}

export async function rejectsCode(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  const cause: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(cause).to.be.instanceOf(FastChatError).with.property('code', code);
}

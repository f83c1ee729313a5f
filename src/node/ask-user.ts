/** Asks a user actor, wherever it lives, for operators who can wait for a promise. */
import type { Courier } from '../actors/ports.ts';
import type { UserId } from '../protocol/ids.ts';
import type { UserReply, UserRequest } from '../protocol/user-calls.ts';

/** @throws E_UNREACHABLE, E_TIMEOUT, or what the user answers */
export function askUser<K extends UserRequest['type']>(
  courier: Courier,
  user: UserId,
  request: Extract<UserRequest, { type: K }>,
): Promise<UserReply<K>> {
  return new Promise((resolve, reject) => {
    courier.ask<K>(user, request, (outcome) =>
      outcome.ok ? resolve(outcome.value) : reject(outcome.error),
    );
  });
}

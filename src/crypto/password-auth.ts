/**
 * OPAQUE (RFC 9807) as two ports: the password never leaves the client. Messages are opaque bytes.
 * Real halves: `opaque-server.ts`, `opening/opaque-client.ts`; twins for simulation: `transparent-password-server.ts`,
 * `opening/transparent-password-client.ts`.
 */

/** A named cost of the client's Argon2; `weak` exists for tests and only `--dev` clusters accept it. */
export type Stretching = 'standard' | 'weak';

export interface PasswordServer {
  registrationResponse(user: string, request: Uint8Array): Uint8Array;
  /** `record` undefined (no such user) gives a fake but well-formed answer. `state` stays on this node. */
  startLogin(
    user: string,
    record: Uint8Array | undefined,
    request: Uint8Array,
  ): {
    readonly response: Uint8Array;
    readonly state: Uint8Array;
  };
  /** True when the client knows the password. Never throws for hostile input. */
  finishLogin(state: Uint8Array, finish: Uint8Array): boolean;
}

export interface PasswordClient {
  startRegistration(
    password: string,
  ): Promise<{ readonly request: Uint8Array; readonly state: string }>;
  /** `exportKey` (64 bytes) wraps the vault; the server never sees it. */
  finishRegistration(
    password: string,
    state: string,
    response: Uint8Array,
    stretching: Stretching,
  ): Promise<{ readonly record: Uint8Array; readonly exportKey: Uint8Array }>;
  startLogin(password: string): Promise<{ readonly request: Uint8Array; readonly state: string }>;
  /** undefined: wrong password or unknown user. */
  finishLogin(
    password: string,
    state: string,
    response: Uint8Array,
    stretching: Stretching,
  ): Promise<{ readonly finish: Uint8Array; readonly exportKey: Uint8Array } | undefined>;
}

/** Login with the password (OPAQUE), as this home's device or, when it has none that counts, as a new one. */
import type { PasswordClient } from '../../crypto/password-auth.ts';
import type { Placement } from '../../protocol/client-calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { Authentication, Session } from '../connection/establish.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { AccountBook } from './account-book.ts';
import type { DeviceLogin } from './device-login.ts';
import type { VaultKeeper } from './vault-keeper.ts';

export interface PasswordLoginPorts {
  readonly passwords: PasswordClient;
  readonly book: AccountBook;
  readonly vaults: VaultKeeper;
  readonly device: DeviceLogin;
}

export class PasswordLogin implements Authentication {
  readonly #ports: PasswordLoginPorts;
  readonly #password: string;
  /** Opens the vault; known once the password has proven right. */
  #exportKey: Uint8Array | undefined;
  /** The server knows the password but not this home's device: it was revoked, or its store was copied. */
  #isDeviceVoid = false;

  constructor(ports: PasswordLoginPorts, password: string) {
    this.#ports = ports;
    this.#password = password;
  }

  async authenticate(link: GateLink): Promise<Placement> {
    const finish = await this.#provePassword(link);
    if (this.#ports.book.device === undefined || this.#isDeviceVoid)
      return await this.#finishAsNew(link, finish);
    const proof = await this.#ports.device.prove(link);
    return await link.call('loginFinish', { finish, newDevice: undefined, proof });
  }

  redeem(link: GateLink, ticket: Uint8Array): Promise<Placement> {
    return this.#ports.device.redeem(link, ticket);
  }

  /** A right password with a device that the server refuses: the next attempt registers a new one. */
  mayRetry(error: FastChatError): boolean {
    const isRefused = error.code === 'E_STORE_CLONED' || error.code === 'E_AUTH';
    if (!isRefused || this.#exportKey === undefined || this.#isDeviceVoid) return false;
    this.#isDeviceVoid = this.#ports.book.device !== undefined;
    return this.#isDeviceVoid;
  }

  async finish(session: Session): Promise<void> {
    const { vaults, device } = this.#ports;
    const { link, attachment } = session;
    if (this.#exportKey !== undefined)
      await vaults.unlock(link, attachment.vaultVersion, this.#exportKey);
    await device.finish(session);
  }

  async #provePassword(link: GateLink): Promise<Uint8Array> {
    const { passwords, book } = this.#ports;
    const { request, state } = await passwords.startLogin(this.#password);
    const { response } = await link.call('loginStart', { user: book.user, request });
    const { stretching } = link.hello;
    const done = await passwords.finishLogin(this.#password, state, response, stretching);
    if (done === undefined) throw new FastChatError('E_AUTH', 'wrong password or unknown user');
    this.#exportKey = done.exportKey;
    return done.finish;
  }

  async #finishAsNew(link: GateLink, finish: Uint8Array): Promise<Placement> {
    const draft = this.#ports.device.draft();
    const { newDevice } = draft;
    const placement = await link.call('loginFinish', { finish, newDevice, proof: undefined });
    await this.#ports.device.adopt(draft, placement.device);
    this.#isDeviceVoid = false;
    return placement;
  }
}

/** Whom a word in the chat means: somebody known, or somebody whom a node knows. */
import type { Client } from '../../client/api.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import { isUser, parseUserId } from '../../protocol/ids.ts';
import type { Address } from '../../protocol/ids.ts';
import { didYouMean } from '../../ops/suggest.ts';
import { isAddress, knownAddresses, matchTarget } from '../target.ts';

export class Names {
  readonly #client: Client;
  readonly #known = new Set<Address>();

  constructor(client: Client) {
    this.#client = client;
  }

  get all(): readonly Address[] {
    return [...this.#known];
  }

  add(address: Address): void {
    this.#known.add(address);
  }

  /** The conversations of this device; needs no connection. */
  async recall(): Promise<void> {
    for (const { conversation } of await this.#client.conversations()) this.add(conversation);
  }

  /** Contacts as well, when the server answers. */
  async learn(): Promise<void> {
    const names = await knownAddresses(this.#client).catch(() => []);
    for (const address of names) this.add(address);
  }

  /** Whether `text` can be understood without asking anybody. */
  knows(text: string): boolean {
    return isAddress(text) || this.all.some((address) => address.slice(1) === text.toLowerCase());
  }

  /** An address as it is; a bare name as the one known address of that name, or a user that exists. @throws E_NO_SUCH_USER */
  async resolve(text: string): Promise<Address> {
    try {
      return matchTarget(text, this.all);
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_NO_SUCH_USER' || this.knows(text)) throw cause;
    }
    const user = parseUserId(text);
    await this.check(user);
    return user;
  }

  /** @throws E_NO_SUCH_USER when a node says so; without a connection nobody can tell */
  async check(address: Address): Promise<void> {
    if (!isUser(address) || this.#known.has(address)) return;
    try {
      await this.#client.presence(address);
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_NO_SUCH_USER') throw cause;
      const hint = didYouMean(address, this.all);
      throw new FastChatError('E_NO_SUCH_USER', `there is no ${address}${hint}`, { cause });
    }
  }
}

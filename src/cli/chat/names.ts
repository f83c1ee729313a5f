/** Whom a word in the chat means: somebody known, or somebody whom a node knows. */
import type { Client } from '../../client/api.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import { isGroup, parseUserId } from '../../protocol/ids.ts';
import type { Address, GroupId } from '../../protocol/ids.ts';
import { CHAT_NAMES_MAX, COMMAND_GRACE_MS } from '../../protocol/limits.ts';
import type { Clock } from '../../ops/clock.ts';
import { within } from '../../ops/lifecycle.ts';
import { didYouMean } from '../../ops/suggest.ts';
import { notInGroup } from '../group-words.ts';
import { isAddress, knownAddresses, matchTarget } from '../target.ts';

export class Names {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #known = new Set<Address>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  get all(): readonly Address[] {
    return [...this.#known];
  }

  add(address: Address): void {
    if (this.#known.size < CHAT_NAMES_MAX) this.#known.add(address);
  }

  /** The conversations and groups of this device; needs no connection. */
  async recall(): Promise<void> {
    for (const { conversation } of await this.#client.conversations()) this.add(conversation);
    for (const { group } of await this.#client.groups()) this.add(group);
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

  /** @throws E_NO_SUCH_USER when a node says so, E_NO_SUCH_GROUP for no member; without a connection nobody can tell */
  async check(address: Address): Promise<void> {
    if (isGroup(address)) return this.#checkGroup(address);
    if (this.#known.has(address)) return;
    try {
      await this.#client.presence(address);
    } catch (cause) {
      if (asFastChatError(cause).code !== 'E_NO_SUCH_USER') throw cause;
      const hint = didYouMean(address, this.all);
      throw new FastChatError('E_NO_SUCH_USER', `there is no ${address}${hint}`, { cause });
    }
  }

  async #checkGroup(group: GroupId): Promise<void> {
    if (await this.#isIn(group)) return;
    // A new device, or one that was away, learns of its groups as it catches up.
    await within(this.#clock, COMMAND_GRACE_MS, 'catching up', this.#client.caughtUp());
    if (!(await this.#isIn(group))) throw new FastChatError('E_NO_SUCH_GROUP', notInGroup(group));
  }

  async #isIn(group: GroupId): Promise<boolean> {
    return (await this.#client.groups()).some((one) => one.group === group);
  }
}

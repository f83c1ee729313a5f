/** Whom a command is about: `@user`, `#group`, or a bare name that only one of the known addresses has. */
import type { Client } from '../client/api.ts';
import { FastChatError } from '../protocol/errors.ts';
import { parseAddress, parseUserId } from '../protocol/ids.ts';
import type { Address } from '../protocol/ids.ts';
import { closest } from '../ops/suggest.ts';

/** Everybody this account has to do with, and its groups. Contacts need the server; without it the rest must do. */
export async function knownAddresses(client: Client): Promise<readonly Address[]> {
  const conversations = await client.conversations();
  const groups = await client.groups();
  const contacts = await client.contacts().catch(() => []);
  const known = [
    ...conversations.map((one) => one.conversation),
    ...groups.map((one) => one.group),
    ...contacts.map((one) => one.user),
  ];
  return [...new Set(known)].sort();
}

/** Whether `text` says itself whether it is a user or a group. */
export function isAddress(text: string): boolean {
  return /^[@#]/.test(text);
}

/** @throws E_BAD_NAME, E_NO_SUCH_USER (unknown or ambiguous; names the candidates) */
export function matchTarget(text: string, known: readonly Address[]): Address {
  if (isAddress(text)) return parseAddress(text);
  const name = parseUserId(text).slice(1);
  const matches = known.filter((address) => address.slice(1) === name);
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (matches.length > 1)
    throw new FastChatError(
      'E_NO_SUCH_USER',
      `${name} is ambiguous: write ${matches.join(' or ')}`,
    );
  throw new FastChatError(
    'E_NO_SUCH_USER',
    `nobody known is called ${name}: ${advice(name, known)}`,
  );
}

function advice(name: string, known: readonly Address[]): string {
  const near = known.filter((address) => address.slice(1).startsWith(name));
  const similar = closest(
    name,
    known.map((address) => address.slice(1)),
  );
  const candidates =
    near.length > 0 ? near : known.filter((address) => address.slice(1) === similar);
  const hint = `write @${name} for a person, '#${name}' for a group`;
  return candidates.length === 0 ? hint : `${hint}, or one of ${candidates.slice(0, 10).join(' ')}`;
}

/** Resolves `text` for `client`; asks for the known addresses only when a bare name needs them. */
export async function resolveTarget(client: Client, text: string): Promise<Address> {
  return matchTarget(text, isAddress(text) ? [] : await knownAddresses(client));
}

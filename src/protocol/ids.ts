/**
 * The names things have, as branded types, and the only parsers for them.
 * Inside the program a `UserId` is always well formed: text is parsed once, at the edge.
 */
import { FastChatError } from './errors.ts';

declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** `@alice`: the address of a user. */
export type UserId = Brand<string, 'UserId'>;
/** `#team`: the address of a group. */
export type GroupId = Brand<string, 'GroupId'>;
/** The only names of actors. */
export type Address = UserId | GroupId;
/** The name of a node within its cluster, such as `n1`. */
export type NodeId = Brand<string, 'NodeId'>;
/** The number a user actor gave a device; never reused within an account. 1 and up. */
export type DeviceId = Brand<number, 'DeviceId'>;
/** `hash(address) mod SHARDS`. */
export type ShardId = Brand<number, 'ShardId'>;
/** 128 random bits as 32 hex digits: the life of one log. */
export type Incarnation = Brand<string, 'Incarnation'>;
/** What people and programs call a message: 1 to 128 visible characters, sealed from the servers. */
export type MessageId = Brand<string, 'MessageId'>;

/** The rule for the part of a name after its sigil; also the rule for node names. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,31}$/;

function parseName(text: string, what: string): string {
  const folded = text.toLowerCase();
  if (!NAME_PATTERN.test(folded))
    throw new FastChatError(
      'E_BAD_NAME',
      `${JSON.stringify(text.slice(0, 64))} is not a ${what} name: use 1 to 32 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit`,
    );
  return folded;
}

/** Reads `@alice` or `alice` (case-folded). @throws E_BAD_NAME */
export function parseUserId(text: string): UserId {
  return `@${parseName(text.startsWith('@') ? text.slice(1) : text, 'user')}` as UserId;
}

/** Reads `#team` or `team` (case-folded). @throws E_BAD_NAME */
export function parseGroupId(text: string): GroupId {
  return `#${parseName(text.startsWith('#') ? text.slice(1) : text, 'group')}` as GroupId;
}

/** Reads an address with its sigil. @throws E_BAD_NAME */
export function parseAddress(text: string): Address {
  if (text.startsWith('@')) return parseUserId(text);
  if (text.startsWith('#')) return parseGroupId(text);
  throw new FastChatError(
    'E_BAD_NAME',
    `${JSON.stringify(text.slice(0, 64))} is not an address: write @user or #group`,
  );
}

/** Reads a node name. @throws E_BAD_NAME */
export function parseNodeId(text: string): NodeId {
  return parseName(text, 'node') as NodeId;
}

export function parseDeviceId(value: number): DeviceId {
  if (!Number.isInteger(value) || value < 1 || value > 0xffff_ffff)
    throw new FastChatError('E_USAGE', `${value} is not a device number`);
  return value as DeviceId;
}

export function parseShardId(value: number): ShardId {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff)
    throw new FastChatError('E_BAD_FRAME', `${value} is not a shard number`);
  return value as ShardId;
}

export function parseIncarnation(text: string): Incarnation {
  if (!/^[0-9a-f]{32}$/.test(text))
    throw new FastChatError('E_BAD_FRAME', 'an incarnation is 32 hex digits');
  return text as Incarnation;
}

/** Reads a caller's `--id`: 1 to 128 visible characters of ASCII. @throws E_USAGE */
export function parseMessageId(text: string): MessageId {
  if (!/^[\x21-\x7e]{1,128}$/.test(text))
    throw new FastChatError('E_USAGE', 'a message id is 1 to 128 visible ASCII characters');
  return text as MessageId;
}

export function isUser(address: Address): address is UserId {
  return address.startsWith('@');
}

export function isGroup(address: Address): address is GroupId {
  return address.startsWith('#');
}

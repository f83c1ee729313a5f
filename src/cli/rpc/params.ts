/** Parameters of a method, declared once: they check requests and fill the reference. */
import {
  parseAddress,
  parseDeviceId,
  parseGroupId,
  parseMessageId,
  parseUserId,
} from '../../protocol/ids.ts';
import type { Address, DeviceId, GroupId, MessageId, UserId } from '../../protocol/ids.ts';
import { didYouMean } from '../../ops/suggest.ts';
import { InvalidParams } from './json-rpc.ts';

export interface Param<T> {
  /** For the reference: `@user`, `number`. */
  readonly shape: string;
  readonly isOptional: boolean;
  /** @throws InvalidParams when the JSON type is wrong, FastChatError when the content is */
  read(value: unknown): T;
}

export type Params = Readonly<Record<string, Param<unknown>>>;
export type ParamValues<P extends Params> = {
  readonly [name in keyof P]: P[name] extends Param<infer T> ? T : never;
};

function textParam<T>(shape: string, parse: (text: string) => T): Param<T> {
  return {
    shape,
    isOptional: false,
    read(value) {
      if (typeof value !== 'string') throw new InvalidParams('must be text');
      return parse(value);
    },
  };
}

/** `alice` or `@alice`. */
export const user: Param<UserId> = textParam('user', parseUserId);
/** `team` or `#team`. */
export const group: Param<GroupId> = textParam('group', parseGroupId);
/** `@user` or `#group`. */
export const address: Param<Address> = textParam('@user or #group', parseAddress);
export const messageId: Param<MessageId> = textParam('message id', parseMessageId);
export const text: Param<string> = textParam('text', (value) => value);

export function oneOf<const T extends string>(values: readonly T[]): Param<T> {
  return textParam(values.join(' | '), (value) => {
    const known = values.find((one) => one === value);
    if (known === undefined) throw new InvalidParams(`must be one of ${values.join(', ')}`);
    return known;
  });
}

/** A whole number from 1 to `max`. */
export function count(max: number): Param<number> {
  return {
    shape: 'number',
    isOptional: false,
    read(value) {
      if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max)
        return value;
      throw new InvalidParams(`must be a whole number from 1 to ${max}`);
    },
  };
}

export const device: Param<DeviceId> = {
  shape: 'number',
  isOptional: false,
  read(value) {
    if (typeof value !== 'number') throw new InvalidParams('must be a number');
    return parseDeviceId(value);
  },
};

/** A list of at most `max` of what `param` reads. */
export function listOf<T>(param: Param<T>, max: number): Param<readonly T[]> {
  return {
    shape: `[${param.shape}]`,
    isOptional: false,
    read(value) {
      if (!Array.isArray(value) || value.length > max)
        throw new InvalidParams(`must be a list of at most ${max}`);
      return value.map((one) => param.read(one));
    },
  };
}

export function optional<T>(param: Param<T>): Param<T | undefined> {
  return {
    shape: param.shape,
    isOptional: true,
    // null as absent: some languages cannot leave a field out.
    read: (value) => (value === undefined || value === null ? undefined : param.read(value)),
  };
}

function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof InvalidParams) throw new InvalidParams(`${name} ${cause.message}`);
    throw cause;
  }
}

/** @throws InvalidParams, or what the parser of a name or id throws */
export function readParams<P extends Params>(params: P, value: unknown): ParamValues<P> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidParams('params is an object with named parameters');
  const given = value as Readonly<Record<string, unknown>>;
  const known = Object.keys(params);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InvalidParams(`unknown parameter ${unknown}${didYouMean(unknown, known)}`);
  const entries = Object.entries(params).map(([name, param]) => [
    name,
    named(name, () => param.read(given[name])),
  ]);
  return Object.fromEntries(entries) as ParamValues<P>;
}

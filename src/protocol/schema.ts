/**
 * A schema is declared once and gives the TypeScript type, the encoder and the checking decoder.
 * A struct travels as a positional array, so names cost nothing on the wire; fields are only ever appended, under a new
 * protocol version. Decoders accept exactly what encoders produce and refuse the rest with E_BAD_FRAME.
 * Decoded byte strings are views of the frame they came in: copy what outlives the handling of that frame.
 */
import { FastChatError } from './errors.ts';
import {
  parseAddress,
  parseDeviceId,
  parseGroupId,
  parseIncarnation,
  parseMessageId,
  parseNodeId,
  parseShardId,
  parseUserId,
} from './ids.ts';
import type {
  Address,
  DeviceId,
  GroupId,
  Incarnation,
  MessageId,
  NodeId,
  ShardId,
  UserId,
} from './ids.ts';

export interface Type<T> {
  /** How the documentation names it, for example `u32` or `bytes 32`. */
  readonly label: string;
  /** Of what a list holds, or an optional value is. */
  readonly inner?: Type<never>;
  /** Value to what msgpack encodes. */
  pack(value: T): unknown;
  /** What msgpack decoded to a checked value. @throws E_BAD_FRAME */
  parse(raw: unknown): T;
}

export type Infer<S> = S extends Type<infer T> ? T : never;

function bad(expected: string): FastChatError {
  return new FastChatError('E_BAD_FRAME', `expected ${expected}`);
}

const identity = (value: unknown): unknown => value;

function whole(label: string, max: number): Type<number> {
  return {
    label,
    pack: identity,
    parse(raw) {
      if (typeof raw !== 'number' || !Number.isInteger(raw) || raw < 0 || raw > max)
        throw bad(label);
      return raw;
    },
  };
}

export const u8 = whole('u8', 0xff);
export const u16 = whole('u16', 0xffff);
export const u32 = whole('u32', 0xffff_ffff);
/** A whole number up to 2^53 - 1: sequence numbers, counters, milliseconds since 1970. */
export const u53 = whole('u53', Number.MAX_SAFE_INTEGER);

/** A finite floating-point number: loads and ratios. */
export const f64: Type<number> = {
  label: 'f64',
  pack: identity,
  parse(raw) {
    if (typeof raw !== 'number' || !Number.isFinite(raw)) throw bad('f64');
    return raw;
  },
};

export const bool: Type<boolean> = {
  label: 'bool',
  pack: identity,
  parse(raw) {
    if (typeof raw !== 'boolean') throw bad('bool');
    return raw;
  },
};

/** A byte string of `min` to `max` bytes (exactly `min` when `max` is left out). */
export function bytes(min: number, max: number = min): Type<Uint8Array> {
  const label = min === max ? `bytes ${min}` : `bytes ${min}..${max}`;
  return {
    label,
    pack: identity,
    parse(raw) {
      if (!(raw instanceof Uint8Array) || raw.length < min || raw.length > max) throw bad(label);
      return raw;
    },
  };
}

/** Text of at most `max` UTF-16 units. */
export function text(max: number): Type<string> {
  const label = `text ..${max}`;
  return {
    label,
    pack: identity,
    parse(raw) {
      if (typeof raw !== 'string' || raw.length > max) throw bad(label);
      return raw;
    },
  };
}

function parsed<T extends string | number>(
  label: string,
  kind: 'string' | 'number',
  parse: (raw: never) => T,
): Type<T> {
  return {
    label,
    pack: identity,
    parse(raw) {
      if (typeof raw !== kind) throw bad(label);
      const value = parseStrict(label, raw as never, parse);
      // Parsers fold case for people; on the wire only the folded form exists.
      if (value !== raw) throw bad(label);
      return value;
    },
  };
}

/** A parser for people says E_BAD_NAME or E_USAGE; what comes from a wire is a bad frame. */
function parseStrict<T>(label: string, raw: never, parse: (raw: never) => T): T {
  try {
    return parse(raw);
  } catch (cause) {
    throw new FastChatError('E_BAD_FRAME', `expected ${label}`, { cause });
  }
}

export const userId: Type<UserId> = parsed('user', 'string', parseUserId);
export const groupId: Type<GroupId> = parsed('group', 'string', parseGroupId);
export const address: Type<Address> = parsed('address', 'string', parseAddress);
export const nodeId: Type<NodeId> = parsed('node', 'string', parseNodeId);
export const deviceId: Type<DeviceId> = parsed('device', 'number', parseDeviceId);
export const shardId: Type<ShardId> = parsed('shard', 'number', parseShardId);
export const incarnation: Type<Incarnation> = parsed('incarnation', 'string', parseIncarnation);
export const messageId: Type<MessageId> = parsed('message id', 'string', parseMessageId);

/** One of a few words; travels as its index, so words are only ever appended. */
export function oneOf<const W extends readonly string[]>(...words: W): Type<W[number]> {
  const label = words.join('|');
  return {
    label,
    pack: (value) => words.indexOf(value),
    parse(raw) {
      const word = typeof raw === 'number' ? words[raw] : undefined;
      if (word === undefined) throw bad(label);
      return word;
    },
  };
}

/** A value that may be missing; travels as nil. */
export function optional<T>(type: Type<T>): Type<T | undefined> {
  return {
    label: `${type.label}?`,
    inner: type as Type<never>,
    pack: (value) => (value === undefined ? null : type.pack(value)),
    parse: (raw) => (raw === null || raw === undefined ? undefined : type.parse(raw)),
  };
}

/** At most `max` values of one type. */
export function list<T>(type: Type<T>, max: number): Type<readonly T[]> {
  const label = `[${type.label}] ..${max}`;
  return {
    label,
    inner: type as Type<never>,
    pack: (values) => values.map((value) => type.pack(value)),
    parse(raw) {
      if (!Array.isArray(raw) || raw.length > max) throw bad(label);
      return raw.map((item) => type.parse(item));
    },
  };
}

type Fields = Readonly<Record<string, Type<never>>>;
type Value<F> = { readonly [K in keyof F]: Infer<F[K]> };

export interface Struct<T> extends Type<T> {
  /** Names and types in wire order, for the documentation. */
  readonly fields: ReadonlyArray<readonly [name: string, type: Type<never>]>;
  /** Appends the packed fields to `target`, after a tag or a request id. */
  packInto(target: unknown[], value: T): unknown[];
  /** Reads the fields of `raw` from index `offset` to its end. */
  parseFrom(raw: readonly unknown[], offset: number): T;
}

/** Named fields in a fixed order; travels as an array of exactly that many items. */
export function struct<const F extends Record<string, Type<never> | Type<unknown>>>(
  shape: F,
): Struct<Value<F>> {
  const fields = Object.entries(shape as Fields);
  const label = `(${fields.map(([name]) => name).join(', ')})`;
  const packInto = (target: unknown[], value: Value<F>): unknown[] => {
    for (const [name, type] of fields)
      target.push(type.pack((value as Record<string, never>)[name] as never));
    return target;
  };
  const parseFrom = (raw: readonly unknown[], offset: number): Value<F> => {
    if (raw.length !== offset + fields.length) throw bad(`${fields.length} fields ${label}`);
    const value: Record<string, unknown> = {};
    let index = offset;
    for (const [name, type] of fields) value[name] = type.parse(raw[index++]);
    return value as Value<F>;
  };
  return {
    label,
    fields,
    packInto,
    parseFrom,
    pack: (value) => packInto([], value),
    parse(raw) {
      if (!Array.isArray(raw)) throw bad(label);
      return parseFrom(raw, 0);
    },
  };
}

type Variants = Readonly<Record<string, readonly [tag: number, body: Struct<never>]>>;
type VariantValue<V extends Record<string, readonly [number, unknown]>> = {
  [K in keyof V & string]: { readonly type: K } & (V[K][1] extends Struct<infer T> ? T : never);
}[keyof V & string];

export interface Union<T> extends Type<T> {
  /** Tag, name and fields of every variant, for the documentation. */
  readonly variants: ReadonlyArray<{
    readonly tag: number;
    readonly type: string;
    readonly body: Struct<never>;
  }>;
}

/** Tagged variants: `{ type: 'ack', upTo }` travels as `[tag, upTo]`. Tags are never reused. */
export function union<
  const V extends Record<string, readonly [number, Struct<never> | Struct<unknown>]>,
>(shape: V): Union<VariantValue<V>> {
  const byName = shape as unknown as Variants;
  const variants = Object.entries(byName).map(([type, [tag, body]]) => ({ tag, type, body }));
  const byTag = new Map(variants.map((variant) => [variant.tag, variant]));
  if (byTag.size !== variants.length) throw new FastChatError('E_INTERNAL', 'a tag is used twice');
  return {
    label: variants.map(({ type }) => type).join(' | '),
    variants,
    pack(value) {
      const variant = byName[value.type];
      if (variant === undefined) throw bad(`a known variant, not ${value.type}`);
      return variant[1].packInto([variant[0]], value as never);
    },
    parse(raw) {
      if (!Array.isArray(raw)) throw bad('a tagged array');
      const variant = byTag.get(raw[0] as number);
      if (variant === undefined) throw bad('a known tag');
      const value = variant.body.parseFrom(raw, 1) as Record<string, unknown>;
      value['type'] = variant.type;
      return value as VariantValue<V>;
    },
  };
}

/** The kinds of values a setting can have: how each is read from a flag, the environment or TOML, and written back. */
import { FastChatError } from '../protocol/errors.ts';
import { parseNodeId } from '../protocol/ids.ts';
import type { NodeId } from '../protocol/ids.ts';
import { didYouMean } from './suggest.ts';
import {
  formatByteCount,
  formatDuration,
  formatHostPort,
  parseByteCount,
  parseDurationMs,
  parseHostPort,
} from './units.ts';
import type { HostPort } from './units.ts';

/** What a source can hold: text from flags and the environment, also numbers and booleans from TOML. */
export type RawValue = string | number | boolean;

export interface ValueType<T> {
  /** For help and the sample file: `30d`, `host:port`, `open|invite|closed`. */
  readonly shape: string;
  /** @throws FastChatError with what would have been right */
  parse(raw: RawValue): T;
  /** As a TOML value. */
  format(value: T): string;
}

function refuse(expected: string): never {
  throw new FastChatError('E_CONFIG', `expected ${expected}`);
}

function textType<T>(
  shape: string,
  parse: (text: string) => T,
  format: (value: T) => string,
): ValueType<T> {
  return {
    shape,
    parse: (raw) => (typeof raw === 'string' && raw !== '' ? parse(raw) : refuse(shape)),
    format: (value) => JSON.stringify(format(value)),
  };
}

export const path: ValueType<string> = textType('PATH', (text) => text, String);
export const nodeName: ValueType<NodeId> = textType('NAME', parseNodeId, String);
export const hostPort: ValueType<HostPort> = textType('HOST:PORT', parseHostPort, formatHostPort);

function inRange(
  value: number,
  min: number,
  max: number,
  format: (value: number) => string,
): number {
  if (value >= min && value <= max) return value;
  return refuse(`${format(min)} to ${format(max)}`);
}

/** A duration from `min` to `max`, in milliseconds. */
export function duration(min: number, max: number): ValueType<number> {
  const parse = (text: string): number => inRange(parseDurationMs(text), min, max, formatDuration);
  return textType('DURATION', parse, formatDuration);
}

/** A size from `min` to `max`, in bytes; a bare number counts bytes too. */
export function byteCount(min: number, max: number): ValueType<number> {
  return {
    shape: 'SIZE',
    parse(raw) {
      const isPlain = typeof raw === 'number' || /^\d+$/.test(String(raw));
      const value = isPlain ? Number(raw) : parseByteCount(String(raw));
      return inRange(Number.isInteger(value) ? value : Number.NaN, min, max, formatByteCount);
    },
    format: (value) => JSON.stringify(formatByteCount(value)),
  };
}

function numberOf(raw: RawValue): number {
  if (typeof raw === 'number') return raw;
  return /^\d+(\.\d+)?$/.test(String(raw)) ? Number(raw) : Number.NaN;
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number): ValueType<number> {
  return {
    shape: 'NUMBER',
    parse(raw) {
      const value = numberOf(raw);
      return inRange(Number.isInteger(value) ? value : Number.NaN, min, max, String);
    },
    format: String,
  };
}

/** A share from 0 to 1. */
export const ratio: ValueType<number> = {
  shape: '0..1',
  parse: (raw) => inRange(numberOf(raw), 0, 1, String),
  format: String,
};

export const toggle: ValueType<boolean> = {
  shape: 'true|false',
  parse(raw) {
    if (raw === true || raw === 'true' || raw === '1') return true;
    if (raw === false || raw === 'false' || raw === '0') return false;
    return refuse('true or false');
  },
  format: String,
};

/** One of `values`. */
export function choice<const T extends string>(values: readonly T[]): ValueType<T> {
  return {
    shape: values.join('|'),
    parse(raw) {
      const known = values.find((value) => value === raw);
      return known ?? refuse(`one of ${values.join(', ')}${didYouMean(String(raw), values)}`);
    },
    format: (value) => JSON.stringify(value),
  };
}

/** Who keeps the members and the shard map. */
export type CoordinatorSetting = { readonly kind: 'embedded' } | EtcdSetting;

export interface EtcdSetting {
  readonly kind: 'etcd';
  readonly endpoints: readonly HostPort[];
  /** Spoken with over TLS: `etcds://`. */
  readonly isSecure: boolean;
  /** Several clusters may share one etcd: each has a name there. */
  readonly name: string;
}

const ETCD_NAME_DEFAULT = 'fastchat';
const ETCD_URL = /^etcd(s?):\/\/([^/?#@]+)(?:\/([A-Za-z0-9._-]*))?$/;

function parseCoordinator(text: string): CoordinatorSetting {
  if (text === 'embedded') return { kind: 'embedded' };
  const [, secure, places, name] = ETCD_URL.exec(text) ?? [];
  if (places === undefined)
    return refuse('embedded or etcd://host:2379[,host:2379…][/name], etcds:// for TLS');
  return {
    kind: 'etcd',
    endpoints: places.split(',').map(parseHostPort),
    isSecure: secure === 's',
    name: name === undefined || name === '' ? ETCD_NAME_DEFAULT : name,
  };
}

function formatCoordinator(setting: CoordinatorSetting): string {
  if (setting.kind === 'embedded') return 'embedded';
  const { isSecure, endpoints, name } = setting;
  const path = name === ETCD_NAME_DEFAULT ? '' : `/${name}`;
  return `${isSecure ? 'etcds' : 'etcd'}://${endpoints.map(formatHostPort).join(',')}${path}`;
}

export const coordinator: ValueType<CoordinatorSetting> = textType(
  'embedded|etcd://HOST:PORT',
  parseCoordinator,
  formatCoordinator,
);

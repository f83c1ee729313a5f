/**
 * Every setting of a node, declared once: flag, environment variable, key of the file, type, default and help all come
 * from this table.
 */
import {
  DEFAULT_LIMITS,
  DRAIN_TIMEOUT_DEFAULT_MS,
  ENVELOPE_BODY_BYTES_MAX,
  GROUP_MEMBERS_MAX,
  HISTORY_RETENTION_DEFAULT_MS,
  MAILBOX_TTL_DEFAULT_MS,
  REPLICA_REPLACE_DEFAULT_MS,
  SHARDS_DEFAULT,
} from '../protocol/limits.ts';
import type { Limits } from '../protocol/limits.ts';
import {
  byteCount,
  choice,
  coordinator,
  count,
  duration,
  hostPort,
  nodeName,
  path,
  ratio,
  toggle,
} from './config-types.ts';
import type { ValueType } from './config-types.ts';
import { LOG_LEVELS } from './log.ts';
import { parseHostPort } from './units.ts';

export interface Setting<T, D extends T | undefined = T> {
  readonly type: ValueType<T>;
  readonly default: D;
  readonly doc: string;
}

const setting = <T, D extends T | undefined>(
  type: ValueType<T>,
  fallback: D,
  doc: string,
): Setting<T, D> => ({ type, default: fallback, doc });

const MINUTE_MS = 60_000;
const YEAR_MS = 366 * 86_400_000;
const MIB = 1024 ** 2;
const TIB = 1024 ** 4;
const MANY = 1_000_000_000;

export const BALANCE_ALGORITHMS = [
  'inverse-load',
  'least-connections',
  'round-robin',
  'random',
] as const;

/** Names are those of `NodeConfig`; the key of the file is the same word with dashes. */
export const SETTINGS = {
  data: setting(
    path,
    undefined,
    'Where the node keeps everything. A second node on the same folder is refused.',
  ),
  name: setting(
    nodeName,
    undefined,
    'Name in the cluster; remembered in the data folder. Default: n1, or the next free one when joining.',
  ),
  listen: setting(
    hostPort,
    parseHostPort('127.0.0.1:7400'),
    'Where clients connect. Port 0 takes a free port and remembers it.',
  ),
  mesh: setting(hostPort, parseHostPort('127.0.0.1:7500'), 'Where other nodes connect.'),
  http: setting(
    hostPort,
    parseHostPort('127.0.0.1:7600'),
    'Probes, metrics and admin routes. Leave it on loopback.',
  ),
  join: setting(
    path,
    undefined,
    'Join token of a running node (its DIR/join.token), - for stdin; ignored when the data folder is a member already.',
  ),
  coordinator: setting(
    coordinator,
    { kind: 'embedded' } as const,
    'Who keeps members and shard map: the first node, or an etcd cluster (etcds:// for TLS, /NAME to share it).',
  ),
  coordinatorCa: setting(
    path,
    undefined,
    'PEM file: who may have signed the certificates of etcd. Default: what the system trusts.',
  ),
  coordinatorCert: setting(path, undefined, 'PEM file: the certificate this node shows etcd.'),
  coordinatorKey: setting(path, undefined, 'PEM file: the key of coordinator-cert.'),
  replicas: setting(count(1, 3), 3, 'Copies of every shard; fewer while there are fewer nodes.'),
  shards: setting(
    count(1, 4096),
    SHARDS_DEFAULT,
    'Units of ownership; fixed when the cluster is made.',
  ),
  replaceAfter: setting(
    duration(1000, YEAR_MS),
    REPLICA_REPLACE_DEFAULT_MS,
    'How long a node may be dead before its copies are made anew on another one.',
  ),
  balance: setting(
    choice(BALANCE_ALGORITHMS),
    'inverse-load',
    'How the node for a login is chosen.',
  ),
  mailboxTtl: setting(
    duration(MINUTE_MS, 10 * YEAR_MS),
    MAILBOX_TTL_DEFAULT_MS,
    'How long undelivered messages wait.',
  ),
  historyRetention: setting(
    duration(0, 10 * YEAR_MS),
    HISTORY_RETENTION_DEFAULT_MS,
    'How long delivered messages stay for new devices.',
  ),
  registration: setting(choice(['open', 'invite', 'closed']), 'open', 'Who may make an account.'),
  drainTimeout: setting(
    duration(0, 60 * MINUTE_MS),
    DRAIN_TIMEOUT_DEFAULT_MS,
    'How long a drain may take before the node stops anyway.',
  ),
  logLevel: setting(choice(LOG_LEVELS), 'info', 'Least severe events that are logged.'),
  dev: setting(
    toggle,
    false,
    'A cluster to try things out on: weak, fast password stretching. Never for real accounts.',
  ),
} as const;

/** `limits.*`: bounds an operator may move; docs/LIMITS.md says what happens at each. */
export const LIMIT_SETTINGS: { readonly [name in keyof Limits]: Setting<number> } = {
  textBytes: setting(
    byteCount(1, ENVELOPE_BODY_BYTES_MAX),
    DEFAULT_LIMITS.textBytes,
    'Longest text of one message.',
  ),
  messagesPerSecond: setting(
    count(1, MANY),
    DEFAULT_LIMITS.messagesPerSecond,
    'Messages a session may send in a second, on average.',
  ),
  messagesBurst: setting(
    count(1, MANY),
    DEFAULT_LIMITS.messagesBurst,
    'Messages a session may send at once.',
  ),
  mailboxMessages: setting(
    count(1, MANY),
    DEFAULT_LIMITS.mailboxMessages,
    'Undelivered messages of one user.',
  ),
  mailboxBytes: setting(
    byteCount(1, TIB),
    DEFAULT_LIMITS.mailboxBytes,
    'Undelivered bytes of one user.',
  ),
  strangerMessages: setting(
    count(1, MANY),
    DEFAULT_LIMITS.strangerMessages,
    'Undelivered messages from one sender who is not a contact.',
  ),
  groupMembers: setting(
    count(2, GROUP_MEMBERS_MAX),
    DEFAULT_LIMITS.groupMembers,
    'Members of one group.',
  ),
  failedLoginsPerMinute: setting(
    count(1, MANY),
    DEFAULT_LIMITS.failedLoginsPerMinute,
    'Wrong passwords for one user.',
  ),
  loginsPerMinutePerSource: setting(
    count(1, MANY),
    DEFAULT_LIMITS.loginsPerMinutePerSource,
    'Logins from one network address.',
  ),
  registrationsPerMinutePerSource: setting(
    count(1, MANY),
    DEFAULT_LIMITS.registrationsPerMinutePerSource,
    'Accounts made from one network address.',
  ),
  connections: setting(
    count(1, MANY),
    DEFAULT_LIMITS.connections,
    'Client connections of this node.',
  ),
  drainSessionsPerSecond: setting(
    count(1, MANY),
    DEFAULT_LIMITS.drainSessionsPerSecond,
    'Sessions that a draining node sends to others, per second.',
  ),
  freeSpaceBytes: setting(
    byteCount(0, 1024 * MIB * 1024),
    DEFAULT_LIMITS.freeSpaceBytes,
    'Free disk space below which new writes are refused.',
  ),
  freeSpaceRatio: setting(
    ratio,
    DEFAULT_LIMITS.freeSpaceRatio,
    'The same as a share of the disk; the larger of the two counts.',
  ),
};

type Settings = typeof SETTINGS;
type ValueOf<S> = S extends Setting<infer T, infer D> ? T | Extract<D, undefined> : never;

/** A node's effective configuration. Durations are in milliseconds, sizes in bytes. */
export type NodeConfig = { readonly [name in keyof Settings]: ValueOf<Settings[name]> } & {
  readonly limits: Limits;
  /** Names of the settings that somebody set; the others have their defaults. */
  readonly given: ReadonlySet<string>;
};

/** One setting with all its names. */
export interface ConfigKey {
  /** `mailbox-ttl`, `limits.mailbox-messages`: the flag without its dashes. */
  readonly flag: string;
  /** `FASTCHAT_NODE_MAILBOX_TTL`. */
  readonly env: string;
  /** Key within its TOML table, and the table: `limits` or none. */
  readonly key: string;
  readonly table: 'limits' | undefined;
  /** The name in `NodeConfig` or `Limits`. */
  readonly name: string;
  readonly setting: Setting<unknown, unknown>;
}

const dashed = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function configKey(name: string, entry: object, table: 'limits' | undefined): ConfigKey {
  const key = dashed(name);
  const flag = table === undefined ? key : `${table}.${key}`;
  const env = `FASTCHAT_NODE_${flag.replace(/[.-]/g, '_').toUpperCase()}`;
  return { flag, env, key, table, name, setting: entry as Setting<unknown, unknown> };
}

export const CONFIG_KEYS: readonly ConfigKey[] = [
  ...Object.entries(SETTINGS).map(([name, entry]) => configKey(name, entry, undefined)),
  ...Object.entries(LIMIT_SETTINGS).map(([name, entry]) => configKey(name, entry, 'limits')),
];

/** Spelling does not matter: `mailboxTtl`, `mailbox_ttl` and `mailbox-ttl` are one key. */
export function foldKey(text: string): string {
  return text.replace(/[-_]/g, '').toLowerCase();
}

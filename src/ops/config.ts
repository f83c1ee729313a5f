/** Reads a node's configuration: flag before environment before file before default; every mistake is reported. */
import { parse as parseToml, TomlError } from 'smol-toml';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import { CONFIG_KEYS, foldKey } from './config-schema.ts';
import type { ConfigKey, NodeConfig } from './config-schema.ts';
import type { RawValue } from './config-types.ts';
import { didYouMean } from './suggest.ts';

const ENV_PREFIX = 'FASTCHAT_NODE_';
/** Names the file, so it is not a setting in it. */
/** What `origins` says of a setting that nobody set. */
const DEFAULT_ORIGIN = 'default';

export const CONFIG_FILE_ENV = 'FASTCHAT_NODE_CONFIG';

export interface ConfigSources {
  /** By flag name, without dashes in front; undefined values count as not given. */
  readonly flags: Readonly<Record<string, RawValue | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly text: string } | undefined;
}

/** One value and where it came from, as shown to people: `--replicas`, `node.toml:3`, `default`. */
interface Found {
  readonly raw: RawValue;
  readonly origin: string;
}

export interface LoadedConfig {
  readonly config: NodeConfig;
  /** By flag name. */
  readonly origins: ReadonlyMap<string, string>;
}

type FileValues = ReadonlyMap<string, Found>;

/** The line that sets `key` in `table`, from 1; smol-toml does not keep it. 0: not found. */
function lineOf(text: string, table: string | undefined, key: string): number {
  let current: string | undefined;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) current = header;
    const name = /^\s*"?([\w.-]+)"?\s*=/.exec(line)?.[1];
    const full = current === undefined ? name : `${current}.${name}`;
    if (name !== undefined && full === (table === undefined ? key : `${table}.${key}`))
      return index + 1;
  }
  return 0;
}

class FileReader {
  readonly found = new Map<string, Found>();
  readonly errors: string[] = [];
  readonly #path: string;
  readonly #text: string;

  constructor(file: { readonly path: string; readonly text: string }) {
    this.#path = file.path;
    this.#text = file.text;
  }

  read(): void {
    let document: Record<string, unknown>;
    try {
      document = parseToml(this.#text);
    } catch (cause) {
      if (!(cause instanceof TomlError)) throw cause;
      const reason = cause.message.split('\n')[0];
      this.errors.push(`${this.#path}:${cause.line}: ${reason}`);
      return;
    }
    for (const [key, value] of Object.entries(document)) {
      if (key !== 'limits') this.#take(undefined, key, value);
      else if (typeof value === 'object' && value !== null)
        for (const [name, limit] of Object.entries(value)) this.#take('limits', name, limit);
      else this.errors.push(`limits: a table is expected (${this.#origin(undefined, key)})`);
    }
  }

  #origin(table: string | undefined, key: string): string {
    return `${this.#path}:${lineOf(this.#text, table, key)}`;
  }

  #take(table: 'limits' | undefined, key: string, value: unknown): void {
    const origin = this.#origin(table, key);
    const shown = table === undefined ? key : `${table}.${key}`;
    const known = CONFIG_KEYS.find(
      (entry) => entry.table === table && foldKey(entry.key) === foldKey(key),
    );
    if (known === undefined) {
      const names = CONFIG_KEYS.filter((entry) => entry.table === table).map(({ flag }) => flag);
      this.errors.push(`${shown}: unknown key${didYouMean(shown, names)} (${origin})`);
    } else if (isRawValue(value)) this.found.set(known.flag, { raw: value, origin });
    else this.errors.push(`${shown}: expected ${known.setting.type.shape} (${origin})`);
  }
}

function isRawValue(value: unknown): value is RawValue {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function unknownEnv(env: ConfigSources['env']): string[] {
  const known = [...CONFIG_KEYS.map((key) => key.env), CONFIG_FILE_ENV];
  return Object.keys(env)
    .filter((name) => name.startsWith(ENV_PREFIX) && !known.includes(name))
    .map((name) => `${name}: unknown setting${didYouMean(name, known)} (environment)`);
}

function find(key: ConfigKey, sources: ConfigSources, file: FileValues): Found | undefined {
  const flag = sources.flags[key.flag];
  if (flag !== undefined) return { raw: flag, origin: `--${key.flag}` };
  const variable = sources.env[key.env];
  if (variable !== undefined) return { raw: variable, origin: key.env };
  return file.get(key.flag);
}

/** What the flags, the environment and the file say about one setting. */
interface Reading {
  readonly value: unknown;
  readonly origin: string;
  readonly error?: string;
}

function readSetting(key: ConfigKey, found: Found | undefined): Reading {
  if (found === undefined) return { value: key.setting.default, origin: DEFAULT_ORIGIN };
  const { raw, origin } = found;
  try {
    return { value: key.setting.type.parse(raw), origin };
  } catch (cause) {
    const reason = asFastChatError(cause).message;
    const error = `${key.flag}: ${reason}, not ${JSON.stringify(raw)} (${origin})`;
    return { value: undefined, origin, error };
  }
}

function readFile(file: ConfigSources['file']): Pick<FileReader, 'found' | 'errors'> {
  if (file === undefined) return { found: new Map(), errors: [] };
  const reader = new FileReader(file);
  reader.read();
  return reader;
}

/** @throws E_CONFIG whose message has one line per mistake: key, what is wrong, value, origin */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = readFile(sources.file);
  const errors = [...unknownEnv(sources.env), ...file.errors];
  const origins = new Map<string, string>();
  const values: Record<string, unknown> = {};
  const limits: Record<string, unknown> = {};
  const given = new Set<string>();
  for (const key of CONFIG_KEYS) {
    const reading = readSetting(key, find(key, sources, file.found));
    const target = key.table === undefined ? values : limits;
    target[key.name] = reading.value;
    origins.set(key.flag, reading.origin);
    if (reading.origin !== DEFAULT_ORIGIN) given.add(key.name);
    if (reading.error !== undefined) errors.push(reading.error);
  }
  if (errors.length > 0) throw new FastChatError('E_CONFIG', errors.join('\n'));
  return { config: { ...values, limits, given } as unknown as NodeConfig, origins };
}

/** Configuration as text: the effective one with its origins, and the sample file of the documentation. */
import { CONFIG_KEYS } from './config-schema.ts';
import type { ConfigKey } from './config-schema.ts';
import type { LoadedConfig } from './config.ts';

function valueOf(loaded: LoadedConfig, key: ConfigKey): unknown {
  const source: object = key.table === undefined ? loaded.config : loaded.config.limits;
  return (source as Record<string, unknown>)[key.name];
}

/** Top-level keys first: in TOML whatever follows a table's header belongs to the table. */
function inTables(line: (key: ConfigKey) => string): string {
  const top = CONFIG_KEYS.filter((key) => key.table === undefined).map(line);
  const limits = CONFIG_KEYS.filter((key) => key.table === 'limits').map(line);
  return [...top, '', '[limits]', ...limits, ''].join('\n');
}

/** The effective configuration as TOML, each value with where it came from. */
export function printConfig(loaded: LoadedConfig): string {
  return inTables((key) => {
    const value = valueOf(loaded, key);
    const origin = loaded.origins.get(key.flag) ?? 'default';
    if (value === undefined) return `# ${key.key} is not set`;
    return `${key.key} = ${key.setting.type.format(value)} # ${origin}`;
  });
}

/** docs/examples/node.toml: every key with its help and its default. */
export function sampleConfig(): string {
  const head = [
    '# FastChat node: every setting with its default. `fastchat node --config node.toml --check-config`',
    '# says whether a file is right. A flag or an environment variable (such as FASTCHAT_NODE_MAILBOX_TTL for',
    '# mailbox-ttl) goes before this file.',
    '',
  ].join('\n');
  return `${head}\n${inTables(sampleEntry)}`;
}

function sampleEntry(key: ConfigKey): string {
  const { type, default: value, doc } = key.setting;
  const shape = `# ${doc} (${type.shape})`;
  if (value === undefined) return `${shape}\n# ${key.key} = ""\n`;
  return `${shape}\n${key.key} = ${type.format(value)}\n`;
}

/** The options of `fastchat node`: one for every setting, from the table of settings. */
import { CONFIG_KEYS } from '../ops/config-schema.ts';
import type { ConfigKey } from '../ops/config-schema.ts';
import { DEV_NODES_MAX } from '../protocol/limits.ts';
import type { OptionSpec } from './command.ts';

/** `--dev N` starts N nodes; the setting of that name is for the nodes themselves. */
export const FLAG_KEYS: readonly ConfigKey[] = CONFIG_KEYS.filter((key) => key.flag !== 'dev');

function optionOf({ setting, name, table }: ConfigKey): OptionSpec {
  const { type, doc, default: value } = setting;
  const shown = value === undefined ? '' : ` [${type.format(value)}]`;
  const alias =
    table === undefined || name === name.toLowerCase() ? {} : { alias: `${table}.${name}` };
  return { shape: type.shape, doc: `${doc}${shown}`, isVerbatim: true, ...alias };
}

export const NODE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  config: { shape: 'FILE', doc: 'Settings as TOML; flags and FASTCHAT_NODE_* go before it' },
  ...Object.fromEntries(FLAG_KEYS.map((key) => [key.flag, optionOf(key)])),
  dev: {
    shape: 'N',
    doc: `Run N nodes (1 to ${DEV_NODES_MAX}) on loopback, for trying things out`,
  },
  'check-config': { isFlag: true, doc: 'Say whether the settings are right, and end' },
  'print-config': {
    isFlag: true,
    doc: 'Print the effective settings and where each came from, and end',
  },
};

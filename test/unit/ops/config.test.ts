import { expect } from 'chai';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { BALANCE_ALGORITHMS, CONFIG_KEYS } from '../../../src/ops/config-schema.ts';
import { printConfig, sampleConfig } from '../../../src/ops/config-text.ts';
import { loadConfig } from '../../../src/ops/config.ts';
import type { LoadedConfig } from '../../../src/ops/config.ts';
import type { ConfigSources } from '../../../src/ops/config.ts';
import { closest } from '../../../src/ops/suggest.ts';
import {
  formatByteCount,
  formatDuration,
  formatHostPort,
  parseByteCount,
  parseDurationMs,
  parseHostPort,
} from '../../../src/ops/units.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.ts';
import type { BalanceAlgorithm } from '../../../src/actors/balancer/messages.ts';

function load(
  sources: Partial<ConfigSources> & { readonly toml?: string } = {},
): ReturnType<typeof loadConfig> {
  const { toml, ...rest } = sources;
  const file = toml === undefined ? undefined : { path: 'node.toml', text: toml };
  return loadConfig({ flags: {}, env: {}, file, ...rest });
}

function mistakes(sources: Parameters<typeof load>[0]): readonly string[] {
  try {
    load(sources);
  } catch (cause) {
    const error = cause as FastChatError;
    expect(error.code).to.equal('E_CONFIG');
    return error.message.split('\n');
  }
  throw new Error('the configuration was accepted');
}

/** What holds, whoever set it. */
function valuesOf({ config }: LoadedConfig): Omit<LoadedConfig['config'], 'given'> {
  const { given: _, ...values } = config;
  return values;
}

describe('the configuration of a node', () => {
  it('has a default for everything but the data folder', () => {
    const { config, origins } = load();
    expect(config).to.deep.include({
      data: undefined,
      listen: { host: '127.0.0.1', port: 7400 },
      http: { host: '127.0.0.1', port: 7600 },
      balance: 'inverse-load',
      registration: 'open',
      replicas: 3,
      mailboxTtl: 30 * 86_400_000,
      limits: DEFAULT_LIMITS,
    });
    expect(new Set(origins.values())).to.deep.equal(new Set(['default']));
  });

  it('prefers flag to environment to file to default', () => {
    const toml = 'replicas = 1\nbalance = "random"\nmailbox-ttl = "2d"\n';
    const env = { FASTCHAT_NODE_REPLICAS: '2', FASTCHAT_NODE_BALANCE: 'round-robin' };
    const { config, origins } = load({ flags: { replicas: '3' }, env, toml });
    expect(config).to.include({ replicas: 3, balance: 'round-robin', mailboxTtl: 172_800_000 });
    const shown = ['replicas', 'balance', 'mailbox-ttl', 'mesh'].map((flag) => origins.get(flag));
    expect(shown).to.deep.equal(['--replicas', 'FASTCHAT_NODE_BALANCE', 'node.toml:3', 'default']);
  });

  it('takes limits from every source, however they are spelled', () => {
    const { config } = load({
      toml: '[limits]\nmailbox_messages = 5\nmailboxBytes = "1MiB"\ntext-bytes = "1KiB"\n',
      env: { FASTCHAT_NODE_LIMITS_STRANGER_MESSAGES: '9' },
      flags: { 'limits.messages-burst': '4' },
    });
    expect(config.limits).to.include({
      mailboxMessages: 5,
      mailboxBytes: 1024 ** 2,
      textBytes: 1024,
      strangerMessages: 9,
      messagesBurst: 4,
      connections: DEFAULT_LIMITS.connections,
    });
  });

  it('reports every mistake at once, with key, value and origin', () => {
    const toml = 'replicas = 9\nbalnce = "random"\n\n[limits]\ntextBytes = "big"\nspeed = 3\n';
    const env = { FASTCHAT_NODE_BALANCE: 'inverse-laod', FASTCHAT_NODE_MESSH: 'x:1', PATH: '/bin' };
    expect(mistakes({ toml, env, flags: { listen: 'nowhere' } })).to.deep.equal([
      'FASTCHAT_NODE_MESSH: unknown setting (did you mean FASTCHAT_NODE_MESH?) (environment)',
      'balnce: unknown key (did you mean balance?) (node.toml:2)',
      'limits.speed: unknown key (node.toml:6)',
      'listen: write host:port, such as 127.0.0.1:7400 or [::1]:7400, not "nowhere" (--listen)',
      'replicas: expected 1 to 3, not 9 (node.toml:1)',
      'balance: expected one of inverse-load, least-connections, round-robin, random (did you mean inverse-load?), not "inverse-laod" (FASTCHAT_NODE_BALANCE)',
      'limits.text-bytes: write a number and one of GiB, MiB, KiB, B, such as 256MiB, not "big" (node.toml:5)',
    ]);
  });

  it('reports where a file is not TOML', () => {
    expect(mistakes({ toml: 'replicas = 1\nbalance = \n' })[0]).to.match(/^node\.toml:2: /);
  });

  const bad: ReadonlyArray<readonly [flag: string, value: string | number | boolean]> = [
    ['replicas', 0],
    ['replicas', 1.5],
    ['replicas', true],
    ['mailbox-ttl', 5],
    ['mailbox-ttl', '5'],
    ['mailbox-ttl', '1s'],
    ['listen', ':7400'],
    ['listen', '127.0.0.1:70000'],
    ['name', 'n 1'],
    ['data', ''],
    ['coordinator', 'zookeeper'],
    ['coordinator', 'etcd://'],
    ['coordinator', 'etcd://h'],
    ['coordinator', 'etcd://h:2379,'],
    ['coordinator', 'etcd://user:secret@h:2379'],
    ['coordinator', 'etcd://h:2379/a/b'],
    ['coordinator', 'http://h:2379'],
    ['registration', 'opened'],
    ['dev', 'maybe'],
    ['log-level', 'loud'],
    ['limits.free-space-ratio', 1.5],
    ['limits.connections', '-1'],
  ];
  for (const [flag, value] of bad)
    it(`refuses ${flag} = ${JSON.stringify(value)}`, () => {
      expect(mistakes({ flags: { [flag]: value } })).to.have.length(1);
    });

  it('reads both kinds of coordinator', () => {
    expect(load({ flags: { coordinator: 'embedded' } }).config.coordinator).to.deep.equal({
      kind: 'embedded',
    });
    expect(load({ flags: { coordinator: 'etcd://a:2379,b:1' } }).config.coordinator).to.deep.equal({
      kind: 'etcd',
      endpoints: [
        { host: 'a', port: 2379 },
        { host: 'b', port: 1 },
      ],
      isSecure: false,
      name: 'fastchat',
    });
    expect(load({ flags: { coordinator: 'etcds://a:2379/team' } }).config.coordinator).to.include({
      isSecure: true,
      name: 'team',
    });
  });

  it('knows which settings somebody set', () => {
    const { given } = load({ flags: { listen: '127.0.0.1:7400' } }).config;
    expect([...given]).to.deep.equal(['listen']);
  });

  it('prints as TOML that loads to the same', () => {
    const loaded = load({
      flags: {
        data: '/d',
        name: 'N7',
        coordinator: 'etcds://h:1,i:2/team',
        'limits.messages-burst': 7,
      },
    });
    const again = load({ toml: printConfig(loaded) });
    expect(valuesOf(again)).to.deep.equal(valuesOf(loaded));
    expect(printConfig(loaded)).to.contain('messages-burst = 7 # --limits.messages-burst');
  });

  it('has a sample file that is up to date, loads to the defaults and names every key', () => {
    const sample = readFileSync(
      new URL('../../../docs/examples/node.toml', import.meta.url),
      'utf8',
    );
    expect(sample).to.equal(sampleConfig());
    expect(valuesOf(load({ toml: sample }))).to.deep.equal(valuesOf(load()));
    for (const { key } of CONFIG_KEYS) expect(sample).to.contain(`${key} = `);
  });

  it('knows the balancing algorithms that there are', () => {
    const known: readonly BalanceAlgorithm[] = BALANCE_ALGORITHMS;
    const all: Record<BalanceAlgorithm, true> = {
      'inverse-load': true,
      'least-connections': true,
      'round-robin': true,
      random: true,
    };
    expect([...known].sort()).to.deep.equal(Object.keys(all).sort());
  });
});

describe('units', () => {
  it('read what they write', () => {
    fc.assert(
      fc.property(fc.nat(), (amount) => {
        expect(parseDurationMs(formatDuration(amount))).to.equal(amount);
        expect(parseByteCount(formatByteCount(amount))).to.equal(amount);
      }),
    );
    for (const place of ['127.0.0.1:0', '[::1]:7400', 'node.example:65535'])
      expect(formatHostPort(parseHostPort(place))).to.equal(place);
  });

  it('are read as people write them', () => {
    expect(parseDurationMs('30d')).to.equal(2_592_000_000);
    expect(parseDurationMs('1.5s')).to.equal(1500);
    expect(parseByteCount('256 mib')).to.equal(268_435_456);
    expect(formatDuration(90_000)).to.equal('90s');
  });

  it('refuse everything else', () => {
    for (const text of ['', '10', 's', '-1s', '1e3s', '10 parsecs', 'NaNs', '9'.repeat(30) + 'd'])
      expect(() => parseDurationMs(text), text).to.throw(FastChatError);
    for (const text of ['', 'h', 'h:', ':1', 'h:1:2', 'h h:1', '[::1:1', 'h:65536'])
      expect(() => parseHostPort(text), text).to.throw(FastChatError);
  });
});

describe('closest', () => {
  it('finds what was meant, and nothing when nothing is near', () => {
    const words = ['send', 'read', 'register'];
    expect(closest('sned', words)).to.equal('send');
    expect(closest('regster', words)).to.equal('register');
    expect(closest('banana', words)).to.equal(undefined);
    expect(closest('send', words)).to.equal('send');
    expect(closest('x'.repeat(100_000), words)).to.equal(undefined);
  });
});

/** The gates this home knows, and the one key that the cluster behind them must show. */
import { encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GateAddress } from '../../protocol/account.ts';
import type { ConnectUrl, GatePlace } from '../connect-url.ts';
import type { Gates } from '../connection/establish.ts';
import type { ClientOptions } from '../ports.ts';
import { isSameBytes } from '../same-bytes.ts';
import type { StoreKeys } from './keys.ts';
import type { LocalStore } from './local-store.ts';
import { gatesRecord } from './records.ts';
import type { GatesRecord } from './records.ts';

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

export class GateBook implements Gates {
  readonly #store: LocalStore;
  readonly #keys: StoreKeys;
  readonly #trustsWeak: boolean;
  #record: GatesRecord;

  /** `servers` replaces the gates given before. @throws E_KEY_CHANGED when it names another cluster than the pinned one */
  constructor(
    store: LocalStore,
    keys: StoreKeys,
    options: Pick<ClientOptions, 'servers' | 'trustsWeakStretching'>,
  ) {
    const { servers } = options;
    this.#store = store;
    this.#keys = keys;
    this.#trustsWeak = options.trustsWeakStretching === true;
    const known = store.get(keys.gates, gatesRecord) ?? UNKNOWN;
    this.#record = servers === undefined ? known : merge(known, servers);
  }

  places(): readonly GatePlace[] {
    const places = new Map<string, GatePlace>();
    for (const { host, port } of [...this.#record.given, ...this.#record.learnt])
      places.set(`${host} ${port}`, { host, port });
    return [...places.values()];
  }

  /** On this machine: who can answer there can read its homes anyway. */
  mayBeWeak({ host }: GatePlace): boolean {
    return this.#trustsWeak || LOOPBACK.test(host);
  }

  fingerprint(): Uint8Array | undefined {
    return this.#record.fingerprint;
  }

  async pin(fingerprint: Uint8Array): Promise<void> {
    await this.#save({ ...this.#record, fingerprint });
  }

  /** Gates that a node of the pinned cluster told of; they replace those told before. */
  async learn(gates: readonly GateAddress[]): Promise<void> {
    await this.#save({ ...this.#record, learnt: gates });
  }

  /** Makes what the connect URL says last beyond this process. */
  async save(): Promise<void> {
    await this.#save(this.#record);
  }

  async #save(record: GatesRecord): Promise<void> {
    this.#record = record;
    const known = this.#store.get(this.#keys.gates, gatesRecord);
    const isKnown = known && isSameBytes(encode(gatesRecord, known), encode(gatesRecord, record));
    if (isKnown !== true)
      await this.#store.transact((tx) => tx.put(this.#keys.gates, gatesRecord, record));
  }
}

const UNKNOWN: GatesRecord = { given: [], learnt: [], fingerprint: undefined };

function merge(known: GatesRecord, { gates, fingerprint }: ConnectUrl): GatesRecord {
  const pinned = known.fingerprint;
  if (pinned !== undefined && fingerprint !== undefined && !isSameBytes(pinned, fingerprint))
    throw new FastChatError('E_KEY_CHANGED', 'this home belongs to a cluster with another key');
  return { ...known, given: gates, fingerprint: pinned ?? fingerprint };
}

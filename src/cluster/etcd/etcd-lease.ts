/** One node's lease in etcd and the key that stands and falls with it. */
import { FastChatError } from '../../protocol/errors.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { LEASE_TTL_MS } from '../../protocol/limits.ts';
import type { EtcdGateway } from './gateway.ts';
import { base64, numberAt, objectAt, textAt } from './json.ts';
import type { EtcdKeys } from './keys.ts';

/** Etcd counts in seconds, and may grant more than it was asked for: the holder counts on LEASE_TTL_MS only. */
const TTL_SECONDS = Math.ceil(LEASE_TTL_MS / 1000);

/** Value of the key of a node that serves nothing any more. */
export const GIVEN_UP = '';

interface Held {
  readonly id: string;
  /** Of the write of the key. */
  readonly revision: number;
}

export class EtcdLease {
  readonly #gateway: EtcdGateway;
  readonly #key: string;
  #held: Held | undefined;
  #renewal: Promise<void> | undefined;

  constructor(gateway: EtcdGateway, keys: EtcdKeys, node: NodeId) {
    this.#gateway = gateway;
    this.#key = keys.lease(node);
  }

  /**
   * Renews it; one that etcd has forgotten is replaced by a new one. One renewal at a time: a later caller would take the
   * answer to an earlier request for its own, and believe in the lease for too long.
   */
  async renew(): Promise<void> {
    if (this.#renewal !== undefined)
      throw new FastChatError('E_UNREACHABLE', 'still being renewed');
    this.#renewal = this.#renew();
    try {
      await this.#renewal;
    } finally {
      this.#renewal = undefined;
    }
  }

  /** Gives it up, and says so: a key that only vanishes may be the fault of etcd, and is doubted for a while. */
  async end(): Promise<void> {
    await this.#renewal?.catch(() => undefined);
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    await this.#write(GIVEN_UP, held.id);
    await this.#gateway.ask('/v3/lease/revoke', { ID: held.id });
  }

  /** At `revision` the key was not there although the lease may be: somebody removed it. */
  noteMissing(revision: number): void {
    if (this.#held !== undefined && revision >= this.#held.revision) this.#held = undefined;
  }

  async #renew(): Promise<void> {
    if (this.#held !== undefined) {
      const answer = await this.#gateway.ask('/v3/lease/keepalive', { ID: this.#held.id });
      // A lease that is gone is answered without a time to live.
      if (numberAt(objectAt(answer, 'result'), 'TTL') > 0) return;
    }
    this.#held = await this.#take();
  }

  async #take(): Promise<Held> {
    const granted = await this.#gateway.ask('/v3/lease/grant', { TTL: TTL_SECONDS });
    const id = textAt(granted, 'ID');
    return { id, revision: await this.#write(id, id) };
  }

  /** Answers the revision. */
  async #write(value: string, lease: string): Promise<number> {
    const put = { key: base64(this.#key), value: base64(value), lease };
    const answer = await this.#gateway.ask('/v3/kv/put', put);
    return numberAt(objectAt(answer, 'header'), 'revision');
  }
}

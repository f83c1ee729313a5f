/** Follows the chain of every sending device: what was seen is dropped, what is missing or differs is shown. */
import { chainKey, checkChain } from '../../crypto/opening/message-chain.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import type { EventHub } from '../events.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { Transaction } from '../store/local-store.ts';
import { chainRecord } from '../store/records.ts';

/** A message whose every claim was checked. */
export interface ChainedMessage {
  readonly from: UserId;
  readonly device: DeviceId;
  readonly incarnation: Incarnation;
  readonly counter: number;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
}

export interface MessageChainsPorts {
  readonly keys: StoreKeys;
  readonly events: EventHub;
}

export class MessageChains {
  readonly #ports: MessageChainsPorts;

  constructor(ports: MessageChainsPorts) {
    this.#ports = ports;
  }

  /**
   * Places a message in its device's chain; a `stretch` that begins anew knows nothing of what was before it. False: it
   * was seen before.
   */
  follow(tx: Transaction, message: ChainedMessage, stretch = ''): boolean {
    const { keys, events } = this.#ports;
    const key = keys.chain(`${chainKey(message)}${stretch}`);
    const check = checkChain(tx.get(key, chainRecord), message);
    if (check.verdict === 'replayed') return false;
    tx.put(key, chainRecord, check.state);
    const { from } = message;
    if (check.verdict === 'gap' && !check.start) {
      const count = check.gap.to - check.gap.from + 1;
      const text = `${count} messages of ${from} are missing here: expired, or withheld by a node`;
      tx.after(() => events.warn('E_NO_SUCH_MESSAGE', text, from));
    } else if (check.verdict === 'forked') {
      const text = `a message of ${from} follows another one than this device was shown`;
      tx.after(() => events.warn('E_SIGNATURE', text, from));
    }
    return true;
  }
}

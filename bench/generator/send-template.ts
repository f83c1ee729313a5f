/** One `send` call, encoded once: each message is a copy with its own id, counter and tag. */
import { clientCalls } from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import type { Address, Incarnation } from '../../src/protocol/ids.ts';
import { systemRandom } from '../../src/ops/random.ts';
import type { BenchAccount } from '../account.ts';

/** Encoded as five bytes, which any number of 32 bits fits into; a decoder does not ask for the shortest form. */
const PLACE = 0xfffe_fdfc;
const TAG_BYTES = 16;
const STAMP_TIME_OFFSET = 8;

export interface Recipient {
  readonly address: Address;
  readonly incarnation: Incarnation;
}

/** What a message to a group says of itself, in its tag: nodes compare tags, and read nothing in them. */
export interface Stamp {
  readonly sender: number;
  readonly counter: number;
  /** By the clock of the machine, which all load generators share. */
  readonly sentMs: number;
}

export function readStamp(tag: Buffer): Stamp {
  return {
    counter: tag.readUInt32BE(0),
    sender: tag.readUInt32BE(4),
    sentMs: tag.readDoubleBE(STAMP_TIME_OFFSET),
  };
}

export class SendTemplate {
  readonly #item: Buffer;
  readonly #idAt: number;
  readonly #counterAt: number;
  readonly #tagAt: number;

  constructor(from: BenchAccount, to: Recipient, bodyBytes: number) {
    const tag = systemRandom.bytes(TAG_BYTES);
    const envelope = {
      to: to.address,
      incarnation: to.incarnation,
      from: from.user,
      device: from.device,
      counter: PLACE,
      tag,
      boxEpoch: 1,
      quiet: false,
      body: systemRandom.bytes(bodyBytes),
    };
    this.#item = Buffer.from(encodeRaw(clientCalls.packRequest(PLACE, { type: 'send', envelope })));
    const place = Buffer.alloc(4);
    place.writeUInt32BE(PLACE);
    this.#idAt = this.#item.indexOf(place);
    this.#counterAt = this.#item.indexOf(place, this.#idAt + 1);
    this.#tagAt = this.#item.indexOf(tag);
  }

  /** The id of the call is its counter. */
  message(counter: number): Buffer {
    const item = Buffer.from(this.#item);
    item.writeUInt32BE(counter, this.#idAt);
    item.writeUInt32BE(counter, this.#counterAt);
    item.writeUInt32BE(counter, this.#tagAt);
    return item;
  }

  stamped({ sender, counter, sentMs }: Stamp): Uint8Array {
    const item = this.message(counter);
    item.writeUInt32BE(sender, this.#tagAt + 4);
    item.writeDoubleBE(sentMs, this.#tagAt + STAMP_TIME_OFFSET);
    return item;
  }
}

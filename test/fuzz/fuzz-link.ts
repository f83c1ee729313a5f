/** The gate's side of a client link, without a network: whole frames go in by `give`, what comes out is looked at. */
import type { ClientLink, ClientLinkEvents } from '../../src/net/client-link.ts';
import { REFUSAL_TAG, REPLY_TAG } from '../../src/protocol/client-calls.ts';
import { decodeRaw } from '../../src/protocol/codec.ts';

type Item = readonly unknown[];

export class FuzzLink implements ClientLink {
  readonly source: string;
  readonly pendingBytes = 0;
  readonly receivedBytes = 0;
  isOpen = true;
  isTrusted = false;
  /** Codes that the node refused with, and how often. */
  readonly refusals = new Map<string, number>();
  readonly #waiting = new Map<number, (item: Item) => void>();
  #events: ClientLinkEvents | undefined;

  constructor(source: string) {
    this.source = source;
  }

  attach(events: ClientLinkEvents): void {
    this.#events = events;
  }

  give(frame: Uint8Array): void {
    if (this.isOpen) this.#events?.onFrame(frame);
  }

  /** Resolves with the answer or refusal of the call `id`; undefined when the link ends first. */
  answer(id: number): Promise<Item | undefined> {
    return new Promise((resolve) => {
      if (this.isOpen) this.#waiting.set(id, resolve);
      else resolve(undefined);
    });
  }

  send(frame: Uint8Array): boolean {
    for (const item of decodeRaw(frame) as readonly Item[]) {
      const [tag, id, code] = item;
      if (tag === REFUSAL_TAG)
        this.refusals.set(String(code), (this.refusals.get(String(code)) ?? 0) + 1);
      if (tag !== REPLY_TAG && tag !== REFUSAL_TAG) continue;
      this.#waiting.get(Number(id))?.(item);
      this.#waiting.delete(Number(id));
    }
    return true;
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const resolve of this.#waiting.values()) resolve(undefined as never);
    this.#waiting.clear();
    this.#events?.onClose('closed here');
  }

  trust(): void {
    this.isTrusted = true;
  }
}

/** Shows replays, gaps and forks: each device chains its messages in one log by counter and hash. Pure. */
import { hex } from '../bytes.ts';
import { NO_PREVIOUS } from './direct-message.ts';
import type { OpenedMessage } from './direct-message.ts';

/** The last message seen of one device in one life of a log; what the client keeps under `chainKey`. */
export interface ChainLink {
  readonly counter: number;
  readonly hash: Uint8Array;
}

/** Counters `from` to `to`, inclusive, that were never seen. */
export interface ChainGap {
  readonly from: number;
  readonly to: number;
}

/**
 * `next`: exactly the one expected. `gap`: newer than expected; what is missing expired, was withheld, or (`start`)
 * lies before this device's time. `replayed`: seen already, to be dropped. `forked`: in order, but its sender names
 * another predecessor than the one shown here, so somebody was shown something else.
 */
export type ChainCheck =
  | { readonly verdict: 'next'; readonly state: ChainLink }
  | {
      readonly verdict: 'gap';
      readonly state: ChainLink;
      readonly gap: ChainGap;
      readonly start: boolean;
    }
  | { readonly verdict: 'forked'; readonly state: ChainLink }
  | { readonly verdict: 'replayed'; readonly state: ChainLink };

/** Names the chain that a message belongs to: (sender, device, incarnation). */
export function chainKey(message: Pick<OpenedMessage, 'from' | 'device' | 'incarnation'>): string {
  return `${message.from} ${message.device} ${message.incarnation}`;
}

/** Places a message in its chain; `state` is undefined when nothing of that chain was seen. Costs the same for any gap. */
export function checkChain(
  state: ChainLink | undefined,
  message: Pick<OpenedMessage, 'counter' | 'previous' | 'hash'>,
): ChainCheck {
  const last = state ?? { counter: 0, hash: NO_PREVIOUS };
  const { counter, hash, previous } = message;
  if (counter <= last.counter) return { verdict: 'replayed', state: last };
  const link: ChainLink = { counter, hash };
  if (counter > last.counter + 1) {
    const gap = { from: last.counter + 1, to: counter - 1 };
    return { verdict: 'gap', state: link, gap, start: state === undefined };
  }
  return { verdict: hex(previous) === hex(last.hash) ? 'next' : 'forked', state: link };
}

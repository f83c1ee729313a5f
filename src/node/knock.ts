/** Nodes that want to join knock at the same port as clients: their calls are sorted out before a session sees them. */
import type { ClientLink, ClientLinkEvents, LinkNetwork } from '../net/client-link.ts';
import { decodeRaw, encodeRaw } from '../protocol/codec.ts';
import { isJoinTag } from '../protocol/join-frames.ts';

/** `Admission.answer`. */
type Answer = (item: readonly unknown[]) => Promise<unknown[]>;

function joinItem(frame: Uint8Array): readonly unknown[] | undefined {
  // A joining node sends one call a frame; the first bytes tell it from a client without decoding everything twice.
  if (frame[0] !== 0x91) return undefined;
  try {
    const [item] = decodeRaw(Uint8Array.from(frame)) as readonly unknown[];
    return Array.isArray(item) && isJoinTag(item[0]) ? item : undefined;
  } catch {
    return undefined;
  }
}

/** The network, with an answer to nodes that knock where it listens; without `answer` nobody can join. */
export function withKnocks(network: LinkNetwork, answer: Answer | undefined): LinkNetwork {
  if (answer === undefined) return network;
  return {
    dial: (target, events) => network.dial(target, events),
    listen: (options) => {
      const onLink = (link: ClientLink): ClientLinkEvents =>
        answeringKnocks(link, options.onLink(link), answer);
      return network.listen({ ...options, onLink });
    },
  };
}

/** Events of a link whose first frames may be a join; once it has spoken as a client it stays one. */
export function answeringKnocks(
  link: ClientLink,
  client: ClientLinkEvents,
  answer: Answer,
): ClientLinkEvents {
  let isClient = false;
  return {
    ...client,
    onFrame: (frame) => {
      const item = isClient ? undefined : joinItem(frame);
      if (item === undefined) {
        isClient = true;
        client.onFrame(frame);
        return;
      }
      void answer(item).then((reply) => link.send(encodeRaw([reply])));
    },
  };
}

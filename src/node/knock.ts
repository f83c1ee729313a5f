/** Nodes that want to join knock at the same port as clients: their calls are sorted out before a session sees them. */
import type { ClientLink, ClientLinkEvents } from '../net/client-link.ts';
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

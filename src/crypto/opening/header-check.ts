/** Compares the clear header of an envelope with what its sender signed inside. */
import type { Envelope } from '../../protocol/envelope.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { MessageId } from '../../protocol/ids.ts';
import { messageTag } from '../identity.ts';
import type { OpeningSuite } from '../suite.ts';

/** What every sealed message repeats of its header. */
export type SignedHeader = Omit<Envelope, 'tag' | 'body'> & { readonly id: MessageId };

/** The header is all that nodes act on; nothing in it may differ from what the sender signed. @throws E_SIGNATURE */
export function checkHeader(suite: OpeningSuite, header: Envelope, inner: SignedHeader): void {
  const tag = messageTag(suite, inner.from, inner.to, inner.id);
  const differing =
    (['from', 'device', 'counter', 'to', 'incarnation', 'boxEpoch', 'quiet'] as const).find(
      (field) => header[field] !== inner[field],
    ) ?? (suite.equal(header.tag, tag) ? undefined : 'tag');
  if (differing !== undefined)
    throw new FastChatError('E_SIGNATURE', `the clear header was changed: ${differing}`);
}

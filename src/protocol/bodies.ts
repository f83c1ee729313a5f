/**
 * What a sealed message says. Declarations only: nothing here can open anything, and no node ever parses one.
 * Variants and fields are only ever appended; a client shows an unknown variant as "needs a newer client".
 */
import {
  ENVELOPE_BODY_BYTES_MAX,
  FILE_NAME_LENGTH_MAX,
  MIME_TYPE_LENGTH_MAX,
  READ_MARKS_MAX,
  SYNC_COALESCE_MESSAGES,
} from './limits.ts';
import {
  address,
  bytes,
  deviceId,
  list,
  messageId,
  optional,
  struct,
  text,
  u53,
  union,
} from './schema.ts';
import type { Infer } from './schema.ts';

const words = text(ENVELOPE_BODY_BYTES_MAX);

/** Everything of one sending device up to a counter, inclusive. */
const readMark = struct({ device: deviceId, counter: u53 });
export type ReadMark = Infer<typeof readMark>;

const content = {
  text: [1, struct({ text: words })],
  /** A file in blob storage: `hash` of the encrypted blob is its address, `key` opens it. */
  file: [
    2,
    struct({
      name: text(FILE_NAME_LENGTH_MAX),
      mime: text(MIME_TYPE_LENGTH_MAX),
      /** Bytes of the plain file. */
      size: u53,
      key: bytes(32),
      hash: bytes(32),
      caption: words,
    }),
  ],
  /** A person has read the recipient's messages up to these marks. */
  read: [3, struct({ upTo: list(readMark, READ_MARKS_MAX) })],
} as const;

/** What can be said to somebody else. */
export const contentBody = union(content);
export type ContentBody = Infer<typeof contentBody>;

/** One message as the sending device tells it to the other devices of its user. */
const syncItem = struct({
  conversation: address,
  id: messageId,
  /** The sending device's counter in that log; missing for what was never stored there. */
  counter: optional(u53),
  /** Milliseconds since 1970, by the sending device. */
  timestamp: u53,
  body: contentBody,
});
export type SyncItem = Infer<typeof syncItem>;

/** Any body; `sync` is only ever accepted from oneself. */
export const body = union({
  ...content,
  sync: [4, struct({ items: list(syncItem, SYNC_COALESCE_MESSAGES) })],
});
export type Body = Infer<typeof body>;

/**
 * What travels between nodes. One transport frame is one msgpack array: `[link, seq, ...messages]`.
 * `link` names the sender's present link to the receiver, `seq` numbers the frames of one sender to one receiver.
 * Payloads are byte strings that only the services understand.
 */
import { decodeRaw, encodeRaw } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import {
  BOOT_ID_LENGTH_MAX,
  ERROR_CODE_LENGTH_MAX,
  ERROR_TEXT_LENGTH_MAX,
  FRAMES_PER_BATCH_MAX,
  LOAD_REPORT_BYTES_MAX,
  MESH_FRAME_BYTES_MAX,
} from '../protocol/limits.ts';
import {
  bytes,
  nodeId,
  optional,
  struct,
  text,
  u16,
  u32,
  u53,
  u8,
  union,
} from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';

/** Who a message is for, by its number on the wire. Numbers are never reused. */
export const MESH_SERVICES = {
  actor: 1,
  session: 2,
  coordinator: 3,
  gossip: 5,
  replica: 6,
  operator: 8,
  group: 9,
  map: 10,
} as const;

export type MeshService = keyof typeof MESH_SERVICES;

const payload = bytes(0, MESH_FRAME_BYTES_MAX);

export const meshMessage = union({
  /** The first message of every link, repeated with every heartbeat so that its loss heals. */
  hello: [1, struct({ version: u16, node: nodeId, bootId: text(BOOT_ID_LENGTH_MAX) })],
  /** `hears`: the link of the receiver that the sender hears (0: none) and the newest frame of it. */
  heartbeat: [2, struct({ hears: u32, heardSeq: u53, load: bytes(0, LOAD_REPORT_BYTES_MAX) })],
  request: [3, struct({ id: u53, service: u8, payload })],
  reply: [4, struct({ id: u53, payload })],
  failure: [
    5,
    struct({
      id: u53,
      code: text(ERROR_CODE_LENGTH_MAX),
      message: text(ERROR_TEXT_LENGTH_MAX),
      retryAfterMs: optional(u53),
    }),
  ],
  tell: [6, struct({ service: u8, payload })],
});

export type MeshMessage = Infer<typeof meshMessage>;
/** A message as the array that msgpack encodes. */
export type PackedMessage = ReturnType<typeof meshMessage.pack>;

export interface MeshBatch {
  readonly link: number;
  readonly seq: number;
  readonly messages: readonly MeshMessage[];
}

/** Room that a message or the head of a frame takes beside its payload, rounded up. */
export const MESH_OVERHEAD_BYTES = 32;

/** The largest payload of a request, a reply or a tell. */
export const MESH_PAYLOAD_BYTES_MAX = MESH_FRAME_BYTES_MAX - 2 * MESH_OVERHEAD_BYTES;

export function encodeBatch(
  link: number,
  seq: number,
  messages: readonly PackedMessage[],
): Uint8Array {
  return encodeRaw([link, seq, ...messages]);
}

/** Payloads are views of `frame`. @throws E_BAD_FRAME */
export function decodeBatch(frame: Uint8Array): MeshBatch {
  const raw = decodeRaw(frame);
  if (!Array.isArray(raw) || raw.length < 2 || raw.length > FRAMES_PER_BATCH_MAX + 2)
    throw new FastChatError('E_BAD_FRAME', 'a mesh frame is [link, seq, ...messages]');
  const [link, seq, ...messages] = raw as readonly unknown[];
  return {
    link: u32.parse(link),
    seq: u53.parse(seq),
    messages: messages.map((message) => meshMessage.parse(message)),
  };
}

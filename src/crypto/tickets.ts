/** Tickets: the cluster's signed, short-lived, single-use permission for one device to log in at one boot of one node. */
import { decode, encode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { TICKET_LIFETIME_MS } from '../protocol/limits.ts';
import { bytes, deviceId, nodeId, struct, u53, userId } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';
import { decodeSigned, encodeSigned } from './signed.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

const ticket = struct({
  user: userId,
  device: deviceId,
  node: nodeId,
  /** The run of that node: a ticket does not survive a restart, nor does the memory of used ones. */
  bootId: bytes(16),
  /** By the clock of that node, milliseconds since 1970. */
  expiresAtMs: u53,
  nonce: bytes(16),
});
export type Ticket = Infer<typeof ticket>;

/** Signs with the cluster's key; at most 512 bytes. */
export function signTicket(
  suite: VerifyingSuite,
  content: Ticket,
  privateKey: Uint8Array,
): Uint8Array {
  return encodeSigned(suite, TAGS.ticket, encode(ticket, content), privateKey);
}

interface TicketPlace {
  readonly node: NodeId;
  readonly bootId: Uint8Array;
  readonly nowMs: number;
}

/**
 * What a ticket permits here and now. Whether it was used before is `TicketMemory`'s to say.
 * @throws E_TICKET_FORGED (also for a lifetime that no balancer gives), E_TICKET_NODE, E_TICKET_EXPIRED
 */
export function verifyTicket(
  suite: VerifyingSuite,
  signed: Uint8Array,
  publicKey: Uint8Array,
  here: TicketPlace,
): Ticket {
  const content = openTicket(suite, signed, publicKey);
  if (content.node !== here.node || !suite.equal(content.bootId, here.bootId))
    throw new FastChatError('E_TICKET_NODE', `the ticket is for another run or node`);
  if (content.expiresAtMs <= here.nowMs)
    throw new FastChatError('E_TICKET_EXPIRED', 'the ticket has expired');
  if (content.expiresAtMs > here.nowMs + TICKET_LIFETIME_MS)
    throw new FastChatError('E_TICKET_FORGED', 'the ticket lives longer than any real one');
  return content;
}

function openTicket(suite: VerifyingSuite, signed: Uint8Array, publicKey: Uint8Array): Ticket {
  try {
    return decode(ticket, decodeSigned(suite, TAGS.ticket, signed, publicKey));
  } catch (cause) {
    // A bad frame and a bad signature are one case to whoever presents it.
    throw new FastChatError('E_TICKET_FORGED', 'not a ticket of this cluster', { cause });
  }
}

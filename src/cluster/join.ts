/** The joining node's side: knocks at a gate with the token and comes back with what a member needs. */
import { within } from '../ops/lifecycle.ts';
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { ClientLink, LinkNetwork } from '../net/client-link.ts';
import { REFUSAL_TAG, REPLY_TAG } from '../protocol/client-calls.ts';
import { decode, encode, encodeRaw } from '../protocol/codec.ts';
import { asFastChatError, FastChatError, isErrorCode } from '../protocol/errors.ts';
import { JOIN_NONCE_BYTES, joinCalls } from '../protocol/join-frames.ts';
import type { JoinCalls, JoinReply, JoinRequest } from '../protocol/join-frames.ts';
import { REQUEST_TIMEOUT_MS } from '../protocol/limits.ts';
import { itemsOf } from './items.ts';
import { openGrant, proveJoin } from './join-crypto.ts';
import { joinGrant } from './join-grant.ts';
import type { JoinGrant } from './join-grant.ts';
import type { JoinToken } from './join-token.ts';
import { member as memberRecord } from './members.ts';
import type { Member } from './members.ts';

export interface JoinPorts {
  readonly network: LinkNetwork;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Enters the cluster as `member`; again with the same name and key replaces the addresses.
 * @throws E_NAME_TAKEN (another key has this name), E_AUTH (wrong or rotated token), E_KEY_CHANGED (another cluster
 * answers there), E_UNREACHABLE, E_TIMEOUT
 */
export async function joinCluster(
  ports: JoinPorts,
  token: JoinToken,
  member: Member,
): Promise<JoinGrant> {
  const { gateHost: host, gatePort: port, fingerprint } = token;
  const knock = new Knock(ports.clock);
  const { link } = await ports.network.dial({ host, port, fingerprint }, knock.events);
  knock.link = link;
  try {
    return await exchange(knock, ports.random, token.secret, member);
  } finally {
    link.close('joined');
  }
}

async function exchange(
  knock: Knock,
  random: Random,
  secret: Uint8Array,
  member: Member,
): Promise<JoinGrant> {
  const joining = random.bytes(JOIN_NONCE_BYTES);
  const started = await knock.ask({ type: 'joinStart', node: member.node, nonce: joining });
  const nonces = { joining, cluster: started.nonce };
  const encoded = encode(memberRecord, member);
  const { grant } = await knock.ask({
    type: 'joinFinish',
    nonce: started.nonce,
    member: encoded,
    proof: proveJoin(secret, nonces, encoded),
  });
  return decode(joinGrant, openGrant(secret, nonces, grant));
}

interface Pending {
  readonly type: JoinRequest['type'];
  resolve(items: readonly unknown[]): void;
  reject(error: FastChatError): void;
}

/** One link on which one request at a time is asked. */
class Knock {
  /** Set as soon as it is dialled. */
  link: ClientLink | undefined;
  readonly #clock: Clock;
  #pending: Pending | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly events = {
    onFrame: (frame: Uint8Array): void => this.#onFrame(Uint8Array.from(frame)),
    onWritable: (): void => undefined,
    onClose: (reason: string | undefined): void => {
      this.#isClosed = true;
      this.#fail(new FastChatError('E_UNREACHABLE', `the gate closed: ${reason ?? 'in order'}`));
    },
  };

  async ask<K extends keyof JoinCalls>(
    request: JoinRequest & { readonly type: K },
  ): Promise<JoinReply<K>> {
    const answered = new Promise<readonly unknown[]>((resolve, reject) => {
      this.#pending = { type: request.type, resolve, reject };
    });
    if (this.#isClosed) this.#fail(new FastChatError('E_UNREACHABLE', 'the gate closed'));
    else this.link?.send(encodeRaw([joinCalls.packRequest(1, request)]));
    const items = await within(this.#clock, REQUEST_TIMEOUT_MS, 'the gate', answered);
    return joinCalls.parseReply(request.type, items, 2);
  }

  #onFrame(frame: Uint8Array): void {
    try {
      const items = itemOf(frame);
      if (items[0] === REFUSAL_TAG) throw refusalOf(items);
      if (items[0] === REPLY_TAG) this.#pending?.resolve(items);
    } catch (cause) {
      this.#fail(asFastChatError(cause));
    }
  }

  #fail(error: FastChatError): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}

function itemOf(frame: Uint8Array): readonly unknown[] {
  const [item] = itemsOf(frame);
  if (!Array.isArray(item)) throw new FastChatError('E_BAD_FRAME', 'expected an answer');
  return item;
}

function refusalOf([, , code, text]: readonly unknown[]): FastChatError {
  const known = typeof code === 'string' && isErrorCode(code) ? code : 'E_BAD_FRAME';
  return new FastChatError(known, typeof text === 'string' ? text : 'the gate refused');
}

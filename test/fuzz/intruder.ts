/** Mallory at a gate: speaks the protocol as far as logging in, then whatever it is given. */
import type { KeyPair } from '../../src/crypto/suite.ts';
import { signDeviceProof } from '../../src/crypto/proofs.ts';
import { createTransparentPasswordClient } from '../../src/crypto/opening/transparent-password-client.ts';
import { createTransparentVerifyingSuite } from '../../src/crypto/transparent-suite.ts';
import type { ClientGate } from '../../src/node/gate.ts';
import type { Random } from '../../src/ops/random.ts';
import { REPLY_TAG, clientCalls } from '../../src/protocol/client-calls.ts';
import type {
  ClientCallName,
  ClientReply,
  ClientRequest,
} from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import type { DeviceId, NodeId, UserId } from '../../src/protocol/ids.ts';
import { FuzzLink } from './fuzz-link.ts';

const SOURCES = 500;
const PASSWORD = 'known to mallory';

/** What a call came to instead of an answer; undefined: its link ended. */
class Refused extends Error {
  readonly code: unknown;
  constructor(call: string, item: readonly unknown[] | undefined) {
    super(`${call}: ${JSON.stringify(item)}`);
    this.code = item?.[2];
  }
}

/** No login now: the next one may succeed. */
function passing(cause: unknown): undefined {
  if (cause instanceof Refused && PASSING.has(cause.code)) return undefined;
  throw cause;
}

/** A node that serves nobody now, because it hears too few of the others, ends the link without a word. */
const LINK_ENDED = undefined;
const PASSING: ReadonlySet<unknown> = new Set([
  LINK_ENDED,
  'E_UNREACHABLE',
  'E_TIMEOUT',
  'E_RATE_LIMITED',
]);

export class Intruder {
  readonly user: UserId;
  readonly #random: Random;
  readonly #suite: ReturnType<typeof createTransparentVerifyingSuite>;
  readonly #keys: KeyPair;
  #tokens: { previous: Uint8Array; next: Uint8Array };
  #device: DeviceId | undefined;
  #links = 0;
  #lastId = 0;

  constructor(user: UserId, random: Random) {
    this.user = user;
    this.#random = random;
    this.#suite = createTransparentVerifyingSuite(random);
    this.#keys = this.#suite.signKeyPair();
    this.#tokens = { previous: random.bytes(16), next: random.bytes(16) };
  }

  get device(): DeviceId {
    if (this.#device === undefined) throw new Error('not registered');
    return this.#device;
  }

  /** A link that has said nothing, each from another address. */
  open(gate: ClientGate): FuzzLink {
    this.#links += 1;
    const link = new FuzzLink(`10.0.0.${this.#links % SOURCES}`);
    link.attach(gate.accept(link));
    return link;
  }

  async call<K extends ClientCallName>(
    link: FuzzLink,
    request: Extract<ClientRequest, { type: K }>,
  ): Promise<ClientReply<K>> {
    this.#lastId += 1;
    const answer = link.answer(this.#lastId);
    link.give(encodeRaw([clientCalls.packRequest(this.#lastId, request)]));
    const item = await answer;
    if (item?.[0] !== REPLY_TAG) throw new Refused(request.type, item);
    return clientCalls.parseReply<K>(request.type, item, 2);
  }

  async register(gate: ClientGate): Promise<void> {
    const link = this.open(gate);
    const passwords = createTransparentPasswordClient(this.#random);
    await this.#greet(link);
    const { user } = this;
    const { request, state } = await passwords.startRegistration(PASSWORD);
    const { response } = await this.call(link, { type: 'registerStart', user, request });
    const { record } = await passwords.finishRegistration(PASSWORD, state, response, 'weak');
    const blob = new Uint8Array(64);
    const { device } = await this.call(link, {
      type: 'registerFinish',
      user,
      record,
      identity: new Uint8Array(32),
      box: { epoch: 1, publicKey: new Uint8Array(32), signature: new Uint8Array(64) },
      vault: { version: 1, vault: blob, passwordWrap: blob, recoveryWrap: blob },
      device: { publicKey: this.#keys.publicKey, name: 'fuzz', token: this.#tokens.previous },
      invitation: undefined,
    });
    this.#device = device;
    link.destroy();
  }

  /** A link that is attached, at whichever gate the balancer chose; undefined: not now. */
  async attached(
    gate: ClientGate,
    gateOf: (node: NodeId) => ClientGate | undefined,
  ): Promise<FuzzLink | undefined> {
    const link = this.open(gate);
    const { user } = this;
    const placement = await this.#prove(link)
      .then((proof) =>
        this.call(link, { type: 'deviceLogin', user, proof, replacement: undefined }),
      )
      .catch(passing);
    if (placement?.attachment !== undefined) return this.#settled(link);
    link.destroy();
    const { redirect } = placement ?? {};
    // The rogue member says that it takes logins, too.
    const elsewhere = redirect && gateOf(redirect.gate.node);
    return elsewhere && redirect ? await this.#redeem(elsewhere, redirect.ticket) : undefined;
  }

  async #redeem(gate: ClientGate, ticket: Uint8Array): Promise<FuzzLink | undefined> {
    const link = this.open(gate);
    const placement = await this.#prove(link)
      .then((proof) => this.call(link, { type: 'ticketLogin', ticket, proof }))
      .catch(passing);
    if (placement !== undefined) return this.#settled(link);
    link.destroy();
    return undefined;
  }

  #settled(link: FuzzLink): FuzzLink {
    this.#tokens = { previous: this.#tokens.next, next: this.#random.bytes(16) };
    return link;
  }

  async #prove(link: FuzzLink): Promise<Extract<ClientRequest, { type: 'ticketLogin' }>['proof']> {
    const { node, bootId, nonce, fingerprint } = await this.#greet(link);
    const { user, device } = this;
    const context = { node, bootId, nonce, fingerprint, user, device };
    const signature = signDeviceProof(this.#suite, context, this.#keys.privateKey);
    return { device, signature, tokens: this.#tokens };
  }

  #greet(link: FuzzLink): Promise<ClientReply<'hello'>> {
    return this.call(link, { type: 'hello', versionMin: 1, versionMax: 1, agent: 'fuzz' });
  }
}

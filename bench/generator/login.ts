/** From nothing to an attached link: the logins that the load is made of, and the one that makes an account. */
import { fromBase64url, toBase64url } from '../../src/crypto/base64url.ts';
import { boxKeyParts } from '../../src/crypto/identity.ts';
import { createPasswordClient } from '../../src/crypto/opening/opaque-client.ts';
import { signDeviceProof } from '../../src/crypto/proofs.ts';
import { PUBLIC_KEY_BYTES } from '../../src/crypto/sizes.ts';
import { TAGS } from '../../src/crypto/tags.ts';
import type { KeyPair } from '../../src/crypto/suite.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { parseConnectUrl } from '../../src/client/connect-url.ts';
import type { ConnectUrl, GatePlace } from '../../src/client/connect-url.ts';
import { systemClock } from '../../src/ops/clock.ts';
import type { Attachment, BoxKey } from '../../src/protocol/account.ts';
import type { ClientReply, Placement } from '../../src/protocol/client-calls.ts';
import type { Incarnation, UserId } from '../../src/protocol/ids.ts';
import { PROTOCOL_VERSION, STORE_TOKEN_BYTES } from '../../src/protocol/limits.ts';
import { PASSWORD } from '../account.ts';
import type { BenchAccount } from '../account.ts';
import { RawLink } from './raw-link.ts';

const suite = await createVerifyingSuite();
const passwords = createPasswordClient(systemClock);
/** Of a sealed vault with one box key, and of a wrap of its key: random here, as no node can open either. */
const VAULT_BYTES = 400;
const WRAP_BYTES = 104;

interface Greeted {
  readonly link: RawLink;
  readonly hello: ClientReply<'hello'>;
}

export interface Attached {
  readonly link: RawLink;
  readonly attachment: Attachment;
}

/** Who an account is, and the key that others seal to. */
interface AccountKeys {
  readonly identity: KeyPair;
  readonly box: BoxKey;
}

/** With a box key that nobody has the private half of. */
function anyKeys(user: UserId): AccountKeys {
  const identity = suite.signKeyPair();
  return { identity, box: boxKeyOf(user, identity) };
}

function boxKeyOf(user: UserId, identity: KeyPair): BoxKey {
  const publicKey = suite.random(PUBLIC_KEY_BYTES);
  const signature = suite.sign(TAGS.boxKey, boxKeyParts(user, 1, publicKey), identity.privateKey);
  return { epoch: 1, publicKey, signature };
}

export class Logins {
  readonly #url: ConnectUrl;
  #lastGate = 0;

  constructor(url: string) {
    this.#url = parseConnectUrl(url);
  }

  /** Makes an account with real OPAQUE and a vault of the usual size. */
  async register(user: UserId, accountKeys = anyKeys(user)): Promise<BenchAccount> {
    const { identity, box } = accountKeys;
    const { link, hello } = await this.#greet(this.gate());
    const { request, state } = await passwords.startRegistration(PASSWORD);
    const { response } = await link.call('registerStart', { user, request });
    const { record } = await passwords.finishRegistration(
      PASSWORD,
      state,
      response,
      hello.stretching,
    );
    const wrap = suite.random(WRAP_BYTES);
    const keys = suite.signKeyPair();
    const token = suite.random(STORE_TOKEN_BYTES);
    const { device } = await link.call('registerFinish', {
      user,
      record,
      identity: identity.publicKey,
      box,
      vault: {
        version: 1,
        vault: suite.random(VAULT_BYTES),
        passwordWrap: wrap,
        recoveryWrap: wrap,
      },
      device: { publicKey: keys.publicKey, name: 'bench', token },
      invitation: undefined,
    });
    link.destroy();
    const privateKey = toBase64url(keys.privateKey);
    const account = {
      user,
      device,
      privateKey,
      identityKey: toBase64url(identity.privateKey),
      token: toBase64url(token),
      incarnation: '' as Incarnation,
    };
    const attached = await this.byDevice(account);
    attached.link.destroy();
    return { ...account, incarnation: attached.attachment.incarnation };
  }

  async byDevice(account: BenchAccount, ticket?: Buffer): Promise<Attached> {
    const greeted = await this.#greet(this.gate(), ticket);
    const { user } = account;
    const proof = this.#prove(greeted, account);
    const placement = await greeted.link.call('deviceLogin', {
      user,
      proof,
      replacement: undefined,
    });
    return await this.#follow(greeted.link, placement, account);
  }

  async byPassword(account: BenchAccount): Promise<Attached> {
    const greeted = await this.#greet(this.gate());
    const { link, hello } = greeted;
    const { request, state } = await passwords.startLogin(PASSWORD);
    const { response } = await link.call('loginStart', { user: account.user, request });
    const done = await passwords.finishLogin(PASSWORD, state, response, hello.stretching);
    if (done === undefined) throw new Error(`the password of ${account.user} is another one`);
    const proof = this.#prove(greeted, account);
    const placement = await link.call('loginFinish', {
      finish: done.finish,
      newDevice: undefined,
      proof,
    });
    return await this.#follow(link, placement, account);
  }

  /** One after the other. */
  gate(): GatePlace {
    const { gates } = this.#url;
    this.#lastGate = (this.#lastGate + 1) % gates.length;
    const gate = gates[this.#lastGate];
    if (gate === undefined) throw new Error('a URL names a gate');
    return gate;
  }

  async #greet(gate: GatePlace, ticket?: Buffer): Promise<Greeted> {
    const link = await RawLink.dial(gate, ticket);
    const versions = { versionMin: PROTOCOL_VERSION, versionMax: PROTOCOL_VERSION };
    return { link, hello: await link.call('hello', { ...versions, agent: 'bench' }) };
  }

  async #follow(link: RawLink, placement: Placement, account: BenchAccount): Promise<Attached> {
    const { attachment, redirect } = placement;
    if (attachment !== undefined) {
      account.token = account.nextToken ?? account.token;
      account.nextToken = undefined;
      return { link, attachment };
    }
    link.destroy();
    if (redirect === undefined) throw new Error('a placement says where');
    const { ticket, gate } = redirect;
    const greeted = await this.#greet(gate);
    const proof = this.#prove(greeted, account);
    const there = await greeted.link.call('ticketLogin', { ticket, proof });
    return await this.#follow(greeted.link, there, account);
  }

  #prove(
    { hello }: Greeted,
    account: BenchAccount,
  ): {
    readonly device: BenchAccount['device'];
    readonly signature: Uint8Array;
    readonly tokens: { readonly previous: Uint8Array; readonly next: Uint8Array };
  } {
    const { user, device } = account;
    const { node, bootId, nonce, fingerprint } = hello;
    const context = { node, bootId, nonce, fingerprint, user, device };
    const signature = signDeviceProof(suite, context, fromBase64url(account.privateKey));
    account.nextToken ??= toBase64url(suite.random(STORE_TOKEN_BYTES));
    const previous = fromBase64url(account.token);
    const next = fromBase64url(account.nextToken);
    return { device, signature, tokens: { previous, next } };
  }
}

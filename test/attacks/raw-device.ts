/** A device of an account without a client around it: says over real TLS whatever a test wants said. */
import { RawLink, Refused } from '../../bench/generator/raw-link.ts';
import { Logins } from '../../bench/generator/login.ts';
import type { BenchAccount } from '../../bench/account.ts';
import { fromBase64url } from '../../src/crypto/base64url.ts';
import { signDeviceProof } from '../../src/crypto/proofs.ts';
import type { VerifyingSuite } from '../../src/crypto/suite.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { parseConnectUrl } from '../../src/client/connect-url.ts';
import type { Redirect } from '../../src/protocol/account.ts';
import type { ClientReply, ClientRequest } from '../../src/protocol/client-calls.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import type { Incarnation, UserId } from '../../src/protocol/ids.ts';
import { parseUserId } from '../../src/protocol/ids.ts';

type Proof = Extract<ClientRequest, { type: 'ticketLogin' }>['proof'];

export interface Greeted {
  readonly link: RawLink;
  readonly hello: ClientReply<'hello'>;
}

const HELLO = { versionMin: 1, versionMax: 1, agent: 'raw' } as const;

/** Dials the first gate of a URL and says hello. */
export async function greet(url: string): Promise<Greeted> {
  const [gate] = parseConnectUrl(url).gates;
  if (gate === undefined) throw new Error('a URL names a gate');
  const link = await RawLink.dial(gate);
  return { link, hello: await link.call('hello', HELLO) };
}

/** The code that a call is refused with; 'none' when it is not, 'closed' when the link ends instead. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (cause) {
    return cause instanceof Refused ? cause.code : 'closed';
  }
}

export class RawDevice {
  readonly account: BenchAccount;
  readonly #suite: VerifyingSuite;

  private constructor(account: BenchAccount, suite: VerifyingSuite) {
    this.account = account;
    this.#suite = suite;
  }

  static async register(name: string, url: string): Promise<RawDevice> {
    const account = await new Logins(url).register(parseUserId(name));
    return new RawDevice(account, await createVerifyingSuite());
  }

  /** What this device would sign on this link; as somebody else when `user` is given. */
  proof({ hello }: Greeted, user: UserId = this.account.user): Proof {
    const { device, privateKey, token } = this.account;
    const { node, bootId, nonce, fingerprint } = hello;
    const context = { node, bootId, nonce, fingerprint, user, device };
    const signature = signDeviceProof(this.#suite, context, fromBase64url(privateKey));
    const previous = fromBase64url(token);
    return { device, signature, tokens: { previous, next: previous } };
  }

  /** Logs in at a gate until the balancer sends this device elsewhere; the ticket that it got. */
  async ticketAt(url: string): Promise<Redirect> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const { redirect, link } = await this.logIn(url);
      link.destroy();
      if (redirect !== undefined) return redirect;
    }
    throw new Error('the balancer never sent this device elsewhere');
  }

  async logIn(url: string): Promise<{ readonly redirect: Redirect | undefined } & Greeted> {
    const greeted = await greet(url);
    const { user } = this.account;
    const proof = this.proof(greeted);
    const { redirect } = await greeted.link.call('deviceLogin', {
      user,
      proof,
      replacement: undefined,
    });
    return { ...greeted, redirect };
  }

  /** A session of this device, at whichever node. */
  async session(url: string): Promise<RawLink> {
    const { link } = await new Logins(url).byDevice(this.account);
    return link;
  }

  /** An envelope from this device; garbage inside, as no node can tell. */
  envelope(to: UserId, incarnation: Incarnation, change: Partial<Envelope> = {}): Envelope {
    return {
      to,
      incarnation,
      from: this.account.user,
      device: this.account.device,
      counter: 1,
      tag: this.#suite.random(16),
      boxEpoch: 1,
      quiet: false,
      body: this.#suite.random(300),
      ...change,
    };
  }

  random(count: number): Uint8Array {
    return this.#suite.random(count);
  }
}

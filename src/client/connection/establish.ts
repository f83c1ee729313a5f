/** From nothing to an attached session: dial any gate, log in, follow the balancer's tickets. */
import type { LinkNetwork } from '../../net/client-link.ts';
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import type { Attachment, Redirect } from '../../protocol/account.ts';
import type { Placement } from '../../protocol/client-calls.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import { LOGIN_REDIRECTS_MAX } from '../../protocol/limits.ts';
import type { GatePlace } from '../connect-url.ts';
import { isSameBytes } from '../same-bytes.ts';
import { GateLink } from './gate-link.ts';
import type { GateTrials } from './gate-trials.ts';

/** What a client says to become a session. Every step may be repeated on another link. */
export interface Authentication {
  /** On a link that has said hello. @throws E_AUTH, E_STORE_CLONED, ... */
  authenticate(link: GateLink): Promise<Placement>;
  /** At the gate a ticket names. @throws E_TICKET_..., E_STORE_CLONED */
  redeem(link: GateLink, ticket: Uint8Array): Promise<Placement>;
  /** Whether the same login, tried at once, says something else that may succeed. True at most once in a row. */
  mayRetry(error: FastChatError): boolean;
  /** Makes a session that was just attached fit for use: what the server must not be used without. */
  finish(session: Session): Promise<void>;
}

/** Gates that are known and the key they must show. */
export interface Gates {
  places(): readonly GatePlace[];
  /** The pinned key of the cluster; undefined before the first contact. */
  fingerprint(): Uint8Array | undefined;
  /** Durable when resolved. */
  pin(fingerprint: Uint8Array): Promise<void>;
  /** Whether a gate there may ask for the weak stretching of passwords that development clusters use. */
  mayBeWeak(place: GatePlace): boolean;
}

export interface DialPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: LinkNetwork;
  readonly gates: Gates;
  readonly trials: GateTrials;
}

/** An attached session and the link it lives on. */
export interface Session {
  readonly link: GateLink;
  readonly attachment: Attachment;
}

/** One gate, with the cluster's key checked; the first key ever seen is pinned before anything is said. */
export async function dialGate(ports: DialPorts, place: GatePlace): Promise<GateLink> {
  const pinned = ports.gates.fingerprint();
  const link = await GateLink.dial(ports, place, pinned);
  const shown = link.fingerprint;
  const expected = pinned ?? shown;
  if (!isSameBytes(expected, shown) || !isSameBytes(expected, link.hello.fingerprint)) {
    link.destroy('another key');
    throw new FastChatError('E_KEY_CHANGED', `${place.host}:${place.port} shows another key`);
  }
  if (link.hello.stretching === 'weak' && !ports.gates.mayBeWeak(place)) {
    link.destroy('weak password stretching');
    throw new FastChatError(
      'E_VERSION',
      `${place.host}:${place.port} is a development cluster: passwords are not safe there`,
    );
  }
  if (pinned === undefined) await ports.gates.pin(shown);
  return link;
}

/** Any gate; those that failed lately come last. @throws the most telling of the errors */
export async function dialAny(ports: DialPorts): Promise<GateLink> {
  let worst: FastChatError | undefined;
  for (const place of ports.trials.order(ports.gates.places())) {
    try {
      return await dialGate(ports, place);
    } catch (cause) {
      const error = asFastChatError(cause);
      ports.trials.failed(place);
      // A wrong key says more than a gate that is down.
      if (worst === undefined || error.retry === 'never') worst = error;
    }
  }
  throw worst ?? new FastChatError('E_UNREACHABLE', 'no gate is known');
}

/** A link and what a login on it came to. */
interface Step {
  readonly link: GateLink;
  readonly placement: Placement;
}

async function say(
  { trials }: DialPorts,
  link: GateLink,
  login: Promise<Placement>,
): Promise<Step> {
  try {
    return { link, placement: await login };
  } catch (cause) {
    if (asFastChatError(cause).retry !== 'never') trials.failed(link.place);
    link.close('login failed');
    throw cause;
  }
}

async function follow(
  ports: DialPorts,
  redirect: Redirect,
  authentication: Authentication,
): Promise<Step> {
  const link = await dialGate(ports, redirect.gate);
  return await say(ports, link, authentication.redeem(link, redirect.ticket));
}

async function logIn(ports: DialPorts, authentication: Authentication): Promise<Step> {
  const link = await dialAny(ports);
  return await say(ports, link, authentication.authenticate(link));
}

/** Logs in and follows tickets to the node that keeps the session. `ticket` is one got before, to try first. */
export async function establish(
  ports: DialPorts,
  authentication: Authentication,
  ticket?: Redirect,
): Promise<Session> {
  try {
    return await settle(ports, authentication, ticket);
  } catch (cause) {
    if (!authentication.mayRetry(asFastChatError(cause))) throw cause;
    return await settle(ports, authentication, undefined);
  }
}

async function settle(
  ports: DialPorts,
  authentication: Authentication,
  ticket: Redirect | undefined,
): Promise<Session> {
  let step =
    ticket === undefined
      ? await logIn(ports, authentication)
      : await follow(ports, ticket, authentication);
  for (let hops = 0; hops < LOGIN_REDIRECTS_MAX; hops++) {
    const { link, placement } = step;
    if (placement.attachment !== undefined) return { link, attachment: placement.attachment };
    link.close('redirected');
    if (placement.redirect === undefined)
      throw new FastChatError('E_BAD_FRAME', 'a login ended without a place');
    step = await follow(ports, placement.redirect, authentication);
  }
  step.link.close('redirected too often');
  throw new FastChatError('E_UNREACHABLE', 'redirected too often');
}

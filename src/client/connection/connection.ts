/**
 * The client's one session: opened, kept alive, found again after every loss until `close`.
 *
 * N1  At most one session is in use; what an older link still says is ignored.
 * N2  A loss is followed by attempts without end, further and further apart, unless a refusal can never change.
 * N3  A call either goes to a live session or waits for one until its own deadline.
 * N4  A node that drains is left only once the session at the next node is there, as long as it lets us stay.
 */
import { every } from '../../ops/clock.ts';
import type { Timer } from '../../ops/clock.ts';
import type { Redirect } from '../../protocol/account.ts';
import type { ClientCallName, ClientReply, Push } from '../../protocol/client-calls.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import {
  KEEPALIVE_INTERVAL_MS,
  RECONNECT_DELAY_MAX_MS,
  REQUEST_TIMEOUT_MS,
} from '../../protocol/limits.ts';
import { retryDelayMs } from './backoff.ts';
import { establish } from './establish.ts';
import type { Authentication, DialPorts, Session } from './establish.ts';
import type { Fields } from './gate-link.ts';
import { OnlineWaiters } from './online-waiters.ts';

export interface ConnectionListener {
  /** The session is there for everybody; pushes follow. */
  readonly onOnline: (session: Session) => void;
  /** The session is lost; the next attempt starts in `retryInMs`. */
  readonly onLost: (retryInMs: number) => void;
  /** No further attempt will be made. */
  readonly onEnded: (error: FastChatError) => void;
  readonly onPush: (push: Push) => void;
  /** The newest entry of the inbox, told by a keep-alive. */
  readonly onHead: (head: number, memberships: number) => void;
  /** The link takes more to write again. */
  readonly onWritable: () => void;
}

type ConnectionState =
  | { readonly at: 'idle' }
  | { readonly at: 'connecting'; readonly attempt: number }
  | { readonly at: 'online'; readonly session: Session; readonly keepAlive: Timer }
  | { readonly at: 'waiting'; readonly attempt: number; readonly timer: Timer }
  | { readonly at: 'ended'; readonly error: FastChatError };

/** Refusals that another attempt of the same device can never change. */
const FINAL = new Set(['E_AUTH', 'E_NOT_LOGGED_IN', 'E_KEY_CHANGED', 'E_VERSION']);

export class Connection {
  readonly #ports: DialPorts;
  readonly #device: Authentication;
  readonly #listener: ConnectionListener;
  readonly #waiters: OnlineWaiters;
  #state: ConnectionState = { at: 'idle' };
  /** Grows whenever what is under way becomes void. */
  #run = 0;
  /** The run that looks for the next session while this one is still in use. */
  #move = -1;

  constructor(ports: DialPorts, device: Authentication, listener: ConnectionListener) {
    this.#ports = ports;
    this.#device = device;
    this.#listener = listener;
    this.#waiters = new OnlineWaiters(ports.clock);
  }

  get session(): Session | undefined {
    return this.#state.at === 'online' ? this.#state.session : undefined;
  }

  /** Whether a session is there or being sought. */
  get isStarted(): boolean {
    return this.#state.at !== 'idle' && this.#state.at !== 'ended';
  }

  /** Opens a session by a first login of its own kind (a password); on failure nothing stays behind. */
  async open(authentication: Authentication): Promise<Session> {
    this.stop('a new login');
    const run = this.#start(0);
    try {
      return await this.#attach(run, authentication, undefined);
    } catch (cause) {
      if (run === this.#run) this.#state = { at: 'idle' };
      throw cause;
    }
  }

  /** Opens a session with the device's key. When no gate answers it rejects, but attempts go on until `stop`. */
  async start(): Promise<Session> {
    if (this.#state.at === 'online' || this.#state.at === 'connecting')
      return await this.online(REQUEST_TIMEOUT_MS);
    this.stop('a new login');
    return await this.#attempt(0);
  }

  /** Calls a node, waiting for a session first. With `repeat`, asks again when the session is lost before the answer. */
  async call<K extends ClientCallName>(
    name: K,
    fields: Fields<K>,
    options: { readonly timeoutMs?: number; readonly repeat?: boolean } = {},
  ): Promise<ClientReply<K>> {
    const deadlineMs = this.#ports.clock.mono() + (options.timeoutMs ?? REQUEST_TIMEOUT_MS);
    for (;;) {
      const session = await this.online(deadlineMs - this.#ports.clock.mono());
      const leftMs = deadlineMs - this.#ports.clock.mono();
      try {
        return await session.link.call(name, fields, leftMs);
      } catch (cause) {
        const isLost = asFastChatError(cause).code === 'E_UNREACHABLE' && !session.link.isOpen;
        if (!isLost || options.repeat !== true) throw cause;
      }
    }
  }

  /** The session, or the next one within `timeoutMs`. @throws E_NOT_LOGGED_IN, E_UNREACHABLE */
  online(timeoutMs: number): Promise<Session> {
    if (this.#state.at === 'online') return Promise.resolve(this.#state.session);
    if (this.#state.at === 'ended') return Promise.reject(this.#state.error);
    if (this.#state.at === 'idle')
      return Promise.reject(new FastChatError('E_NOT_LOGGED_IN', 'log in first'));
    return this.#waiters.wait(timeoutMs);
  }

  /** Gives the session up and logs in anew at once. */
  restart(reason: string): void {
    if (this.#state.at !== 'online') return;
    this.#state.keepAlive.cancel();
    this.#state.session.link.close(reason);
    this.#wait(0, 0);
  }

  /** Ends the session, if any, and all attempts. */
  stop(reason: string): void {
    this.#run += 1;
    const state = this.#state;
    this.#state = { at: 'idle' };
    if (state.at === 'waiting') state.timer.cancel();
    if (state.at === 'online') {
      state.keepAlive.cancel();
      state.session.link.close(reason);
    }
    this.#waiters.fail(new FastChatError('E_NOT_LOGGED_IN', `the session ended: ${reason}`));
  }

  #start(attempt: number): number {
    this.#run += 1;
    this.#state = { at: 'connecting', attempt };
    return this.#run;
  }

  async #attempt(attempt: number): Promise<Session> {
    const run = this.#start(attempt);
    try {
      return await this.#attach(run, this.#device, undefined);
    } catch (cause) {
      if (run === this.#run) this.#failed(attempt, asFastChatError(cause));
      throw cause;
    }
  }

  async #attach(
    run: number,
    authentication: Authentication,
    ticket: Redirect | undefined,
  ): Promise<Session> {
    const session = await establish(this.#ports, authentication, ticket);
    try {
      if (run === this.#run) await authentication.finish(session);
    } catch (cause) {
      session.link.close('the login could not be finished');
      throw cause;
    }
    if (run === this.#run) this.#leave('a new session is there');
    // What was asked on the old link has failed by then, and is asked again on the new one.
    await new Promise<void>((resolve) => this.#ports.clock.soon(resolve));
    if (run !== this.#run || !session.link.isOpen) {
      session.link.close('no longer wanted');
      throw new FastChatError('E_UNREACHABLE', 'the connection ended during the login');
    }
    this.#use(session);
    return session;
  }

  #use(session: Session): void {
    const keepAlive = every(this.#ports.clock, KEEPALIVE_INTERVAL_MS, () => this.#ping(session));
    this.#state = { at: 'online', session, keepAlive };
    this.#move = -1;
    this.#listener.onOnline(session);
    session.link.listen({
      onPush: (push) => this.#pushed(session, push),
      onWritable: () => this.#listener.onWritable(),
      onClose: (reason) => this.#closed(session, reason),
    });
    this.#waiters.succeed(session);
  }

  /** Says that we live and learns the head: a push that got lost is noticed here at the latest. */
  #ping({ link }: Session): void {
    link.call('ping', {}).then(
      ({ head, memberships }) => this.#listener.onHead(head, memberships),
      (cause: unknown) => {
        if (asFastChatError(cause).code === 'E_TIMEOUT') link.destroy('no answer to a keep-alive');
      },
    );
  }

  #closed(session: Session, reason: string): void {
    if (this.#state.at !== 'online' || this.#state.session !== session) return;
    this.#ports.trials.failed(session.link.place);
    if (this.#isMoving) return this.#leave(reason);
    this.#state.keepAlive.cancel();
    this.#failed(0, new FastChatError('E_UNREACHABLE', `the connection ended: ${reason}`));
  }

  #failed(attempt: number, error: FastChatError): void {
    if (FINAL.has(error.code)) return this.#end(error);
    const delayMs = Math.max(
      retryDelayMs(attempt, this.#ports.random),
      Math.min(error.retryAfterMs ?? 0, RECONNECT_DELAY_MAX_MS),
    );
    this.#wait(attempt + 1, delayMs);
  }

  #wait(attempt: number, delayMs: number): void {
    this.#run += 1;
    const timer = this.#ports.clock.after(delayMs, () => {
      // Whoever waits for a session is told by `onOnline`; a failure has been dealt with in `#failed`.
      this.#attempt(attempt).catch(() => undefined);
    });
    this.#state = { at: 'waiting', attempt, timer };
    this.#listener.onLost(delayMs);
  }

  #end(error: FastChatError): void {
    this.#run += 1;
    this.#state = { at: 'ended', error };
    this.#waiters.fail(error);
    this.#listener.onEnded(error);
  }

  #pushed(session: Session, push: Push): void {
    if (this.session !== session) return;
    if (push.type === 'goAway') return this.#goAway(push);
    this.#listener.onPush(push);
  }

  #goAway(push: Extract<Push, { type: 'goAway' }>): void {
    if (this.#state.at !== 'online') return;
    if (push.redirect !== undefined) return void this.#moveTo(push.redirect);
    // By ourselves: the next session has been attached, and is about to be used.
    if (push.reason === 'replaced' && this.#isMoving) return;
    const { session, keepAlive } = this.#state;
    keepAlive.cancel();
    this.#ports.trials.failed(session.link.place);
    session.link.close(`told to go: ${push.reason}`);
    if (push.reason === 'revoked')
      return this.#end(new FastChatError('E_AUTH', 'this device was revoked'));
    const afterMs = Math.min(push.afterMs, RECONNECT_DELAY_MAX_MS);
    this.#wait(0, afterMs + retryDelayMs(0, this.#ports.random));
  }

  get #isMoving(): boolean {
    return this.#move === this.#run;
  }

  /** Looks for a session where the ticket says, while this one goes on. Never rejects. */
  async #moveTo(ticket: Redirect): Promise<void> {
    if (this.#isMoving) return;
    this.#run += 1;
    const run = this.#run;
    this.#move = run;
    try {
      await this.#attach(run, this.#device, ticket);
    } catch (cause) {
      if (run !== this.#run) return;
      this.#drop('the next node did not let us in');
      this.#failed(0, asFastChatError(cause));
    }
  }

  /** Ends the session, if there is one, while another is being looked for. */
  #leave(reason: string): void {
    if (this.#drop(reason)) this.#listener.onLost(0);
  }

  #drop(reason: string): boolean {
    if (this.#state.at !== 'online') return false;
    const { session, keepAlive } = this.#state;
    keepAlive.cancel();
    this.#state = { at: 'connecting', attempt: 0 };
    session.link.close(reason);
    return true;
  }
}

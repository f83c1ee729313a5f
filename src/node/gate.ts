/**
 * The client-facing side of a node: every accepted link becomes a session actor; pushes find their session here; a
 * draining node sends its sessions elsewhere from here.
 */
import type { SpawnedActor, ActorHost } from '../actors/runtime/actor-host.ts';
import type { Courier, Placer, Whereabouts } from '../actors/ports.ts';
import type { SessionPorts } from '../actors/session/effects.ts';
import { sessionBehaviour } from '../actors/session/behaviour.ts';
import type { GroupSessions } from '../actors/session/group-port.ts';
import { Credentials } from '../actors/session/credentials.ts';
import type { SessionMsg, TicketHolder } from '../actors/session/messages.ts';
import type { RegistrationMode } from '../actors/session/phases.ts';
import { sessionRates } from '../actors/session/rates.ts';
import type { SessionRates } from '../actors/session/rates.ts';
import { readBatch } from '../actors/session/wire.ts';
import type { PasswordServer, Stretching } from '../crypto/password-auth.ts';
import type { KeyPair, VerifyingSuite } from '../crypto/suite.ts';
import { TicketMemory } from '../crypto/ticket-memory.ts';
import type {
  ClientLink,
  ClientLinkEvents,
  LinkListener,
  LinkNetwork,
} from '../net/client-link.ts';
import { Bursts } from '../ops/bursts.ts';
import type { Clock } from '../ops/clock.ts';
import { CoarseTimers } from '../ops/coarse-timers.ts';
import type { Log } from '../ops/log.ts';
import type { Histogram } from '../ops/metric-types.ts';
import type { Random } from '../ops/random.ts';
import type { GateAddress } from '../protocol/account.ts';
import type { Push } from '../protocol/client-calls.ts';
import { FastChatError, asFastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import {
  ATTACH_BURST_MS,
  GO_AWAY_SPREAD_MS,
  SESSION_NUMBERS_BEGIN_MAX,
} from '../protocol/limits.ts';
import type { Limits } from '../protocol/limits.ts';
import { GateCounter } from './gate-counts.ts';
import type { GateCounts } from './gate-counts.ts';
import { Farewell } from './gate-farewell.ts';
import { SourceBudgets } from './gate-sources.ts';

export interface ClientGateOptions {
  readonly network: LinkNetwork;
  readonly host: string;
  readonly port: number;
  readonly actors: ActorHost;
  readonly courier: Courier;
  readonly placer: Placer;
  readonly groups: GroupSessions;
  readonly here: Whereabouts;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly suite: VerifyingSuite;
  readonly passwords: PasswordServer;
  readonly clusterKeys: KeyPair;
  /** Of the cluster's TLS key. */
  readonly fingerprint: Uint8Array;
  readonly registration: RegistrationMode;
  readonly stretching: Stretching;
  readonly limits: Limits;
  /** Gates that a client may try when this one is gone. */
  readonly gates: () => readonly GateAddress[];
  /** A device came or went. */
  readonly onSessions: () => void;
}

/** A link and its session. */
interface Entry {
  readonly link: ClientLink;
  readonly actor: SpawnedActor<SessionMsg>;
  holder: TicketHolder | undefined;
}

const CLOSED = new FastChatError('E_UNREACHABLE', 'the gate is closed');

export class ClientGate {
  readonly #options: ClientGateOptions;
  readonly #ports: SessionPorts;
  readonly #rates: SessionRates;
  readonly #sources: SourceBudgets;
  readonly #counter: GateCounter;
  readonly #entries = new Map<number, Entry>();
  #listener: LinkListener | undefined;
  /** Begins anywhere: a push for a session of an earlier life of this node must not meet one of this life. */
  #lastSession: number;
  #attached = 0;
  #farewell: Farewell<Entry> | undefined;
  #onEmpty: (() => void) | undefined;
  #isOpen = true;

  private constructor(options: ClientGateOptions) {
    this.#options = options;
    this.#lastSession = Math.floor(options.random.fraction() * SESSION_NUMBERS_BEGIN_MAX);
    this.#sources = new SourceBudgets(options.limits, options.clock);
    this.#counter = new GateCounter(options.log);
    this.#rates = sessionRates(options.limits);
    this.#ports = this.#makePorts();
  }

  /** Listens for clients. @throws E_CONFIG when the address cannot be listened on */
  static async open(options: ClientGateOptions): Promise<ClientGate> {
    const gate = new ClientGate(options);
    const { network, host, port } = options;
    const onLink = (link: ClientLink): ClientLinkEvents => gate.accept(link);
    gate.#listener = await network.listen({ host, port, onLink });
    return gate;
  }

  get host(): string {
    return this.#listener?.host ?? this.#options.host;
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port;
  }

  /** Devices that are attached here. */
  sessions(): number {
    return this.#attached;
  }

  /** Links, attached or not. */
  links(): number {
    return this.#entries.size;
  }

  counts(): GateCounts {
    return this.#counter.counts;
  }

  storeTimes(): Histogram {
    return this.#counter.storeTimes;
  }

  /** Hands a push to a session of this node; one that is gone is ignored. */
  deliverPush(session: number, push: Push): void {
    this.#entries.get(session)?.actor.tell({ type: 'push', push });
  }

  /** Users whose shard has a new owner: their sessions announce themselves to it at once. */
  announce(isMoved: (user: UserId) => boolean): void {
    for (const { actor, holder } of this.#entries.values())
      if (holder !== undefined && isMoved(holder.user)) actor.tell({ type: 'moved' });
  }

  /**
   * Not open: takes no links, and those that are there are told to go, so many per second; whoever is asked to stay after
   * all stays. Not after `drain`.
   */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#farewell?.end();
    this.#farewell = undefined;
    if (!isOpen)
      this.#sendAllAway(this.#options.limits.drainSessionsPerSecond, (entry) =>
        this.#turnOut(entry),
      );
  }

  /** Makes a session of a link, from whatever listener; the events belong to that link. */
  accept(link: ClientLink): ClientLinkEvents {
    if (!this.#isOpen) return refuseLink(link);
    this.#lastSession += 1;
    const session = this.#lastSession;
    const actor = this.#spawn(session, link);
    this.#entries.set(session, { link, actor, holder: undefined });
    return {
      onFrame: (frame) => receive(actor, frame),
      onWritable: () => void actor.tell({ type: 'writable' }),
      onClose: () => this.#closed(session),
    };
  }

  /**
   * Sends every session elsewhere, so many per second, with a ticket for the node that the balancer chooses if there is
   * one; takes no new links. Resolves when all links are closed.
   */
  async drain(perSecond: number = this.#options.limits.drainSessionsPerSecond): Promise<void> {
    this.#listener?.stopAccepting();
    if (this.#entries.size === 0) return;
    this.#sendAllAway(perSecond, (entry) => this.#sendAway(entry));
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Ends every session and stops listening. */
  async closeAll(): Promise<void> {
    this.#listener?.stopAccepting();
    this.#farewell?.end();
    await Promise.all([...this.#entries.values()].map(({ actor }) => actor.stop(CLOSED)));
    await this.#listener?.close();
  }

  #spawn(session: number, link: ClientLink): SpawnedActor<SessionMsg> {
    const { actors, clock, here, registration } = this.#options;
    const setup = {
      session: { node: here.node, session },
      registration,
      rates: this.#rates,
      openedAtMs: clock.mono(),
    };
    const onOverrun = (): void => this.#overrun(session, link);
    const behaviour = sessionBehaviour({ ports: this.#ports, link, setup }, onOverrun);
    return actors.spawn(`session/${session}`, behaviour);
  }

  #makePorts(): SessionPorts {
    const { clock, courier, placer, groups, passwords, suite, clusterKeys } = this.#options;
    const { fingerprint, here, registration, stretching } = this.#options;
    const tickets = new TicketMemory();
    return {
      clock,
      timers: new CoarseTimers(clock),
      attachments: new Bursts(clock, ATTACH_BURST_MS),
      courier,
      placer,
      groups,
      passwords,
      credentials: new Credentials({ suite, clock, here, clusterKeys, fingerprint, tickets }),
      admit: (source, attempt) => this.#sources.admit(source, attempt),
      greeting: { node: here.node, bootId: here.bootId, fingerprint, registration, stretching },
      onOpened: (session, holder) => this.#opened(session, holder),
      count: (what, source) => this.#counter.add(what, source),
      onStored: (ms) => this.#counter.stored(ms),
    };
  }

  #opened(session: number, holder: TicketHolder): void {
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    entry.holder = holder;
    this.#attached += 1;
    this.#options.onSessions();
    entry.link.trust();
    const { gates, log } = this.#options;
    log.event('debug', 'session_opened', { session, user: holder.user, device: holder.device });
    entry.actor.tell({ type: 'push', push: { type: 'gates', gates: gates() } });
  }

  #closed(session: number): void {
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    this.#entries.delete(session);
    this.#farewell?.gone(entry);
    if (entry.holder !== undefined) {
      this.#attached -= 1;
      this.#options.groups.leave(session);
      this.#options.onSessions();
      this.#options.log.event('debug', 'session_closed', { session, user: entry.holder.user });
    }
    entry.actor.tell({ type: 'linkClosed' });
    if (this.#entries.size === 0) this.#onEmpty?.();
  }

  /** Also reached by the frames of a session that has ended: its link is closing anyway. */
  #overrun(session: number, link: ClientLink): void {
    link.destroy('the session takes no more frames');
    void this.#options.actors.stop(`session/${session}`, CLOSED);
  }

  #sendAllAway(perSecond: number, sendAway: (entry: Entry) => void): void {
    const { clock } = this.#options;
    this.#farewell = new Farewell([...this.#entries.values()], { clock, perSecond, sendAway });
  }

  /** Nobody here can sign a place elsewhere that could be trusted to be better: the client finds one by itself. */
  #turnOut({ actor }: Entry): void {
    actor.tell({ type: 'leave', gate: undefined, afterMs: 0 });
  }

  #sendAway({ actor }: Entry): void {
    const { placer, random } = this.#options;
    const afterMs = Math.floor(random.fraction() * GO_AWAY_SPREAD_MS);
    placer.place((gate) => void actor.tell({ type: 'leave', gate, afterMs }));
  }
}

/** Before its hello, so that the client tries the next gate at once. */
function refuseLink(link: ClientLink): ClientLinkEvents {
  link.destroy('this node serves nobody now');
  return { onFrame: () => undefined, onWritable: () => undefined, onClose: () => undefined };
}

function receive(actor: SpawnedActor<SessionMsg>, frame: Uint8Array): void {
  try {
    actor.tell({ type: 'batch', items: readBatch(frame) });
  } catch (cause) {
    actor.tell({ type: 'badFrame', text: asFastChatError(cause).message });
  }
}

/** One chat: lines in, messages out, on whatever screen. */
import type { Client, ClientEvent, Message } from '../../client/api.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import type { Address, MessageId } from '../../protocol/ids.ts';
import { CHAT_BACKLOG_MESSAGES, CHAT_PASTE_LINES_MAX } from '../../protocol/limits.ts';
import type { Clock } from '../../ops/clock.ts';
import { EXIT, exitCodeOf, isUnanswered } from '../exit-codes.ts';
import { messageRow } from '../message-format.ts';
import { knownAddresses, matchTarget } from '../target.ts';
import { AckNotes } from './ack-notes.ts';
import { ACTIONS, roundTripMs } from './actions.ts';
import { completeLine } from './complete.ts';
import type { Completion } from './complete.ts';
import { firstWord, parseChatLine } from './parse-line.ts';
import type { ChatLine } from './parse-line.ts';
import { MessageRenderer, offlineNotice, onlineNotice, promptFor, warningLines } from './render.ts';
import type { Screen, ScreenInput } from './screen.ts';

type MessageEvent = Extract<ClientEvent, { type: 'message' }>;

export class ChatSession implements ScreenInput {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #screen: Screen;
  readonly #renderer: MessageRenderer;
  readonly #acks: AckNotes;
  readonly #known = new Set<Address>();
  /** Work that the end of the chat waits for. */
  readonly #running = new Set<Promise<void>>();
  readonly #online = new Set<Address>();
  #open: Address | undefined;
  #node: string | undefined;
  /** Pasted lines that wait for a yes. */
  #pasted: readonly string[] = [];
  #failure: unknown;

  constructor(client: Client, clock: Clock, screen: Screen) {
    this.#client = client;
    this.#clock = clock;
    this.#screen = screen;
    this.#renderer = new MessageRenderer(client.account);
    this.#acks = new AckNotes(clock, (line) => {
      if (screen.isInteractive) screen.print([line]);
    });
  }

  get isInteractive(): boolean {
    return this.#screen.isInteractive;
  }

  /** The exit code of the first thing that failed in a pipe; a person has seen it and gone on. */
  get exitCode(): number {
    const isFailed = this.#failure !== undefined && !this.#screen.isInteractive;
    return isFailed ? exitCodeOf(this.#failure) : EXIT.ok;
  }

  /** Opens the first conversation; the names of contacts come when the server answers. */
  async begin(target: string | undefined): Promise<void> {
    const isBare = target !== undefined && !/^[@#]/.test(target);
    const learnt = this.#learnNames();
    // Only a bare name cannot be understood without them.
    if (isBare) await learnt;
    if (target === undefined) this.#screen.setPrompt(promptFor(undefined));
    else await this.#openConversation(this.#resolve(target));
  }

  /** The first connection failed. It is tried again unless that is of no use; then a pipe has nothing to wait for. */
  notConnected(cause: unknown): void {
    const { message, code } = asFastChatError(cause);
    this.#screen.notice(`${message} (${code})`);
    if (this.#screen.isInteractive || isUnanswered(cause)) return;
    this.#failure ??= cause;
    this.#screen.end('done');
  }

  complete(line: string): Completion {
    return completeLine(line, [...this.#known]);
  }

  lines(lines: readonly string[]): void {
    if (this.#pasted.length > 0) this.#answerPaste(lines[0] ?? '');
    else if (lines.length > CHAT_PASTE_LINES_MAX) {
      this.#pasted = lines;
      this.#screen.notice(
        `${lines.length} lines pasted: y sends them as one message, n drops them`,
      );
    } else for (const line of lines) this.#track(this.#take(parseChatLine(line)));
  }

  /** Resolves when everything that was typed has been done. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running);
    this.#acks.flush();
  }

  onEvent(event: ClientEvent): void {
    switch (event.type) {
      case 'message':
        return this.#received(event);
      case 'receipt':
        return this.#acks.reached(event.id, event.state);
      case 'sent':
        return this.#acks.reached(event.id, event.state);
      case 'warning':
        return this.#warned(event);
      case 'state':
        return this.#moved(event);
      case 'presence':
        return this.#appeared(event);
      case 'typing':
        // A line of its own for every pause of a typist would be noise here.
        return undefined;
    }
  }

  async #learnNames(): Promise<void> {
    const names = await knownAddresses(this.#client).catch(() => []);
    for (const address of names) this.#known.add(address);
  }

  #answerPaste(line: string): void {
    const text = this.#pasted.join('\n');
    this.#pasted = [];
    if (/^y(es)?$/i.test(line.trim())) this.#track(this.#take({ kind: 'text', text }));
    else this.#screen.notice('the pasted lines are dropped');
  }

  /** Shows what fails; nothing that is typed can end the chat. */
  #track(work: Promise<void>): void {
    const tracked = work
      .catch((cause: unknown) => {
        this.#failure ??= cause;
        const { message, code } = asFastChatError(cause);
        this.#screen.notice(`${message} (${code})`);
      })
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #take(line: ChatLine): Promise<void> {
    switch (line.kind) {
      case 'empty':
        return undefined;
      case 'error':
        throw new FastChatError('E_USAGE', line.message);
      case 'text':
        if (this.#open === undefined)
          throw new FastChatError(
            'E_USAGE',
            'nobody would get this: /msg @bob opens a conversation',
          );
        return this.#send(this.#open, line.text);
      case 'direct':
        return this.#message(line.target, line.text);
      case 'command':
        return this.#command(line);
    }
  }

  async #command({ name, rest }: Extract<ChatLine, { kind: 'command' }>): Promise<void> {
    if (name === 'quit') return this.#screen.end('done');
    if (name === 'msg') {
      const [target, text] = firstWord(rest);
      if (target === '') throw new FastChatError('E_USAGE', 'say to whom: /msg @bob');
      return this.#message(target, text);
    }
    const scope = {
      client: this.#client,
      clock: this.#clock,
      renderer: this.#renderer,
      open: this.#open,
      node: this.#node,
      resolve: (text: string) => this.#resolve(text),
    };
    const lines = await ACTIONS[name](scope, rest);
    if (lines.length > 0) this.#screen.print(lines);
  }

  #message(target: string, text: string): Promise<void> {
    const address = this.#resolve(target);
    return text === '' ? this.#openConversation(address) : this.#send(address, text);
  }

  #resolve(text: string): Address {
    return matchTarget(text, [...this.#known]);
  }

  async #openConversation(address: Address): Promise<void> {
    this.#open = address;
    this.#known.add(address);
    this.#screen.setPrompt(promptFor(address));
    if (!this.#screen.isInteractive) return;
    const messages = await this.#client.history(address, { limit: CHAT_BACKLOG_MESSAGES });
    if (messages.length > 0)
      this.#screen.print(messages.flatMap((message) => this.#renderer.lines(message, this.#open)));
    const newest = messages.at(-1);
    if (newest !== undefined) this.#markRead(newest.conversation, newest.id);
  }

  async #send(to: Address, text: string): Promise<void> {
    this.#known.add(to);
    try {
      const sent = await this.#client.send(to, text, { wait: 'stored' });
      this.#acks.reached(sent.id, sent.state);
    } catch (cause) {
      if (!isUnanswered(cause) || !this.#screen.isInteractive) throw cause;
      this.#screen.notice(`… no node took the message to ${to} yet: it is kept in the outbox`);
    }
  }

  #received(event: MessageEvent): void {
    this.#known.add(event.conversation);
    if (!this.#screen.isInteractive) {
      const message: Message = { ...event, state: 'delivered' };
      return this.#screen.row(message, messageRow(message));
    }
    this.#screen.print(this.#renderer.lines(event, this.#open));
    if (event.conversation === this.#open) this.#markRead(event.conversation, event.id);
  }

  /** A person has it on the screen. That this is told to the sender can wait for the next message. */
  #markRead(conversation: Address, id: MessageId): void {
    this.#client.markRead(conversation, id).catch(() => undefined);
  }

  #warned(event: Extract<ClientEvent, { type: 'warning' }>): void {
    if (this.#screen.isInteractive) this.#screen.print(warningLines(event));
    else this.#screen.notice(`${event.message} (${event.code})`);
  }

  /** Only changes of the other side are news; that somebody still is away is none. */
  #appeared({ user, online }: Extract<ClientEvent, { type: 'presence' }>): void {
    const wasOnline = this.#online.has(user);
    if (online) this.#online.add(user);
    else this.#online.delete(user);
    if (online !== wasOnline && user === this.#open)
      this.#screen.notice(`${user} is ${online ? 'online' : 'offline'}`);
  }

  #moved(event: Extract<ClientEvent, { type: 'state' }>): void {
    const isNews = event.connected !== (this.#node !== undefined) || !event.connected;
    this.#node = event.connected ? (event.node ?? 'a node') : undefined;
    if (!isNews) return;
    if (!event.connected) this.#screen.notice(offlineNotice(event.retryInMs));
    else if (this.#screen.isInteractive) void this.#greet(event.node);
  }

  async #greet(node: string | undefined): Promise<void> {
    const tookMs = await roundTripMs(this.#client, this.#clock).catch(() => undefined);
    this.#screen.notice(onlineNotice(node, tookMs));
  }
}

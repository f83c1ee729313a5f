/** One chat: lines in, messages out, on whatever screen. */
import type { Client, ClientEvent, Message } from '../../client/api.ts';
import type { GroupEvent } from '../../client/group-api.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address } from '../../protocol/ids.ts';
import { CHAT_PASTE_LINES_MAX } from '../../protocol/limits.ts';
import type { Clock } from '../../ops/clock.ts';
import { refusal } from '../account.ts';
import { EXIT, exitCodeOf, isUnanswered } from '../exit-codes.ts';
import { ACTIONS, roundTripMs, unreadLines } from './actions.ts';
import { completeLine } from './complete.ts';
import type { Completion } from './complete.ts';
import { ConnectionNotes } from './connection-notes.ts';
import { Conversation } from './conversation.ts';
import { groupToJoin } from './group-actions.ts';
import { GroupNotes, isGone } from './group-notes.ts';
import { Names } from './names.ts';
import { arrived } from './opening.ts';
import { firstWord, parseChatLine } from './parse-line.ts';
import type { ChatLine } from './parse-line.ts';
import { PasteQuestion } from './paste-question.ts';
import { MessageRenderer, onlineNotice, promptFor, quoted } from './render.ts';
import type { Screen, ScreenInput } from './screen.ts';
import { sendShown } from './sending.ts';
import { SentNotes } from './sent-notes.ts';

const HINTS =
  '/help lists the commands, /msg @name opens a conversation, /group create #name makes a group, /quit leaves';

export class ChatSession implements ScreenInput {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #screen: Screen;
  readonly #renderer: MessageRenderer;
  readonly #notes: SentNotes;
  readonly #connection: ConnectionNotes;
  readonly #names: Names;
  readonly #groups: GroupNotes;
  readonly #conversation: Conversation;
  readonly #paste = new PasteQuestion();
  /** Work that the end of the chat waits for. */
  readonly #running = new Set<Promise<void>>();
  readonly #online = new Set<Address>();
  #isRefused = false;
  #failure: unknown;

  constructor(client: Client, clock: Clock, screen: Screen) {
    this.#client = client;
    this.#clock = clock;
    this.#screen = screen;
    this.#names = new Names(client, clock);
    this.#groups = new GroupNotes(client);
    this.#renderer = new MessageRenderer(client.account, screen);
    this.#notes = new SentNotes(clock, {
      line: (line) => screen.print([screen.style.dim(line)]),
      notice: (text) => screen.notice(text),
      error: (text) => screen.alert(text, 'E_UNDELIVERED'),
      othersIn: (address) => this.#groups.othersIn(address),
    });
    this.#conversation = new Conversation({
      client,
      screen,
      renderer: this.#renderer,
      names: this.#names,
      groups: this.#groups,
      switched: () => this.#prompt(),
    });
    this.#connection = new ConnectionNotes({
      clock,
      notice: (text) => screen.notice(text),
      greet: (node) => void this.#greet(node),
    });
  }

  get isInteractive(): boolean {
    return this.#screen.isInteractive;
  }

  /** The exit code of the first thing that failed in a pipe; a person has seen it and gone on. */
  get exitCode(): number {
    const isFailed = this.#failure !== undefined && !this.isInteractive;
    return isFailed ? exitCodeOf(this.#failure) : EXIT.ok;
  }

  /**
   * Opens the first conversation. A person gets the prompt at once, whatever the server does; for a pipe it resolves
   * when it is known who gets the lines. @throws E_NO_SUCH_USER, E_BAD_NAME in a pipe
   */
  async begin(target: string | undefined): Promise<void> {
    this.#screen.setPrompt(promptFor(undefined));
    await this.#names.recall();
    await this.#groups.recall();
    const learnt = this.#names.learn();
    const isKnown = target !== undefined && this.#names.knows(target);
    if (this.isInteractive) this.#screen.notice(HINTS);
    else if (target !== undefined && !isKnown) await learnt;
    if (target === undefined) {
      if (this.isInteractive) this.#screen.print(await unreadLines(this.#client));
    } else if (!this.isInteractive) await this.#openNamed(target);
    else if (isKnown) await this.#attempt(this.#openNamed(target));
    else this.#track(learnt.then(() => this.#openNamed(target)));
  }

  /** The first connection failed. It is tried again unless that is of no use; then a pipe has nothing to wait for. */
  notConnected(cause: unknown): void {
    const { message, code } = asFastChatError(cause);
    if (this.isInteractive && isUnanswered(cause)) return this.#screen.notice(message);
    this.#warned(message, code);
    if (this.isInteractive || isUnanswered(cause)) return;
    this.#failure ??= cause;
    this.#screen.end('done');
  }

  complete(line: string): Completion {
    return completeLine(line, this.#names.all);
  }

  lines(lines: readonly string[]): void {
    if (this.#paste.isOpen) return this.#answerPaste(lines);
    if (lines.length > CHAT_PASTE_LINES_MAX && this.isInteractive) return this.#askPaste(lines);
    for (const line of lines) this.#track(this.#take(parseChatLine(line)));
  }

  /** Resolves when everything that was typed has been done. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running);
    this.#notes.flush();
  }

  /** Tells of the connection no more: the person has left. */
  stop(): void {
    this.#connection.stop();
  }

  onEvent(event: ClientEvent): void {
    switch (event.type) {
      case 'message':
        return this.#conversation.received(arrived(event));
      case 'receipt':
        return this.#notes.receipt(event.id, event.by, event.state);
      case 'sent':
        return this.#notes.reached(event.id, event.state);
      case 'warning':
        return this.#warned(event.message, event.code);
      case 'state':
        return this.#connection.changed(event);
      case 'presence':
        return this.#appeared(event);
      case 'group':
        return this.#grouped(event);
      case 'typing':
        // A line of its own for every pause of a typist would be noise here.
        return undefined;
    }
  }

  #askPaste(lines: readonly string[]): void {
    if (this.#conversation.address === undefined) {
      const text = 'nobody would get this: /msg @bob opens a conversation, then paste again';
      return this.#screen.alert(text, 'E_USAGE');
    }
    this.#paste.ask(lines);
    this.#screen.setPrompt(this.#paste.prompt);
  }

  #answerPaste(lines: readonly string[]): void {
    const answer = this.#paste.answer(lines);
    if (answer.kind === 'again') return this.#screen.setPrompt(this.#paste.prompt);
    this.#prompt();
    if (answer.kind === 'drop') this.#screen.notice('the pasted lines are dropped');
    else this.#track(this.#take({ kind: 'text', text: answer.text }));
  }

  /** Shows what fails; nothing that is typed can end the chat. */
  async #attempt(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (cause) {
      this.#failure ??= cause;
      const { message, code } = asFastChatError(cause);
      this.#screen.alert(message, code);
    }
  }

  #track(work: Promise<void>): void {
    const tracked = this.#attempt(work).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #take(line: ChatLine): Promise<void> {
    switch (line.kind) {
      case 'empty':
        return undefined;
      case 'error':
        throw new FastChatError('E_USAGE', line.message);
      case 'text':
        if (this.#conversation.address !== undefined)
          return this.#send(this.#conversation.address, line.text);
        throw new FastChatError(
          'E_USAGE',
          `nobody would get ${quoted(line.text)}: /msg @bob opens a conversation, /join #team a group`,
        );
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
    if (name === 'join') return this.#openNamed(groupToJoin(rest));
    const scope = {
      client: this.#client,
      clock: this.#clock,
      renderer: this.#renderer,
      groups: this.#groups,
      open: this.#conversation.address,
      node: this.#connection.node,
      enter: (address: Address) => this.#conversation.open(address),
      resolve: (text: string) => this.#names.resolve(text),
    };
    this.#screen.print(await ACTIONS[name](scope, rest));
  }

  async #message(target: string, text: string): Promise<void> {
    if (text === '') return this.#openNamed(target);
    return this.#send(await this.#names.resolve(target), text);
  }

  /** Opens at once; that there is nobody of that name may turn out a moment later. */
  async #openNamed(target: string): Promise<void> {
    const before = this.#conversation.address;
    const address = await this.#names.resolve(target);
    await this.#conversation.open(address);
    if (this.isInteractive) this.#track(this.#conversation.check(address, before));
  }

  async #send(to: Address, text: string): Promise<void> {
    if (!this.isInteractive) return void (await this.#client.send(to, text, { wait: 'stored' }));
    // So that it can be told how many of them got it.
    if (isGroup(to) && this.#groups.othersIn(to) === undefined)
      this.#groups.look(to).catch(() => undefined);
    const show = (message: Message): void => this.#conversation.show(message);
    const screen = this.#screen;
    await sendShown({ client: this.#client, notes: this.#notes, show, screen }, to, text);
  }

  /** Tells who did what, and goes where that leaves this account. */
  #grouped(event: GroupEvent): void {
    const { group, change, user } = event;
    const line = this.#groups.happened(event);
    if (line !== undefined) this.#screen.notice(line);
    this.#names.add(group);
    if (change === 'added') this.#names.add(user);
    if (isGone(event, this.#client.account)) this.#conversation.close(group);
  }

  /** A question that is open stands in the prompt until it is answered. */
  #prompt(): void {
    if (!this.#paste.isOpen) this.#screen.setPrompt(promptFor(this.#conversation.address));
  }

  /** The client and whoever waits for it may tell of the same refusal: it is shown once. */
  #warned(message: string, code: string): void {
    if (code !== 'E_AUTH') return this.#screen.alert(message, code);
    if (this.#isRefused) return;
    this.#isRefused = true;
    const refused = new FastChatError('E_AUTH', message);
    this.#screen.alert(refusal(refused, this.#client.account).message, code);
  }

  /** Only changes of the other side are news; that somebody still is away is none. */
  #appeared({ user, online }: Extract<ClientEvent, { type: 'presence' }>): void {
    const wasOnline = this.#online.has(user);
    if (online) this.#online.add(user);
    else this.#online.delete(user);
    if (online !== wasOnline && user === this.#conversation.address)
      this.#screen.notice(`${user} is ${online ? 'online' : 'offline'}`);
  }

  async #greet(node: string | undefined): Promise<void> {
    if (!this.isInteractive) return;
    const tookMs = await roundTripMs(this.#client, this.#clock).catch(() => undefined);
    this.#screen.notice(onlineNotice(node, tookMs));
  }
}

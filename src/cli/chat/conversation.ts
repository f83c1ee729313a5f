/** The conversation in the prompt: what is opened, shown, read and left. */
import type { Client, Message } from '../../client/api.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address, GroupId, MessageId } from '../../protocol/ids.ts';
import { isUnanswered } from '../exit-codes.ts';
import { messageRow } from '../message-format.ts';
import { membersLine } from './group-notes.ts';
import type { GroupNotes } from './group-notes.ts';
import type { Names } from './names.ts';
import { newestOf, openingLines, ShownMessages } from './opening.ts';
import type { MessageRenderer } from './render.ts';
import type { Screen } from './screen.ts';

export interface ConversationPorts {
  readonly client: Client;
  readonly screen: Screen;
  readonly renderer: MessageRenderer;
  readonly names: Names;
  readonly groups: GroupNotes;
  /** Another one is open: the prompt has to say so. */
  readonly switched: () => void;
}

export class Conversation {
  readonly #ports: ConversationPorts;
  readonly #shown = new ShownMessages();
  #address: Address | undefined;

  constructor(ports: ConversationPorts) {
    this.#ports = ports;
  }

  /** undefined: a line would go to nobody. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** Opens it and shows what is new there. */
  async open(address: Address): Promise<void> {
    const { client, screen, renderer } = this.#ports;
    this.#switch(address);
    if (!screen.isInteractive) return;
    if (isGroup(address)) await this.#introduce(address);
    const messages = await newestOf(client, address);
    const { account: self } = client;
    screen.print(openingLines(messages, address, { self, shown: this.#shown, renderer }));
    const newest = messages.findLast(({ from }) => from !== self);
    if (newest !== undefined) this.#markRead(newest.conversation, newest.id);
  }

  /** Goes back to `before` when nobody of the name that was opened turns out to be there. @throws E_NO_SUCH_USER, E_NO_SUCH_GROUP */
  async check(address: Address, before: Address | undefined): Promise<void> {
    const { names } = this.#ports;
    try {
      await names.check(address);
      names.add(address);
    } catch (cause) {
      if (isUnanswered(cause)) return;
      if (this.#address === address) this.#switch(before);
      throw cause;
    }
  }

  /** Nobody gets what is typed next, if `address` is what is open. */
  close(address: Address): void {
    if (this.#address === address) this.#switch(undefined);
  }

  show(message: Message): void {
    const { screen, renderer } = this.#ports;
    this.#shown.add(message);
    screen.print(renderer.lines(message, this.#address));
  }

  received(message: Message): void {
    const { screen, names } = this.#ports;
    names.add(message.conversation);
    if (!screen.isInteractive) return screen.row(message, messageRow(message));
    this.show(message);
    if (message.conversation === this.#address) this.#markRead(message.conversation, message.id);
  }

  #switch(address: Address | undefined): void {
    this.#address = address;
    this.#ports.switched();
  }

  /** What the group is called at once; who is in it when a node has answered. */
  async #introduce(group: GroupId): Promise<void> {
    const { groups, names, screen } = this.#ports;
    const line = await groups.opened(group);
    if (line !== undefined) screen.notice(line);
    groups.look(group).then(
      (view) => {
        for (const { user } of view.members) names.add(user);
        screen.notice(`${group} has ${membersLine(view)}: /members lists them`);
      },
      // That one is no member is told by the check; without a node there is nothing to tell.
      () => undefined,
    );
  }

  /** A person has it on the screen. That this is told to the sender can wait for the next message. */
  #markRead(conversation: Address, id: MessageId): void {
    this.#ports.client.markRead(conversation, id).catch(() => undefined);
  }
}

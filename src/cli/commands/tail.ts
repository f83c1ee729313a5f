/** `fastchat tail`: prints once, in order of arrival, what no `tail` of this home printed before. */
import type { Client } from '../../client/api.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import { COMMAND_TIMEOUT_DEFAULT_MS, TAIL_BATCH_MESSAGES } from '../../protocol/limits.ts';
import { unlessAborted, withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { groupEventLine } from '../group-event-line.ts';
import { printMessage } from '../message-output.ts';
import { ConnectionNotes } from '../chat/connection-notes.ts';
import { onlineNotice } from '../chat/render.ts';
import { resolveTarget } from '../target.ts';
import { counted } from '../text-layout.ts';

class Printer {
  readonly #context: CommandContext;
  readonly #client: Client;
  /** undefined: all of them. */
  readonly conversation: Address | undefined;
  #running: Promise<void> | undefined;
  #isAgain = false;

  constructor(context: CommandContext, client: Client, conversation: Address | undefined) {
    this.#context = context;
    this.#client = client;
    this.conversation = conversation;
  }

  /** Prints everything unprinted; a call while one runs makes that one look again. */
  print(): Promise<void> {
    this.#isAgain = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isAgain) {
      this.#isAgain = false;
      await this.#printAll(this.#client.account);
    }
  }

  async #printAll(account: UserId): Promise<void> {
    for (;;) {
      const batch = await this.#client.unprinted(this.conversation, TAIL_BATCH_MESSAGES);
      if (batch.messages.length === 0) return;
      for (const message of batch.messages) await printMessage(this.#context, account, message);
      // After the reader has it: a crash in between prints twice, never not at all.
      await batch.mark();
    }
  }
}

/** Prints at every message until the command is ended; what happens to groups is a note. */
async function follow(context: CommandContext, client: Client, printer: Printer): Promise<never> {
  const { conversation } = printer;
  let fail: (cause: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  const connection = new ConnectionNotes({
    clock: context.io.clock,
    notice: (text) => context.out.note(text),
    greet: (node) => context.out.note(onlineNotice(node, undefined)),
  });
  const listener = client.on((event) => {
    if (event.type === 'message') printer.print().catch(fail);
    if (event.type === 'state') connection.changed(event);
    if (event.type === 'group' && (conversation === undefined || conversation === event.group))
      context.out.note(groupEventLine(event, client.account));
  });
  try {
    // What arrived before the listener was there.
    printer.print().catch(fail);
    return await unlessAborted(context.signal, failed);
  } finally {
    listener.off();
    connection.stop();
  }
}

/** The outbox goes out too; what the server does not take now stays for the next time. */
async function flush(context: CommandContext, client: Client): Promise<void> {
  if (client.queued() === 0) return;
  await client.flushed(COMMAND_TIMEOUT_DEFAULT_MS).catch((cause: unknown) => {
    if (asFastChatError(cause).code !== 'E_TIMEOUT') throw cause;
    const left = client.queued();
    const are = left === 1 ? 'is' : 'are';
    context.out.note(`${counted(left, 'message')} ${are} still in the outbox`);
  });
}

export async function tail(context: CommandContext): Promise<number> {
  const [target] = context.args.words;
  return withSession(context, async ({ client }) => {
    const conversation = target === undefined ? undefined : await resolveTarget(client, target);
    const printer = new Printer(context, client, conversation);
    await Promise.all([flush(context, client), client.caughtUp()]);
    await printer.print();
    if (context.args.flag('follow')) await follow(context, client, printer);
    return EXIT.ok;
  });
}

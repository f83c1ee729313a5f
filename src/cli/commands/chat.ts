/** `fastchat chat`: for people in a terminal, line by line; in a pipe every line is sent. */
import type { Client } from '../../client/api.ts';
import { COMMAND_GRACE_MS } from '../../protocol/limits.ts';
import { remember, withDevice } from '../account.ts';
import type { OpenAccount } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { ChatSession } from '../chat/chat-session.ts';
import { firstRun } from '../chat/first-run.ts';
import { PROCESS_HOOKS } from '../chat/process-hooks.ts';
import { PipeScreen } from '../chat/pipe-screen.ts';
import type { ChatEnd, Screen } from '../chat/screen.ts';
import { TerminalScreen } from '../chat/terminal-screen.ts';
import { within } from '../../ops/lifecycle.ts';
import { EXIT } from '../exit-codes.ts';
import { hasUsedAccount, listAccounts } from '../home.ts';
import { isInteractive } from '../prompt.ts';
import { counted } from '../text-layout.ts';

function screenFor(context: CommandContext, open: OpenAccount): Screen {
  const { io, out } = context;
  const isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true;
  if (isTerminal && !out.options.json)
    return new TerminalScreen(io, PROCESS_HOOKS, out.options.color);
  return new PipeScreen(io, out, open.account);
}

/** Connects behind the screen: a chat can be read and written to without a connection. */
function connect(context: CommandContext, open: OpenAccount, session: ChatSession): void {
  open.client.connect().then(
    () => remember(context, open),
    (cause: unknown) => session.notConnected(cause),
  );
}

/** What waited for the account is printed before a pipe ends, as far as it comes in time. */
async function settle(
  context: CommandContext,
  client: Client,
  session: ChatSession,
): Promise<void> {
  await session.idle();
  if (session.isInteractive) return;
  const { clock } = context.io;
  await within(clock, COMMAND_GRACE_MS, 'catching up', client.caughtUp()).catch(() => undefined);
}

/** What is left goes out as far as the grace allows. */
async function flush(client: Client, screen: Screen): Promise<void> {
  if (client.queued() === 0) return;
  await client.flushed(COMMAND_GRACE_MS).catch(() => undefined);
  const left = client.queued();
  const stay = left === 1 ? 'stays' : 'stay';
  if (left > 0) screen.notice(`${counted(left, 'message')} ${stay} in the outbox`);
}

async function converse(context: CommandContext, open: OpenAccount): Promise<number> {
  const screen = screenFor(context, open);
  const session = new ChatSession(open.client, context.io.clock, screen);
  const listener = open.client.on((event) => session.onEvent(event));
  const signals = context.io.onSignal(() => screen.end('interrupted'));
  try {
    connect(context, open, session);
    await session.begin(context.args.words[0]);
    // A store that failed keeps nothing that is typed from now on.
    void open.failed.catch(() => screen.end('done'));
    const how: ChatEnd = await screen.run(session);
    session.stop();
    if (how === 'interrupted') {
      await flush(open.client, screen);
      return EXIT.interrupted;
    }
    await settle(context, open.client, session);
    await flush(open.client, screen);
    return session.exitCode;
  } finally {
    signals.off();
    listener.off();
  }
}

/** Whether this home has an account; the folder of a registration that failed is none. */
async function hasAccount({ home, ports }: CommandContext): Promise<boolean> {
  if (await hasUsedAccount(home)) return true;
  for (const account of await listAccounts(home)) {
    const client = await ports.openClient({ home, account, server: undefined });
    const isRegistered = client.registered;
    await client.close();
    if (isRegistered) return true;
  }
  return false;
}

export async function chat(context: CommandContext): Promise<number> {
  const isFirst = context.args.text('user') === undefined && isInteractive(context.io);
  if (isFirst && !(await hasAccount(context))) await firstRun(context);
  return withDevice(context, (open) => converse(context, open));
}

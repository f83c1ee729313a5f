/**
 * `fastchat send`: one text to one or several targets. Each message first gets its id and a place in the outbox; then
 * the command waits for what `--wait` asks. Sending an id again is harmless, so waiting is sending it once more.
 */
import type { Client, SentMessage, WaitFor } from '../../client/api.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import { parseMessageId } from '../../protocol/ids.ts';
import type { Address, MessageId, UserId } from '../../protocol/ids.ts';
import {
  COMMAND_TIMEOUT_DEFAULT_MS,
  SENT_NOTED_TIMEOUT_MS,
  STDIN_TEXT_BYTES_MAX,
} from '../../protocol/limits.ts';
import { within } from '../../ops/lifecycle.ts';
import { refusal, remember, withDevice } from '../account.ts';
import type { OpenAccount } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, exitCodeOf, isUnanswered } from '../exit-codes.ts';
import { sendRefusal } from '../group-words.ts';
import { readAll } from '../input.ts';
import { resolveTarget } from '../target.ts';

const WAITS = ['none', 'stored', 'delivered', 'read'] as const;

interface Order {
  readonly targets: readonly string[];
  readonly text: string;
  readonly id: string | undefined;
  readonly wait: WaitFor;
  /** When to give up, on the monotonic clock. */
  readonly deadlineMs: number;
}

async function readText(context: CommandContext, isStdinForced: boolean): Promise<string> {
  const given = context.args.text('message');
  if (given !== undefined && isStdinForced)
    throw new FastChatError('E_USAGE', 'the text comes from -m or from stdin, not from both');
  if (given !== undefined) return given;
  if (context.io.stdin.isTTY === true && !isStdinForced)
    throw new FastChatError('E_USAGE', "no text: use -m 'text', or pipe it in");
  return readAll(context.io.stdin, STDIN_TEXT_BYTES_MAX);
}

async function readOrder(context: CommandContext): Promise<Order> {
  const { args, io } = context;
  const isStdinForced = args.words.at(-1) === '-';
  const targets = isStdinForced ? args.words.slice(0, -1) : args.words;
  if (targets.length === 0) throw new FastChatError('E_USAGE', 'name a target: @user or #group');
  const wait = args.choice('wait', WAITS) ?? 'stored';
  const timeoutMs = args.durationMs('timeout') ?? COMMAND_TIMEOUT_DEFAULT_MS;
  const id = args.text('id');
  const text = await readText(context, isStdinForced);
  if (text === '') throw new FastChatError('E_USAGE', 'the text is empty');
  return {
    targets,
    text,
    id: id === undefined ? undefined : parseMessageId(id),
    wait,
    deadlineMs: io.clock.mono() + timeoutMs,
  };
}

/** Every target, in the order given; a mistake in one of them is found before anything is sent. */
async function resolveAll(client: Client, targets: readonly string[]): Promise<readonly Address[]> {
  const addresses: Address[] = [];
  for (const target of targets) addresses.push(await resolveTarget(client, target));
  return [...new Set(addresses)];
}

class Delivery {
  readonly #context: CommandContext;
  readonly #client: Client;
  readonly #order: Order;
  /** What a node has taken, and what of it the own store has noted. */
  readonly #taken = new Set<MessageId>();
  readonly #noted = new Set<MessageId>();

  constructor(context: CommandContext, client: Client, order: Order) {
    this.#context = context;
    this.#client = client;
    this.#order = order;
    client.on((event) => {
      if (event.type === 'sent') this.#noted.add(event.id);
    });
  }

  /** The own store has noted what the node has taken: only then is it told to the account's other devices. */
  async noted(): Promise<void> {
    const { clock } = this.#context.io;
    const left = [...this.#taken].filter((id) => !this.#noted.has(id));
    if (left.length === 0) return;
    const done = new Promise<void>((resolve) => {
      this.#client.on(() => {
        if (left.every((id) => this.#noted.has(id))) resolve();
      });
    });
    await within(clock, SENT_NOTED_TIMEOUT_MS, 'noting what was sent', done).catch(() => undefined);
  }

  /** The exit code for one target; prints what became of the message. */
  async to(target: Address): Promise<number> {
    const { text, id, wait } = this.#order;
    const queued = await this.#client.send(target, text, {
      wait: 'none',
      ...(id !== undefined && { id }),
    });
    if (wait === 'none') return this.#report(queued, EXIT.ok);
    try {
      const settled = await this.#settled(target, queued);
      if (queued.state === 'queued') this.#taken.add(settled.id);
      return await this.#report(settled, EXIT.ok);
    } catch (cause) {
      if (!isUnanswered(cause)) throw cause;
      // Once more without waiting: that tells how far it got in the meantime.
      const sent = await this.#client.send(target, text, { id: queued.id, wait: 'none' });
      const kept = sent.state === 'queued' ? ': it is kept in the outbox' : '';
      this.#context.out.note(`${sent.id} to ${target} is ${sent.state}, not ${wait} yet${kept}`);
      return this.#report(sent, EXIT.timedOut);
    }
  }

  /** Waits out what the server asks to wait, as long as the deadline allows. */
  async #settled(target: Address, { id }: SentMessage): Promise<SentMessage> {
    const { text, wait } = this.#order;
    for (;;) {
      const timeoutMs = this.#remainingMs();
      try {
        return await this.#client.send(target, text, { id, wait, timeoutMs });
      } catch (cause) {
        const { retryAfterMs } = asFastChatError(cause);
        if (retryAfterMs === undefined || retryAfterMs >= this.#remainingMs()) throw cause;
        await this.#pause(retryAfterMs);
      }
    }
  }

  #remainingMs(): number {
    return Math.max(1, this.#order.deadlineMs - this.#context.io.clock.mono());
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#context.io.clock.after(ms, resolve));
  }

  async #report(sent: SentMessage, code: number): Promise<number> {
    const { id, conversation, seq, timestamp, state } = sent;
    await this.#context.out.result({
      json: { type: 'sent', id, conversation, seq, timestamp, state },
      plain: [[id, conversation, state]],
    });
    return code;
  }
}

/** Why it was not sent; a message of a refused device is not lost. */
function explained(cause: unknown, account: UserId, target: Address): FastChatError {
  const error = refusal(sendRefusal(cause, target), account);
  if (error.code !== 'E_AUTH') return error;
  return new FastChatError('E_AUTH', `the message is kept in the outbox: ${error.message}`, {
    cause,
  });
}

/** Connects in the background: the outbox goes out as soon as it works. Only what no retry mends is an error here. */
function connectBehind(context: CommandContext, open: OpenAccount): Promise<never> {
  return new Promise((_, reject) => {
    open.client.connect().then(
      () => remember(context, open),
      (cause: unknown) => {
        if (!isUnanswered(cause)) reject(asFastChatError(cause));
      },
    );
  });
}

async function sendAll(context: CommandContext, open: OpenAccount, order: Order): Promise<number> {
  const refused = connectBehind(context, open);
  refused.catch(() => undefined);
  const targets = await resolveAll(open.client, order.targets);
  const delivery = new Delivery(context, open.client, order);
  const codes = await Promise.all(
    targets.map(async (target) => {
      try {
        return await Promise.race([delivery.to(target), refused]);
      } catch (cause) {
        context.out.fail(explained(cause, open.account, target));
        return exitCodeOf(cause);
      }
    }),
  );
  await delivery.noted();
  // A definite failure says more than a wait that ended.
  return codes.find((code) => code !== EXIT.ok && code !== EXIT.timedOut) ?? Math.max(...codes);
}

export async function send(context: CommandContext): Promise<number> {
  const order = await readOrder(context);
  return withDevice(context, (open) => sendAll(context, open, order));
}

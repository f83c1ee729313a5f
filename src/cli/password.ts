/** Where passwords come from: a file, stdin or a blind prompt. Never a flag: other users can read those. */
import { FastChatError } from '../protocol/errors.ts';
import { PASSWORD_BYTES_MAX, PASSWORD_LENGTH_ADVISED } from '../protocol/limits.ts';
import type { CommandContext, OptionSpec } from './command.ts';
import { readAll, readSecretFile } from './input.ts';
import { askHidden, isInteractive } from './prompt.ts';

export const PASSWORD_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  'password-file': { shape: 'FILE', doc: 'Read the password from FILE' },
  'password-stdin': { isFlag: true, doc: 'Read the password from stdin' },
};

function checked(password: string): string {
  if (password === '') throw new FastChatError('E_USAGE', 'the password is empty');
  return password;
}

function unavailable(): FastChatError {
  return new FastChatError(
    'E_NOT_LOGGED_IN',
    'a password is needed and there is no terminal to ask at: use --password-file FILE, --password-stdin or FASTCHAT_PASSWORD_FILE',
  );
}

/** The password that was handed over, if one was. */
async function given(context: CommandContext): Promise<string | undefined> {
  const { args, io } = context;
  if (args.flag('password-stdin')) return readAll(io.stdin, 2 * PASSWORD_BYTES_MAX);
  const file = args.text('password-file') ?? io.env['FASTCHAT_PASSWORD_FILE'];
  return file === undefined ? undefined : readSecretFile(file);
}

/** Asked for only when something at `server` answers. @throws E_NOT_LOGGED_IN (nothing given, no terminal), E_USAGE, E_UNREACHABLE */
export async function readPassword(context: CommandContext, server: string): Promise<string> {
  const password = await given(context);
  if (password !== undefined) return checked(password);
  if (!isInteractive(context.io)) throw unavailable();
  await context.ports.probeServer(server);
  return checked(await askHidden(context.io, 'Password: '));
}

/** Whether it deserves a word of warning. */
export function isWeak(password: string): boolean {
  return Array.from(password).length < PASSWORD_LENGTH_ADVISED;
}

export const WEAK_PASSWORD = `a password of fewer than ${PASSWORD_LENGTH_ADVISED} characters is easily guessed: a longer one is better`;

async function askTwice(context: CommandContext, question: string): Promise<string> {
  const password = checked(await askHidden(context.io, `${question}: `));
  if (isWeak(password)) context.out.note(WEAK_PASSWORD);
  if ((await askHidden(context.io, 'Once more: ')) === password) return password;
  throw new FastChatError('E_USAGE', 'the two passwords differ');
}

/** Like `readPassword`, asked twice at a terminal: a mistyped new password locks the owner out. */
export async function readNewPassword(context: CommandContext, server: string): Promise<string> {
  const password = await given(context);
  if (password !== undefined) return checked(password);
  if (!isInteractive(context.io)) throw unavailable();
  await context.ports.probeServer(server);
  return askTwice(context, 'New password');
}

/**
 * The present and the next password: from `--password-file` and `--new-password-file`, or the two lines of
 * `--password-stdin`, or asked.
 */
export async function readPasswordChange(
  context: CommandContext,
): Promise<{ readonly old: string; readonly next: string }> {
  const first = await given(context);
  if (context.args.flag('password-stdin')) {
    const [old = '', next = ''] = (first ?? '').split(/\r?\n/);
    return { old: checked(old), next: checked(next) };
  }
  const file = context.args.text('new-password-file');
  const isAsked = first === undefined || file === undefined;
  if (isAsked && !isInteractive(context.io)) throw unavailable();
  const old = checked(first ?? (await askHidden(context.io, 'Present password: ')));
  if (file !== undefined) return { old, next: checked(await readSecretFile(file)) };
  return { old, next: await askTwice(context, 'New password') };
}

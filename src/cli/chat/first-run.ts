/** The first chat of a home without an account: server, name, password, keys; the recovery code is shown once. */
import { FastChatError } from '../../protocol/errors.ts';
import { parseUserId } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import type { ProcessIo } from '../../ops/process-io.ts';
import type { CommandContext } from '../command.ts';
import { COMMAND_GRACE_MS } from '../../protocol/limits.ts';
import { rememberServer } from '../home.ts';
import { askHidden, askLine } from '../prompt.ts';

/** Asks until `read` takes the answer. */
async function askUntil<T>(io: ProcessIo, question: string, read: (text: string) => T): Promise<T> {
  for (;;) {
    const text = await askLine(io, question);
    try {
      return read(text);
    } catch (cause) {
      if (!(cause instanceof FastChatError)) throw cause;
      io.stderr.write(`${safeLine(cause.message)}\n`);
    }
  }
}

async function askNewPassword(io: ProcessIo): Promise<string> {
  for (;;) {
    const password = await askHidden(io, 'A password: ');
    if (password !== '' && (await askHidden(io, 'Once more: ')) === password) return password;
    io.stderr.write('the two differ, or it is empty: again\n');
  }
}

function serverUrl(text: string): string {
  if (text.startsWith('fastchat://')) return text;
  throw new FastChatError(
    'E_USAGE',
    'it begins with fastchat://; whoever runs the server knows it',
  );
}

/** Makes an account in dialogue; resolves with its name. @throws Interrupted, E_NAME_TAKEN, E_REGISTRATION, … */
export async function firstRun(context: CommandContext): Promise<UserId> {
  const { io, home, ports } = context;
  io.stderr.write('Welcome to FastChat. This makes an account and its keys, on this machine.\n');
  const given = context.args.text('server') ?? io.env['FASTCHAT_SERVER'];
  const server = given ?? (await askUntil(io, 'Server (fastchat://…): ', serverUrl));
  const account = await askUntil(io, 'Your name: ', parseUserId);
  const password = await askNewPassword(io);
  const client = await ports.openClient({ home, account, server });
  try {
    const { fingerprint, recoveryCode } = await client.register(password);
    await rememberServer(home, account, server);
    io.stderr.write(`You are ${account}. Others check that it is you by your fingerprint:\n`);
    io.stderr.write(`  ${safeLine(fingerprint)}\n`);
    io.stderr.write('Write this recovery code down; it is shown this once:\n');
    io.stderr.write(`  ${safeLine(recoveryCode)}\n`);
  } finally {
    await client.close(COMMAND_GRACE_MS);
  }
  await askLine(io, 'Enter goes on. ');
  return account;
}

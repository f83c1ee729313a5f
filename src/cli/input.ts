/** Text from pipes and files, bounded and checked. */
import { readFile } from 'node:fs/promises';
import { FastChatError } from '../protocol/errors.ts';
import { PASSWORD_BYTES_MAX } from '../protocol/limits.ts';
import type { InputStream } from '../ops/process-io.ts';

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FastChatError('E_USAGE', `${what} is not UTF-8`, { cause });
  }
}

/** The line feed that ends the last line of a file belongs to the file, not to the text. */
function withoutFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** Everything up to the end of `stream`. @throws E_TOO_LARGE, E_USAGE (not UTF-8) */
export async function readAll(stream: InputStream, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > bytesMax)
      throw new FastChatError('E_TOO_LARGE', `stdin has more than ${bytesMax} bytes`);
    chunks.push(bytes);
  }
  return withoutFinalNewline(decode(Buffer.concat(chunks), 'stdin'));
}

/** The content of a small file that holds one secret. @throws E_USAGE */
export async function readSecretFile(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FastChatError('E_USAGE', `cannot read ${path}`, { cause });
  });
  if (bytes.length > PASSWORD_BYTES_MAX)
    throw new FastChatError('E_USAGE', `${path} is too long for a password`);
  return withoutFinalNewline(decode(bytes, path));
}

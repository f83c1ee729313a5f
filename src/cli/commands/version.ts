/** `fastchat version`. */
import { programVersion } from '../../ops/version.ts';
import { PROTOCOL_VERSION } from '../../protocol/limits.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';

export async function version(context: CommandContext): Promise<number> {
  const program = programVersion();
  await context.out.result({
    json: { version: program, protocol: PROTOCOL_VERSION },
    plain: [[`fastchat ${program} (protocol ${PROTOCOL_VERSION})`]],
  });
  return EXIT.ok;
}

/** `fastchat demo`: the tour, in a module of its own. */
import type { CommandContext } from '../command.ts';

export async function demo(context: CommandContext): Promise<number> {
  const { runDemo } = await import('../demo/run-demo.ts');
  return runDemo(context);
}

/** Requests to `fastchat rpc` and its answers, in process. */
import type { CliWorld } from './cli-world.ts';

export type Json = Record<string, any>;

export interface Talk {
  readonly code: number;
  readonly all: readonly Json[];
  /** The answer to the request with this id; empty when there is none. */
  readonly by: (id: unknown) => Json;
}

/** One line of input; without an id it is a notification. */
export function request(id: unknown, method: string, params: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, params });
}

/** Runs `fastchat rpc` with these lines on stdin, to its end. */
export async function talkRpc(world: CliWorld, lines: readonly string[]): Promise<Talk> {
  const { code, lines: out } = await world.run(['rpc', '--server', 'fastchat://h:1'], {
    stdin: `${lines.join('\n')}\n`,
  });
  const all = out.map((line) => JSON.parse(line) as Json);
  const by = (id: unknown): Json => all.find((one) => one['id'] === id) ?? {};
  return { code, all, by };
}

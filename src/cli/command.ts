/** What a command is: how it is called, what it needs, and the module that does it, loaded when it is asked for. */
import type { Client } from '../client/api.ts';
import type { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import type { ProcessIo } from '../ops/process-io.ts';
import type { Arguments } from './arguments.ts';
import type { Output } from './output.ts';

/** An option of a command; its value is text unless it is a flag. */
export interface OptionSpec {
  readonly doc: string;
  readonly alias?: string | readonly string[];
  /** Present or absent, without a value. */
  readonly isFlag?: boolean;
  /** What stands for the value in the help: `NAME`. */
  readonly shape?: string;
  /** The word that follows is the value even when it begins with a dash. */
  readonly isVerbatim?: boolean;
}

export interface CommandSpec {
  /** One or more words: `contact add`. */
  readonly name: string;
  /** Words after it: `<user>`, `[target]`, `<target..>`. */
  readonly words?: string;
  readonly summary: string;
  /** Shown first in the help. */
  readonly examples: readonly [string, ...string[]];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** It looks after Ctrl+C and SIGTERM itself. */
  readonly ownsSignals?: boolean;
  readonly load: () => Promise<Run>;
}

/** Does the command; resolves with its exit code, or rejects with what `exitCodeOf` knows. */
export type Run = (context: CommandContext) => Promise<number>;

export interface OpenOptions {
  readonly home: string;
  readonly account: UserId;
  /** A connect URL; undefined: none is known. */
  readonly server: string | undefined;
  /** Told once when the disk fails: the client is of no use from then on. */
  readonly onFailure?: (error: FastChatError) => void;
}
export type OpenClient = (options: OpenOptions) => Promise<Client>;

/** What commands reach outside of themselves, so that tests can hand in something else. */
export interface CliPorts {
  readonly openClient: OpenClient;
  /** Resolves when something at one of the places of a connect URL takes connections. @throws E_UNREACHABLE, E_USAGE */
  readonly probeServer: (url: string) => Promise<void>;
  readonly fetch: typeof globalThis.fetch;
}

export interface CommandContext {
  readonly io: ProcessIo;
  readonly out: Output;
  readonly args: Arguments;
  /** The client home `H`. */
  readonly home: string;
  /** Aborted when the person or the system asks the command to end; the reason says which. */
  readonly signal: AbortSignal;
  readonly ports: CliPorts;
}

/** The event log: one JSON object a line, each with a name from `log-events.ts`. */
import { pino } from 'pino';
import type { ErrorCode } from '../protocol/errors.ts';
import { asFastChatError } from '../protocol/errors.ts';
import type { Clock } from './clock.ts';
import type { EventName } from './log-events.ts';
import type { Redacted } from './redacted.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What an event may carry: ids, counts, states. Never what people wrote. */
export type LogField = string | number | boolean | undefined | Redacted<unknown>;
export type LogFields = Readonly<Record<string, LogField>>;

export interface Log {
  event(level: LogLevel, name: EventName, fields?: LogFields): void;
  /** The same log with fields that every event carries. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Takes whole lines, each with its line feed. */
  readonly sink: { write(line: string): void };
  readonly fields?: LogFields;
}

/** A log that writes `{"ts":"…","level":"info","event":"node_ready",…}` lines to `sink`, as they happen. */
export function createLog(options: LogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      base: { ...options.fields },
      timestamp: () => `,"ts":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.sink,
  );
  return wrap(logger);
}

function wrap(logger: pino.Logger): Log {
  return {
    event: (level, name, fields) => logger[level]({ event: name, ...fields }),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** Drops everything: for parts that are used without a node. */
export const silentLog: Log = { event: () => undefined, child: () => silentLog };

/** The fields of a failure: its code for programs, its text for people. */
export function errorFields(cause: unknown): { readonly code: ErrorCode; readonly error: string } {
  const error = asFastChatError(cause);
  return { code: error.code, error: error.message };
}

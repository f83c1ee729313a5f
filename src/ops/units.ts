/** Durations, sizes and addresses as people write them: `30d`, `256MiB`, `127.0.0.1:7400`. */
import { FastChatError } from '../protocol/errors.ts';

const DURATION_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const SIZE_UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['B', 1],
] as const;

type Units = ReadonlyArray<readonly [name: string, factor: number]>;

function parseAmount(text: string, units: Units, example: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i.exec(text.trim());
  const unit = units.find(([name]) => name.toLowerCase() === match?.[2]?.toLowerCase());
  const amount = Math.round(Number(match?.[1]) * (unit?.[1] ?? Number.NaN));
  if (!Number.isSafeInteger(amount))
    throw new FastChatError(
      'E_USAGE',
      `write a number and one of ${units.map(([name]) => name).join(', ')}, such as ${example}`,
    );
  return amount;
}

function formatAmount(amount: number, units: Units): string {
  const [name, factor] = units.find(([, factor]) => amount % factor === 0) ?? ['', 1];
  return `${amount / factor}${name}`;
}

/** Reads `500ms`, `10s`, `5m`, `2h` or `30d`, in milliseconds. @throws E_USAGE */
export function parseDurationMs(text: string): number {
  return parseAmount(text, DURATION_UNITS, '10s');
}

/** The shortest exact way to write a duration. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0s' : formatAmount(ms, DURATION_UNITS);
}

/** Reads `512B`, `64KiB`, `256MiB` or `2GiB`, in bytes. @throws E_USAGE */
export function parseByteCount(text: string): number {
  return parseAmount(text, SIZE_UNITS, '256MiB');
}

/** The shortest exact way to write a size. */
export function formatByteCount(bytes: number): string {
  return bytes === 0 ? '0B' : formatAmount(bytes, SIZE_UNITS);
}

/** Where a socket listens or is dialled; port 0 asks for a free one. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[ipv6]:port`. @throws E_USAGE */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text.trim());
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535))
    throw new FastChatError('E_USAGE', 'write host:port, such as 127.0.0.1:7400 or [::1]:7400');
  return { host, port };
}

export function formatHostPort(address: HostPort): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

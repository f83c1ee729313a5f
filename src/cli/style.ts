/** Colours of the chat screen; every one of them only repeats what the text says as well. */
import type { UserId } from '../protocol/ids.ts';

const RESET = '\u001b[0m';
const DIM = '\u001b[2m';
const BOLD_RED = '\u001b[1;31m';
/** Without red, which is for errors, and without what is hard to read on black or on white. */
const NAME_COLORS = [32, 33, 34, 35, 36, 92, 94, 95, 96];

/** Styles for text that is safe to print. */
export interface Style {
  dim(text: string): string;
  alert(text: string): string;
  /** The same colour for the same user, always. */
  name(text: string, user: UserId): string;
}

const same = (text: string): string => text;

const PLAIN: Style = { dim: same, alert: same, name: same };

function colorOf(user: UserId): number {
  let hash = 0;
  for (const point of user) hash = (Math.imul(hash, 31) + (point.codePointAt(0) ?? 0)) >>> 0;
  return NAME_COLORS[hash % NAME_COLORS.length] ?? 36;
}

const COLORED: Style = {
  dim: (text) => DIM + text + RESET,
  alert: (text) => BOLD_RED + text + RESET,
  name: (text, user) => `\u001b[${colorOf(user)}m${text}${RESET}`,
};

export function styleFor(hasColor: boolean): Style {
  return hasColor ? COLORED : PLAIN;
}

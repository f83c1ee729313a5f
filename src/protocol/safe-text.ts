/**
 * The one function between untrusted text (messages, names, file names, errors of servers) and a terminal or a log.
 * Terminals obey control characters and reorder by bidirectional marks; readers are fooled by what has no width.
 */

const REPLACEMENT = '\uFFFD';
const ZERO_WIDTH_JOINER = '\u200D';
const EMOJI_VARIATION = '\uFE0F';
/** More marks on one letter than any orthography needs are there to cover the lines around it. */
const COMBINING_MARKS_MAX = 4;
const TAB_SPACES = '    ';

/** Controls, formats, surrogates, private and unassigned code points, separators, what is ignored by default, Braille blank. */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const MARK = /\p{M}/u;
const PICTOGRAPHIC = /\p{Extended_Pictographic}/u;
const SKIN_TONE = /[\u{1F3FB}-\u{1F3FF}]/u;

/** Plain printable ASCII, the common case, needs no look at its code points. */
const PLAIN = /^[\n\x20-\x7e]*$/;

/** What the code points before say about a joiner or a variation mark that comes next. */
type Before = 'pictographic' | 'dressed' | 'other';

function isKept(point: string, before: Before, next: string | undefined): boolean {
  if (point === '\n') return true;
  if (point === EMOJI_VARIATION) return before === 'pictographic';
  if (point === ZERO_WIDTH_JOINER)
    return before !== 'other' && next !== undefined && isPictographic(next);
  return !UNSAFE.test(point);
}

/** Unassigned code points are reserved as pictographic in Unicode; they are replaced, so they cannot carry a joiner. */
function isPictographic(point: string): boolean {
  return PICTOGRAPHIC.test(point) && !UNSAFE.test(point);
}

function follow(before: Before, point: string): Before {
  if (isPictographic(point)) return 'pictographic';
  const dresses = point === EMOJI_VARIATION || SKIN_TONE.test(point);
  return dresses && before === 'pictographic' ? 'dressed' : 'other';
}

/**
 * `text` with nothing in it that a terminal obeys or a reader cannot see: each such code point becomes U+FFFD, a tab
 * four spaces, CR LF a line feed. Line feeds stay. Idempotent.
 */
export function safe(text: string): string {
  if (PLAIN.test(text)) return text;
  const points = Array.from(
    text.replaceAll('\r\n', '\n').replaceAll('\t', TAB_SPACES).normalize('NFC'),
  );
  let shown = '';
  let marks = 0;
  let before: Before = 'other';
  for (const [index, point] of points.entries()) {
    const isKeptHere = isKept(point, before, points[index + 1]);
    const isMark = isKeptHere && point !== EMOJI_VARIATION && MARK.test(point);
    marks = isMark ? marks + 1 : 0;
    if (marks > COMBINING_MARKS_MAX) continue;
    shown += isKeptHere ? point : REPLACEMENT;
    before = isKeptHere ? follow(before, point) : 'other';
  }
  return shown;
}

/** `safe` for a place that is one line: line feeds become spaces. */
export function safeLine(text: string): string {
  return safe(text).replaceAll('\n', ' ');
}

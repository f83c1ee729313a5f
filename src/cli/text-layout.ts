/** How much room text takes on a terminal, and how to break it there. */

/** Two columns: East Asian scripts, their punctuation and full-width forms, emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Yi}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
/** Half-width forms of scripts that are wide otherwise. */
const HALF_WIDTH = /[\uff61-\uffdc]/;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const ASCII = /^[\x20-\x7e]*$/;

function pointWidth(point: string): number {
  if (NO_WIDTH.test(point)) return 0;
  return WIDE.test(point) && !HALF_WIDTH.test(point) ? 2 : 1;
}

/** Columns that `text`, one line without control characters, takes. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const point of text) width += pointWidth(point);
  return width;
}

/** Rows below its first one that a line reaches; a full last row leaves the cursor on the next one, as readline does. */
export function rowsBelow(text: string, columns: number): number {
  if (!Number.isFinite(columns)) return 0;
  let offset = 0;
  for (const point of text) {
    const width = pointWidth(point);
    // A wide one never stands half on each of two rows.
    if (width === 2 && (offset + 1) % columns === 0) offset += 1;
    offset += width;
  }
  return Math.floor(offset / columns);
}

/** The part of `word` that fits `columns`, at least one code point, and what is left. */
function cut(word: string, columns: number): readonly [head: string, rest: string] {
  let head = '';
  let width = 0;
  for (const point of word) {
    width += pointWidth(point);
    if (width > columns && head !== '') break;
    head += point;
  }
  return [head, word.slice(head.length)];
}

/** Breaks one line at spaces into lines of at most `columns`; a longer word is cut. */
export function wrapWords(text: string, columns: number): readonly string[] {
  if (textWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const piece of text.split(/(?<= )(?! )/)) {
    let word = piece;
    if (line !== '' && textWidth((line + word).trimEnd()) > columns) {
      lines.push(line.trimEnd());
      line = '';
    }
    while (textWidth(word.trimEnd()) > columns) {
      const [head, rest] = cut(word, columns);
      lines.push(head);
      word = rest;
    }
    line += word;
  }
  if (line.trimEnd() !== '') lines.push(line.trimEnd());
  return lines;
}

/** The beginning of `text` on one line of at most `columns`, with `…` for what is left out. */
export function shortened(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  return `${cut(text, columns - 1)[0].trimEnd()}…`;
}

/** `1 message`, `2 messages`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

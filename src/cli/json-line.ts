/** JSON for a line of output: what a terminal might obey is written as an escape, which every parser undoes. */

const INVISIBLE = /[\u007f-\u009f\u2028\u2029\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

function escape(point: string): string {
  // By UTF-16 unit: JSON writes a code point beyond the first plane as a pair.
  return point
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/** One line without its line feed; parses back to exactly `value`. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(INVISIBLE, escape);
}

/** The version of this program, from the package it was installed with. */
import { readFileSync } from 'node:fs';

/** Read when asked for: most runs never show it. */
export function programVersion(): string {
  // The same depth from src/ops and from dist/ops.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version?: unknown }).version);
}

/** `npm run docs`: writes the generated parts of docs/, formatted like the rest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { rpcReference } from '../src/cli/rpc/reference.ts';
import { sampleConfig } from '../src/ops/config-text.ts';
import { fillTables } from './protocol-tables.ts';

function page(path: string): string {
  return fileURLToPath(new URL(`../docs/${path}`, import.meta.url));
}

async function writeMarkdown(path: string, markdown: string): Promise<void> {
  const options = await resolveConfig(page(path));
  writeFileSync(page(path), await format(markdown, { ...options, parser: 'markdown' }));
}

await writeMarkdown('PROTOCOL.md', fillTables(readFileSync(page('PROTOCOL.md'), 'utf8')));
await writeMarkdown('RPC.md', rpcReference());
// Prettier does not know TOML; a test compares the file with the program's own text.
writeFileSync(page('examples/node.toml'), sampleConfig());

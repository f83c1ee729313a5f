/** `npm run docs`: writes the generated parts of docs/. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fillTables } from './protocol-tables.ts';

const path = new URL('../docs/PROTOCOL.md', import.meta.url);
writeFileSync(path, fillTables(readFileSync(path, 'utf8')));

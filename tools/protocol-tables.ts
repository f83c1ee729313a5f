/** Renders the tables of docs/PROTOCOL.md from the declarations in src/protocol, so that they cannot differ. */
import { clientCalls, push } from '../src/protocol/client-calls.ts';
import { envelope, logEntry } from '../src/protocol/envelope.ts';
import { groupCalls } from '../src/protocol/group-calls.ts';
import {
  groupChange,
  groupEntry,
  groupStatement,
  operationContent,
} from '../src/protocol/group-log.ts';
import { ERRORS } from '../src/protocol/errors.ts';
import { body } from '../src/protocol/bodies.ts';
import { joinCalls } from '../src/protocol/join-frames.ts';
import type { Struct, Type, Union } from '../src/protocol/schema.ts';
import { userCalls } from '../src/protocol/user-calls.ts';
import { replicaRequest } from '../src/cluster/replication/frames.ts';
import { meshMessage } from '../src/net/mesh-frames.ts';

type Fields = ReadonlyArray<readonly [name: string, type: Type<never>]>;
type Calls = Readonly<
  Record<string, { readonly tag: number; readonly request: object; readonly reply: object }>
>;

function fieldsOf(body: object): Fields {
  return (body as Struct<never>).fields;
}

function renderFields(fields: Fields): string {
  if (fields.length === 0) return '–';
  return fields.map(([name, type]) => `${name}: ${type.label.replaceAll('|', '\\|')}`).join(', ');
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function callRows(calls: object): string {
  const rows = Object.entries(calls as Calls).map(([name, { tag, request, reply }]) => [
    String(tag),
    `\`${name}\``,
    renderFields(fieldsOf(request)),
    renderFields(fieldsOf(reply)),
  ]);
  return table(['tag', 'call', 'request', 'reply'], rows);
}

function variantRows(union: object): string {
  const rows = (union as Union<never>).variants.map(({ tag, type, body }) => [
    String(tag),
    `\`${type}\``,
    renderFields(body.fields),
  ]);
  return table(['tag', 'name', 'fields'], rows);
}

function structRows(body: object): string {
  return table(
    ['field', 'type'],
    fieldsOf(body).map(([name, type]) => [`\`${name}\``, type.label.replaceAll('|', '\\|')]),
  );
}

/** Section name (as in `<!-- table: name -->`) to Markdown. */
export const TABLES: Readonly<Record<string, string>> = {
  'client-calls': callRows(clientCalls.calls),
  pushes: variantRows(push),
  'join-calls': callRows(joinCalls.calls),
  'mesh-frames': variantRows(meshMessage),
  'replica-requests': variantRows(replicaRequest),
  'user-calls': callRows(userCalls.calls),
  bodies: variantRows(body),
  envelope: structRows(envelope),
  'log-entry': structRows(logEntry),
  'group-calls': callRows(groupCalls.calls),
  'group-entry': variantRows(groupEntry),
  'group-operation': structRows(operationContent),
  'group-statement': structRows(groupStatement),
  'group-change': variantRows(groupChange),
  errors: table(
    ['code', 'retry', 'exit'],
    Object.entries(ERRORS).map(([code, { retry, exit }]) => [`\`${code}\``, retry, String(exit)]),
  ),
};

/** Replaces what stands between `<!-- table: name -->` and `<!-- end -->` by the rendered table. */
export function fillTables(markdown: string): string {
  return markdown.replace(
    /<!-- table: ([a-z-]+) -->[\s\S]*?<!-- end -->/g,
    (_whole, name: string) =>
      `<!-- table: ${name} -->\n\n${TABLES[name] ?? 'unknown table'}\n\n<!-- end -->`,
  );
}

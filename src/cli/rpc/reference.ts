/** docs/RPC.md, made from the tables that the program runs on. */
import { ERRORS } from '../../protocol/errors.ts';
import { GROUP_RECEIPT_MEMBERS_MAX } from '../../protocol/limits.ts';
import { METHODS } from './methods.ts';
import type { Method } from './method.ts';

const HEAD = `# JSON-RPC

\`fastchat rpc [--server URL]\` speaks JSON-RPC 2.0 on stdin and stdout: one JSON object (or a batch) a line both ways.
Requests may overlap; each answer carries the id of its request. One process serves many accounts; \`account\` names one,
with or without its \`@\`. At the end of stdin, open requests are answered, the outbox is sent as far as it goes within a
short grace, and the process ends with exit 0. This page is made from the method table of the program.

## Methods
`;

const EVENTS = `## Events

Notifications \`{"jsonrpc":"2.0","method":"event","params":{…}}\`; \`params\` has \`account\`, \`type\` and:

| type | fields |
| --- | --- |
| \`message\` | id, conversation, from, seq, timestamp, text or file {name, bytes, mime} |
| \`receipt\` | id, conversation, by, state: delivered, read or expired |
| \`group\` | group, change: created, added, removed, left, promoted, demoted, transferred, renamed or deleted; user (to whom it was done, else the author), by, epoch; where they apply: role, members, title, topic |
| \`presence\` | user, online |
| \`typing\` | conversation, user |
| \`warning\` | code, message, user when it is about one |
| \`state\` | connected, node (null while there is none) |

\`conversation\` is \`@peer\` or \`#group\`, seen from \`account\`. \`timestamp\` and \`lastSeen\` are milliseconds since 1970, UTC.
Group events come in the order of the group's log, to every member and also to the author. A receipt of a group is one
member's; a group of more than ${GROUP_RECEIPT_MEMBERS_MAX} has none. The answers of \`groups\` and
\`group.info\` have \`topic\` as well when there is one.
\`seq\` is the position in the conversation in the store of this device. A message of \`history\` and \`search\` has the fields of
the event and its \`state\`. A reader that is too slow loses events, never messages: a \`warning\` with \`dropped\` tells how many.

## Errors

Malformed input gets the standard codes -32700, -32600, -32601 and -32602. Everything else is
\`{"code":-32000,"message":"…","data":{"code":"E_…","retry":"never|later|now","retryAfterMs":…}}\`.
`;

function paramsOf(method: Method): string {
  return Object.entries(method.params)
    .map(([name, param]) => `\`${name}${param.isOptional ? '?' : ''}\`: ${param.shape}`)
    .join('<br>')
    .replaceAll(' | ', ' \\| ');
}

function methodRow([name, method]: readonly [string, Method]): string {
  return `| \`${name}\` | ${paramsOf(method)} | \`${method.result}\` | ${method.doc} |`;
}

/** The whole page. */
export function rpcReference(): string {
  const methods = Object.entries(METHODS).map(methodRow);
  const errors = Object.entries(ERRORS).map(([code, { retry }]) => `| \`${code}\` | ${retry} |`);
  return [
    HEAD,
    '| method | params | result | what it does |',
    '| --- | --- | --- | --- |',
    ...methods,
    '',
    EVENTS,
    '| code | retry |',
    '| --- | --- |',
    ...errors,
    '',
  ].join('\n');
}

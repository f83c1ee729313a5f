/** `fastchat admin …`. What a node answers is shown as it is under `--json`, as a table otherwise. */
import type {
  ClusterReport,
  InvitationReport,
  JoinTokenReport,
  MailboxReport,
  PlacementReport,
  UserReport,
  WhereReport,
} from '../../ops/admin-api.ts';
import { parseAddress } from '../../protocol/ids.ts';
import { askNode } from '../admin-client.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';
import type { Row } from '../output.ts';

async function show<T extends object>(
  context: CommandContext,
  report: T,
  rows: (report: T) => readonly Row[],
): Promise<number> {
  if (context.out.options.json) await context.out.json(report);
  else await context.out.columns(rows(report));
  return EXIT.ok;
}

function statusRows(report: ClusterReport): readonly Row[] {
  const { node, coordinator, version, replicas, degraded, members, shards } = report;
  const head = `cluster seen from ${node}: coordinator ${coordinator}, map ${version}, ${shards.length} shards`;
  const copies = `replicas ${replicas.effective} of ${replicas.target}${degraded ? ', DEGRADED' : ''}`;
  return [
    [`${head}, ${copies}`],
    ['NODE', 'STATE', 'SESSIONS', 'LOAD', 'SHARDS', 'AGE', 'GATE', 'MESH'],
    ...members.map((member) => [
      member.node,
      member.state,
      String(member.sessions),
      member.load.toFixed(2),
      String(member.shardsOwned),
      // Nobody has heard of a silent one lately: its figures have no age worth a number.
      member.state === 'silent' ? '-' : `${Math.round(member.reportAgeMs)} ms`,
      member.gate,
      member.mesh,
    ]),
  ];
}

export async function status(context: CommandContext): Promise<number> {
  const report = (await askNode(context, { action: 'cluster' })) as ClusterReport;
  return show(context, report, statusRows);
}

export async function where(context: CommandContext): Promise<number> {
  const address = parseAddress(context.args.words[0] ?? '');
  const report = (await askNode(context, { action: 'where', query: { address } })) as WhereReport;
  return show(context, report, ({ shard, epoch, owner, replicas }) => [
    [address, owner, `shard ${shard}`, `epoch ${epoch}`, `replicas ${replicas.join(' ')}`],
  ]);
}

export async function mailbox(context: CommandContext): Promise<number> {
  const user = context.args.user(0);
  const report = (await askNode(context, { action: 'mailbox', query: { user } })) as MailboxReport;
  return show(context, report, ({ messages, bytes, pending, head, devices, sessions }) => [
    [
      user,
      `${messages} waiting`,
      `${bytes} bytes`,
      `${pending} pending`,
      `head ${head}`,
      `${devices} devices`,
      `${sessions} sessions`,
    ],
  ]);
}

export async function explain(context: CommandContext): Promise<number> {
  const user = context.args.user(0);
  const report = (await askNode(context, {
    action: 'explain',
    query: { user },
  })) as PlacementReport;
  return show(context, report, ({ algorithm, candidates }) => [
    [`${user} by ${algorithm}`],
    ['NODE', 'SESSIONS', 'PLACED', 'BUSY', 'AGE', 'LOAD', 'WEIGHT', 'CHANCE', 'LEFT OUT'],
    ...candidates.map(({ node, sessions, placed, utilisation, ageMs, load, weight, ...entry }) => [
      node,
      String(sessions),
      String(placed),
      `${Math.round(100 * utilisation)} %`,
      `${ageMs} ms`,
      load.toFixed(2),
      weight.toFixed(3),
      `${(100 * entry.probability).toFixed(1)} %`,
      entry.excluded,
    ]),
  ]);
}

export async function listUsers(context: CommandContext): Promise<number> {
  const reports = (await askNode(context, { action: 'users' })) as readonly UserReport[];
  for (const report of reports)
    await show(context, report, ({ user, online, lastSeen, devices }) => [
      [user, online ? 'online' : moment(lastSeen), `${devices} devices`],
    ]);
  return EXIT.ok;
}

/** The invitation is for `fastchat register --invitation-file`. */
export async function invite(context: CommandContext): Promise<number> {
  const user = context.args.user(0);
  const report = (await askNode(context, { action: 'invite', body: { user } })) as InvitationReport;
  return show(context, report, ({ invitation }) => [[invitation]]);
}

/** Also written to `DIR/join.token` of that node. */
export async function rotateJoinToken(context: CommandContext): Promise<number> {
  const report = (await askNode(context, { action: 'rotate', body: {} })) as JoinTokenReport;
  return show(context, report, ({ token }) => [[token]]);
}

export async function drain(context: CommandContext): Promise<number> {
  const report = (await askNode(context, { action: 'drain', body: {} })) as object;
  context.out.note('the node drains; it ends when it is empty');
  return show(context, report, () => []);
}

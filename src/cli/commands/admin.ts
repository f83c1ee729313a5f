/** `fastchat admin …`. What a node answers is shown as it is under `--json`, as a table otherwise. */
import type {
  ClusterReport,
  ForgetReport,
  InvitationReport,
  JoinTokenReport,
  RebuildReport,
  MailboxReport,
  NodeReport,
  PlacementReport,
  RebalanceReport,
  StepReport,
  UserList,
  WhereReport,
} from '../../ops/admin-api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { parseAddress, parseNodeId } from '../../protocol/ids.ts';
import { askNode } from '../admin-client.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';
import type { Row } from '../output.ts';

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** The largest unit that fits: `3 h`. */
function roughly(ms: number): string {
  const [unit, length] = SPANS.find(([, span]) => ms >= span) ?? ['s', 1000];
  return `${Math.floor(ms / length)} ${unit}`;
}

async function show<T extends object>(
  context: CommandContext,
  report: T,
  rows: (report: T) => readonly Row[],
): Promise<number> {
  if (context.out.options.json) await context.out.json(report);
  else await context.out.columns(rows(report));
  return EXIT.ok;
}

function troubles({ degraded, degradedShards, ownerlessShards }: ClusterReport): readonly string[] {
  return [
    ...(degraded ? [`DEGRADED: ${degradedShards} shards have too few living copies`] : []),
    ...(ownerlessShards > 0 ? [`${ownerlessShards} shards WITHOUT OWNER`] : []),
  ];
}

function statusRows(report: ClusterReport): readonly Row[] {
  const { node, coordinator, version, replicas, members, shards } = report;
  const head = `cluster seen from ${node}: coordinator ${coordinator}, map ${version}, ${shards.length} shards`;
  const copies = `replicas ${replicas.effective} of ${replicas.target}`;
  return [
    [[head, copies, ...troubles(report)].join(', ')],
    ['NODE', 'STATE', 'LEASE', 'SESSIONS', 'LOAD', 'OWNS', 'HOLDS', 'AGE', 'GATE', 'MESH'],
    ...members.map((member) => [
      member.node,
      member.state,
      member.lease,
      String(member.sessions),
      member.load.toFixed(2),
      String(member.shardsOwned),
      String(member.shardsHeld),
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

function acknowledgedText(acknowledged: number | undefined): string {
  return acknowledged === undefined
    ? ', which does not serve it now'
    : `, acknowledged up to commit ${acknowledged}`;
}

export async function where(context: CommandContext): Promise<number> {
  const address = parseAddress(context.args.words[0] ?? '');
  const report = (await askNode(context, { action: 'where', query: { address } })) as WhereReport;
  return show(context, report, ({ shard, epoch, owner, acknowledged, copies }) => [
    [
      `${address} is in shard ${shard}, owned by ${owner} in epoch ${epoch}${acknowledgedText(acknowledged)}`,
    ],
    ['REPLICA', 'STATE', 'FLUSHED'],
    ...copies.map(({ node, state, flushed }) => [node, state, String(flushed ?? '-')]),
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

export async function nodes(context: CommandContext): Promise<number> {
  const reports = (await askNode(context, { action: 'nodes' })) as readonly NodeReport[];
  await context.out.table(
    ['NODE', 'STATE', 'LEASE', 'SESSIONS', 'LOAD', 'OWNS', 'HOLDS', 'VERSION', 'UP'],
    reports.map((report) => ({
      json: report,
      plain: [
        report.node,
        report.state,
        report.lease,
        String(report.sessions),
        report.load.toFixed(2),
        String(report.shardsOwned),
        String(report.shardsHeld),
        report.version ?? '-',
        report.upMs === undefined ? '-' : roughly(report.upMs),
      ],
    })),
  );
  return EXIT.ok;
}

export async function listUsers(context: CommandContext): Promise<number> {
  const { users, isCut, silent } = (await askNode(context, { action: 'users' })) as UserList;
  await context.out.table(
    ['USER', 'LAST SEEN', 'DEVICES'],
    users.map((user) => ({
      json: user,
      plain: [user.user, user.online ? 'online' : moment(user.lastSeen), `${user.devices} devices`],
    })),
  );
  if (isCut) context.out.note(`there are more: these are the first ${users.length}`);
  if (silent.length === 0) return EXIT.ok;
  // A list with holes must not look like a whole one to a program.
  throw new FastChatError(
    'E_UNREACHABLE',
    `users may be missing: no answer from ${silent.join(', ')}`,
  );
}

const STEP_VERBS = { add: 'copy to', remove: 'remove from', transfer: 'hand over to' } as const;

/** What would be done now, by whom and why. */
async function showPlan(context: CommandContext): Promise<number> {
  const steps = (await askNode(context, { action: 'plan' })) as readonly StepReport[];
  await context.out.table(
    ['SHARD', 'OWNER', 'STEP', 'NODE', 'WHY'],
    steps.map((step) => ({
      json: step,
      plain: [String(step.shard), step.owner, STEP_VERBS[step.kind], step.node, step.reason],
    })),
  );
  if (steps.length === 0)
    context.out.note('there is nothing to do, or nothing that could be done now');
  return EXIT.ok;
}

export async function rebalance(context: CommandContext): Promise<number> {
  if (context.args.flag('dry-run')) return showPlan(context);
  const report = (await askNode(context, { action: 'rebalance', body: {} })) as RebalanceReport;
  const { steps, silent } = report;
  if (silent.length > 0) context.out.note(`not told, for want of an answer: ${silent.join(', ')}`);
  return show(context, report, () => [
    [
      steps === 0
        ? 'nothing to do'
        : `${steps} shards are changed now; "admin status" shows how far it is`,
    ],
  ]);
}

/** The node answers when something is done; the command may be ended and called again at any time. */
export async function forget(context: CommandContext): Promise<number> {
  const node = parseNodeId(context.args.words[0] ?? '');
  let told = -1;
  for (;;) {
    const report = (await askNode(context, { action: 'forget', body: { node } })) as ForgetReport;
    if (report.isGone) return show(context, report, () => [[`${node} is no member any more`]]);
    if (report.shardsLeft !== told)
      context.out.note(`${report.shardsLeft} shards still have a copy there`);
    told = report.shardsLeft;
  }
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

export async function rebuildMap(context: CommandContext): Promise<number> {
  const report = (await askNode(context, { action: 'rebuildMap', body: {} })) as RebuildReport;
  context.out.note('the nodes find the map within seconds; fastchat admin status shows it');
  return show(context, report, ({ version, members, shards }) => [
    [`rebuilt from map ${version}: ${members} members, ${shards} shards`],
  ]);
}

export async function drain(context: CommandContext): Promise<number> {
  const report = (await askNode(context, { action: 'drain', body: {} })) as object;
  context.out.note('the node drains; it ends when it is empty');
  return show(context, report, () => []);
}

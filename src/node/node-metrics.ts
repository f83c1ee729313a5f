/** Fills the metrics of a node from what its parts count; nothing on a hot path knows of metrics. */
import type { UserMeter } from '../actors/ports.ts';
import type { MeshDropReason } from '../net/mesh-counters.ts';
import type { MeshService } from '../net/mesh-frames.ts';
import type { LoopSampler } from '../ops/loop-sampler.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { ChatNode } from './node.ts';

const MS_PER_SECOND = 1000;

const STAGE = {
  stored: 'stored',
  expired: 'expired',
  refused: 'rejected',
  duplicate: 'duplicate',
} as const;

/** Services that nodes ask each other; the others are only told. */
const ASKED = [
  'actor',
  'coordinator',
  'replica',
  'operator',
  'map',
] as const satisfies readonly MeshService[];

export function userMeter(metrics: Metrics): UserMeter {
  return {
    count: (what, by) => metrics.messages[STAGE[what]].inc(by),
    delivered(waitedMs) {
      metrics.messages.delivered.inc();
      metrics.messageDelivery.observeMs(waitedMs);
    },
  };
}

function readMesh(node: ChatNode, metrics: Metrics): void {
  const { dropped, frames, answers } = node.mesh.counters();
  const sums = { in: 0, out: 0, bytesIn: 0, bytesOut: 0 };
  for (const peer of frames.values()) {
    sums.in += peer.in;
    sums.out += peer.out;
    sums.bytesIn += peer.bytesIn;
    sums.bytesOut += peer.bytesOut;
  }
  metrics.meshFrames.in.raiseTo(sums.in);
  metrics.meshFrames.out.raiseTo(sums.out);
  metrics.meshBytes.in.raiseTo(sums.bytesIn);
  metrics.meshBytes.out.raiseTo(sums.bytesOut);
  for (const [reason, count] of Object.entries(dropped) as Array<[MeshDropReason, number]>)
    metrics.meshDropped[reason].raiseTo(count);
  for (const service of ASKED) metrics.meshRequests[service].copy(answers[service]);
  const members = node.cluster.status().members;
  const up = members.filter(({ isUp }) => isUp).length;
  metrics.meshPeers.up.set(up - 1);
  metrics.meshPeers.down.set(members.length - up);
}

function readActors(node: ChatNode, metrics: Metrics): void {
  const counts = node.ports.host.counters();
  const sessions = node.gate.links();
  metrics.actors.session.set(sessions);
  metrics.actors.balancer.set(1);
  metrics.actors.address.set(Math.max(0, counts.live - sessions - 1));
  metrics.actorActivations.raiseTo(counts.activations);
  metrics.actorPassivations.raiseTo(counts.passivations);
  metrics.actorCrashes.raiseTo(counts.crashes);
  metrics.deadLetters.raiseTo(counts.deadLetters);
  metrics.actorMailboxDepth.set(counts.mailboxDepth);
}

function readGate(node: ChatNode, metrics: Metrics): void {
  const counts = node.gate.counts();
  metrics.sessions.set(node.gate.sessions());
  metrics.connections.set(node.gate.links());
  metrics.logins.ok.raiseTo(counts.loginsAccepted);
  metrics.logins.redirected.raiseTo(counts.loginsRedirected);
  metrics.logins.refused.raiseTo(counts.loginsRefused);
  metrics.logins.limited.raiseTo(counts.loginsLimited);
  metrics.registrations.raiseTo(counts.registrations);
  metrics.badFrames.raiseTo(counts.badFrames);
  metrics.pushesPaused.raiseTo(counts.pushesHeld);
  metrics.rateLimited.requests.raiseTo(counts.requestsLimited);
  metrics.rateLimited.logins.raiseTo(counts.loginsLimited);
  metrics.rateLimited.registrations.raiseTo(counts.registrationsLimited);
  metrics.messageStored.copy(node.gate.storeTimes());
  metrics.messages.accepted.raiseTo(counts.messagesStored + counts.messagesRefused);
}

function readProofs(node: ChatNode, metrics: Metrics): void {
  const counts = node.gate.counts();
  const { ticketsExpired, ticketsForged, ticketsReplayed, ticketsElsewhere } = counts;
  metrics.tickets.ok.raiseTo(counts.ticketsAccepted);
  metrics.tickets.expired.raiseTo(ticketsExpired);
  metrics.tickets.forged.raiseTo(ticketsForged);
  metrics.tickets.replayed.raiseTo(ticketsReplayed);
  metrics.tickets.node.raiseTo(ticketsElsewhere);
  metrics.authFailures.ticket.raiseTo(
    ticketsExpired + ticketsForged + ticketsReplayed + ticketsElsewhere,
  );
  metrics.authFailures.password.raiseTo(counts.passwordsRefused);
  metrics.authFailures.device.raiseTo(counts.proofsRefused);
  metrics.authFailures.cloned.raiseTo(counts.clonesRefused);
}

function readBalancer(node: ChatNode, metrics: Metrics): void {
  for (const { node: name, probability, load } of node.balancer.explain().nodes) {
    metrics.balancerWeight.of(name).set(probability);
    if (name === node.ports.self) metrics.loadScore.set(load);
  }
  for (const [name, count] of node.balancer.placements())
    metrics.balancerPlacements.of(name).raiseTo(count);
}

function readGroups({ groups }: ChatNode, metrics: Metrics): void {
  const { entries, frames, copies, lost } = groups.counts;
  metrics.groupEntries.raiseTo(entries);
  metrics.groupFrames.raiseTo(frames);
  metrics.groupCopies.raiseTo(copies);
  metrics.groupFramesLost.raiseTo(lost);
}

function readPlacement(node: ChatNode, metrics: Metrics): void {
  const { served, held, living, wanted, ownerless, moving, ...since } = node.cluster.status();
  const { self, clock } = node.ports;
  metrics.shardsOwned.set(served);
  metrics.shardsReplicated.set(held[self] ?? 0);
  metrics.shardsDegraded.set(living.filter((copies) => copies < wanted).length);
  metrics.shardsOwnerless.set(ownerless.length);
  metrics.shardsMoving.set(moving);
  metrics.lease.set(node.cluster.lease.validUntilMs > clock.mono() ? 1 : 0);
  for (const result of ['ok', 'failed'] as const) {
    metrics.placementSteps[result].raiseTo(since.steps[result]);
    metrics.takeovers[result].raiseTo(since.takeOvers[result]);
  }
  metrics.takeoverTime.copy(since.takeOverTimes);
}

function readReplication(node: ChatNode, metrics: Metrics): void {
  const { lag, unacknowledged, silent, copies, rollBacks, repairs } =
    node.cluster.replicationCounters();
  metrics.replicationLag.set(lag);
  metrics.unacknowledged.set(unacknowledged);
  metrics.replicasSilent.set(silent);
  metrics.replicaCopies.raiseTo(copies);
  metrics.replicaRollBacks.raiseTo(rollBacks);
  metrics.replicaRepairs.raiseTo(repairs);
}

/** Reads everything once; called after each sample of the event loop. */
export function readMetrics(
  node: ChatNode,
  metrics: Metrics,
  loop: Pick<LoopSampler, 'lagMs' | 'utilisation'>,
): void {
  readMesh(node, metrics);
  readActors(node, metrics);
  readGate(node, metrics);
  readProofs(node, metrics);
  readBalancer(node, metrics);
  readGroups(node, metrics);
  readPlacement(node, metrics);
  readReplication(node, metrics);
  const { freeBytes, commits } = node.ports.store.stats();
  metrics.storeCommits.raiseTo(commits);
  metrics.storeFreeBytes.set(freeBytes);
  metrics.loopLag.set(loop.lagMs / MS_PER_SECOND);
  metrics.loopUtilisation.set(loop.utilisation);
  metrics.up.set(process.uptime());
  metrics.draining.set(node.isDraining ? 1 : 0);
}

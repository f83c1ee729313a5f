/** Groups: a message to very many members who are online, and very many messages to a member who was away. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Measured } from '../bench.ts';
import type { GroupMade } from '../generator/commands.ts';
import { difference, METRICS_DELAY_MS, nodeCounts } from '../node-metrics.ts';
import { idleNote, latencyFigures, loadFigures, saturationDoubt } from '../scenario.ts';
import type { Figures, Scenario } from '../scenario.ts';
import { groupOpeningUs, groupSealedBytes } from '../sealed-size.ts';
import { storedBytes } from '../store-size.ts';
import type { UserId } from '../../src/protocol/ids.ts';
import { OUTBOX_WINDOW_MESSAGES } from '../../src/protocol/limits.ts';

/** Of each sender. */
const WARM_UP_MESSAGES = 60;
/** Members are told of their membership, and lazy records of how far they got are written. */
const SETTLE_MS = 4000;
const SMALL_GROUP_MEMBERS = 50;

/** A group in a run: who is in it, who sends, where its log ends. */
class GroupRun {
  readonly #bench: Bench;
  readonly made: GroupMade;
  readonly #bodyBytes: number;
  readonly #online: ReadonlySet<string>;
  readonly #senders: readonly UserId[];
  head: number;

  private constructor(
    bench: Bench,
    { made, head }: { readonly made: GroupMade; readonly head: number },
    bodyBytes: number,
    online: readonly UserId[],
  ) {
    this.#bench = bench;
    this.made = made;
    this.head = head;
    this.#bodyBytes = bodyBytes;
    this.#online = new Set(online);
    this.#senders = online.slice(0, bench.options.senders);
  }

  /** Makes the group and brings `online` online. */
  static async start(
    bench: Bench,
    name: string,
    members: readonly UserId[],
    online: readonly UserId[] = members,
  ): Promise<GroupRun> {
    const isOnline = new Set<string>(online);
    await attach(bench, isOnline);
    const made = await bench.of(0, 'groupMake', name, members);
    const bodyBytes = await groupSealedBytes(bench.options.textBytes);
    const heads = await bench.each('groupFollow', (index) => [
      made,
      usersAmong(bench, index, isOnline),
      false,
    ]);
    await sleep(SETTLE_MS);
    return new GroupRun(bench, { made, head: Math.max(...heads) }, bodyBytes, online);
  }

  /** Every sender sends so many; resolves when everybody online has everything. */
  async exchange(messages: number): Promise<void> {
    const { window } = this.#bench.options;
    this.head += messages * this.#senders.length;
    const senders = new Set<string>(this.#senders);
    await this.#bench.each('groupSend', (index) => [
      {
        senders: usersAmong(this.#bench, index, senders),
        messages,
        window,
        bodyBytes: this.#bodyBytes,
      },
    ]);
    await this.#bench.each('groupReached', (index) => [
      usersAmong(this.#bench, index, this.#online),
      this.head,
    ]);
  }

  /** @throws when the members of two load generators got different orders */
  async checkOrder(): Promise<void> {
    const digests = new Set(await this.#bench.each('groupDigest'));
    if (digests.size !== 1) throw new Error('members got the messages in different orders');
  }
}

async function attach(bench: Bench, users: ReadonlySet<string>): Promise<void> {
  await bench.each('groupAttach', (index) => [usersAmong(bench, index, users)]);
}

function usersAmong(bench: Bench, generator: number, wanted: ReadonlySet<string>): UserId[] {
  return bench
    .accountsOf(generator)
    .map(({ user }) => user)
    .filter((user) => wanted.has(user));
}

function checkDelivered({ delivered, refusals }: Measured, expected: number): void {
  if (refusals['DISORDER'] !== undefined)
    throw new Error(`${refusals['DISORDER']} messages came out of order`);
  if (delivered !== expected) throw new Error(`delivered ${delivered} of ${expected}`);
}

const perMessage = (before: number, after: number, messages: number): number =>
  (after - before) / messages;

/** Bytes that the stores of all nodes grow by for one message of a group. */
async function diskBytes(bench: Bench, run: GroupRun, messages: number): Promise<number> {
  const before = await storedBytes(bench.world);
  await run.exchange(messages);
  await sleep(SETTLE_MS);
  const after = await storedBytes(bench.world);
  return perMessage(before, after, messages * bench.options.senders);
}

/** What the nodes' own counters say of the fan-out. */
async function fanOutFigures(bench: Bench, during: () => Promise<Measured>) {
  await sleep(METRICS_DELAY_MS);
  const before = await nodeCounts(bench.world);
  const measured = await during();
  await sleep(METRICS_DELAY_MS);
  const counted = difference(before, await nodeCounts(bench.world));
  const grown = (name: string): number => counted.get(name) ?? 0;
  const entries = grown('fastchat_group_entries_total');
  const frames = grown('fastchat_group_frames_total');
  return {
    measured,
    figures: {
      meshFramesPerMessage: frames / entries,
      meshCopiesPerMessage: grown('fastchat_group_copies_total') / entries,
    },
  };
}

export const group: Scenario = {
  name: 'group',
  summary:
    'one group, all members online, some send: deliveries, CPU, order, copies on mesh and disk',
  // One generator would be the bottleneck where nothing else runs.
  defaults: { nodes: 3, users: 500, window: OUTBOX_WINDOW_MESSAGES, generators: 2 },
  targets: {
    deliveriesPerSecond: { atLeast: 60_000 },
    serverCpuUs: { atMost: 12 },
    meshCopiesPerMessage: { atLeast: 2, atMost: 2 },
    meshFramesPerMessage: { atMost: 2 },
    diskRatio: { atMost: 1.02 },
  },
  async run(bench) {
    const { senders, messages } = bench.options;
    const members = bench.world.accounts.map(({ user }) => user);
    const large = await GroupRun.start(bench, '#large', members);
    await large.exchange(WARM_UP_MESSAGES);
    const { measured, figures } = await fanOutFigures(bench, () =>
      bench.measure(() => large.exchange(messages)),
    );
    const { delivered, seconds, server } = measured;
    checkDelivered(measured, messages * senders * (members.length - 1));
    await large.checkOrder();
    const diskLarge = await diskBytes(bench, large, messages);
    const few = members.slice(0, SMALL_GROUP_MEMBERS);
    const small = await GroupRun.start(bench, '#small', few);
    await small.exchange(WARM_UP_MESSAGES);
    await sleep(SETTLE_MS);
    const diskSmall = await diskBytes(bench, small, messages);
    return {
      figures: {
        deliveriesPerSecond: delivered / seconds,
        serverCpuUs: (server.cpuMs * 1000) / delivered,
        deliveries: delivered,
        ...latencyFigures('pushed', measured.pushedMs),
        headPushes: measured.heads,
        ...figures,
        [`diskBytes${members.length}`]: diskLarge,
        [`diskBytes${few.length}`]: diskSmall,
        diskRatio: diskLarge / diskSmall,
        ...loadFigures(measured, delivered),
      },
      doubt: saturationDoubt(measured),
      note: idleNote(measured),
    };
  },
};

/** Of each sender, while the others are away. */
const MISSED_MESSAGES = 10_000;
/** They pull first, so that the node has pulled before what is measured. */
const WARM_UP_PULLERS = 10;

function catchUpFigures(measured: Measured): Figures {
  const { delivered, seconds, server } = measured;
  return {
    messagesPerServerSecond: (delivered / server.cpuMs) * 1000,
    serverCpuUs: (server.cpuMs * 1000) / delivered,
    messagesPerSecond: delivered / seconds,
    messages: delivered,
    ...loadFigures(measured, delivered),
  };
}

export const groupCatchUp: Scenario = {
  name: 'group-catchup',
  summary: `members who were away for ${MISSED_MESSAGES} messages pull them; opening them is measured apart`,
  defaults: { nodes: 3, users: 50, window: OUTBOX_WINDOW_MESSAGES },
  targets: { messagesPerServerSecond: { atLeast: 20_000 } },
  async run(bench) {
    const { senders, textBytes } = bench.options;
    const members = bench.world.accounts.map(({ user }) => user);
    const run = await GroupRun.start(bench, '#away', members, members.slice(0, senders));
    await run.exchange(MISSED_MESSAGES / senders);
    const away = members.slice(senders);
    const pull = async (users: readonly UserId[]): Promise<void> => {
      const mine = (index: number): UserId[] => usersAmong(bench, index, new Set(users));
      await bench.each('groupPull', (index) => [mine(index), run.head]);
      await bench.each('groupReached', (index) => [mine(index), run.head]);
    };
    const isAway = new Set<string>(away);
    await attach(bench, isAway);
    await bench.each('groupFollow', (index) => [run.made, usersAmong(bench, index, isAway), true]);
    await pull(away.slice(0, WARM_UP_PULLERS));
    const rest = away.slice(WARM_UP_PULLERS);
    const measured = await bench.measure(() => pull(rest));
    checkDelivered(measured, rest.length * MISSED_MESSAGES);
    const openingUs = await groupOpeningUs(textBytes);
    const figures = { ...catchUpFigures(measured), clientOpeningUs: openingUs };
    return { figures, doubt: saturationDoubt(measured), note: idleNote(measured) };
  },
};

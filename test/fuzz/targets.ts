/** Where mutated frames go. A target feeds a round of frames and tells which bug they met, if any. */
import { readBatch } from '../../src/actors/session/wire.ts';
import { Admission } from '../../src/cluster/admission.ts';
import { coordinatorCalls } from '../../src/cluster/coordinator-frames.ts';
import { granted, replicaRequest } from '../../src/cluster/replication/frames.ts';
import { itemsOf } from '../../src/cluster/items.ts';
import { MemoryCoordinatorService } from '../../src/cluster/memory-coordinator.ts';
import { decodeFrame } from '../../src/client/connection/wire.ts';
import { FrameSplitter, streamOf } from '../../src/net/framing.ts';
import { decodeBatch } from '../../src/net/mesh-frames.ts';
import { answeringKnocks } from '../../src/node/knock.ts';
import { silentLog } from '../../src/ops/log.ts';
import { decode, encodeRaw } from '../../src/protocol/codec.ts';
import { FastChatError } from '../../src/protocol/errors.ts';
import { HELLO_FRAME_BYTES_MAX } from '../../src/protocol/limits.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import {
  NOBODY,
  actorPayloads,
  clientFrames,
  joinFrames,
  loadPayloads,
  orderPayloads,
  packedMessages,
  pushFrames,
} from './corpus.ts';
import type { Addressed } from './corpus.ts';
import { FuzzLink } from './fuzz-link.ts';
import type { Mutation } from './mutators.ts';
import type { FuzzWorld } from './world.ts';

export interface Target {
  readonly name: string;
  /** Of all frames, about this share goes here. */
  readonly share: number;
  /** Feeds one mutated frame of each mutation. @throws what is a bug */
  feed(mutations: readonly Mutation[], drawn: (count: number) => number): Promise<void> | void;
}

/** Bytes that a decoder met: it may refuse them, and nothing else. */
function decodes(decoder: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decoder(bytes);
  } catch (cause) {
    if (!(cause instanceof FastChatError) || cause.code === 'E_INTERNAL')
      throw new Error(
        `${decoder.name} of ${Buffer.from(bytes).toString('hex').slice(0, 400)}: ${String(cause)}`,
        {
          cause,
        },
      );
  }
}

function mutate<T>(
  corpus: readonly T[],
  bytesOf: (entry: T) => Uint8Array,
  mutation: Mutation,
  drawn: (count: number) => number,
): readonly [entry: T, frame: Uint8Array] {
  const entry = corpus[drawn(corpus.length)];
  const other = corpus[drawn(corpus.length)];
  if (entry === undefined || other === undefined) throw new Error('the corpus is empty');
  return [entry, mutation(bytesOf(entry), bytesOf(other))];
}

const whole = (frame: Uint8Array): Uint8Array => frame;

function codecs(): Target {
  const client = clientFrames(NOBODY);
  const fromNode = pushFrames(NOBODY);
  const mesh = packedMessages().map((message) => encodeRaw([1, 1, message]));
  const table = [
    [client, readBatch],
    [fromNode, decodeFrame],
    [mesh, decodeBatch],
  ] as const;
  return {
    name: 'codecs',
    share: 0.3,
    feed(mutations, drawn) {
      for (const mutation of mutations) {
        const [corpus, decoder] = table[drawn(table.length)] ?? table[0];
        decodes(decoder, mutate(corpus, whole, mutation, drawn)[1]);
      }
    },
  };
}

/** A stream of frames in random pieces, with heads that lie. */
function framing(): Target {
  const corpus = clientFrames(NOBODY).map((frame) => streamOf([frame]));
  return {
    name: 'framing',
    share: 0.05,
    feed(mutations, drawn) {
      for (const mutation of mutations) {
        const splitter = new FrameSplitter(HELLO_FRAME_BYTES_MAX, (frame) => {
          if (frame.length === 0 || frame.length > HELLO_FRAME_BYTES_MAX)
            throw new Error(`the splitter gave a frame of ${frame.length} bytes`);
        });
        const [good] = mutate(corpus, whole, (frame) => frame, drawn);
        const stream = Buffer.concat([good, mutation(good, good), good]);
        for (let from = 0; from < stream.length;) {
          const upTo = from + 1 + drawn(stream.length);
          splitter.push(stream.subarray(from, upTo));
          from = upTo;
        }
      }
    },
  };
}

/** Nodes that knock: the join calls, at a gate whose clients are not there. */
function knocks(world: FuzzWorld): Target {
  const { clock, random } = world;
  const coordinator = new MemoryCoordinatorService({ clock, shards: 4 }).seenBy(parseNodeId('n1'));
  const admission = new Admission({
    clusterId: new Uint8Array(16),
    keys: () => new Uint8Array(100),
    coordinatorNode: parseNodeId('n1'),
    coordinator,
    secret: random.bytes(32),
    clock,
    random,
    log: silentLog,
  });
  const nobody = {
    onFrame: () => undefined,
    onWritable: () => undefined,
    onClose: () => undefined,
  };
  const corpus = joinFrames();
  return {
    name: 'knocks',
    share: 0.05,
    async feed(mutations, drawn) {
      for (const mutation of mutations) {
        const link = new FuzzLink('10.0.0.1');
        const events = answeringKnocks(link, nobody, (item) => admission.answer(item));
        events.onFrame(mutate(corpus, whole, mutation, drawn)[1]);
        await Promise.resolve();
        if (link.refusals.has('E_INTERNAL')) throw new Error('a knock met E_INTERNAL');
      }
    },
  };
}

/** How a target at a gate looks at a link that it is done with. */
function judge(link: FuzzLink): void {
  if (link.refusals.has('E_INTERNAL')) throw new Error('a call was refused with E_INTERNAL');
}

function unauthenticated(world: FuzzWorld): Target {
  const corpus = clientFrames(world.cast);
  let links: FuzzLink[] = [];
  return {
    name: 'gate before login',
    share: 0.25,
    async feed(mutations, drawn) {
      for (const mutation of mutations) {
        const known = links[drawn(links.length + 1)];
        const link = known?.isOpen === true ? known : world.intruder.open(world.gate);
        if (link !== known) links.push(link);
        link.give(mutate(corpus, whole, mutation, drawn)[1]);
      }
      await world.pass();
      for (const link of links) judge(link);
      for (const link of links) if (drawn(3) === 0) link.destroy();
      links = links.filter(({ isOpen }) => isOpen);
    },
  };
}

function authenticated(world: FuzzWorld): Target {
  const corpus = clientFrames(world.cast);
  let link: FuzzLink | undefined;
  return {
    name: 'session',
    share: 0.1,
    async feed(mutations, drawn) {
      for (const mutation of mutations) {
        if (link?.isOpen !== true) link = await world.loggedIn();
        link.give(mutate(corpus, whole, mutation, drawn)[1]);
        // A session answers in order; a bad frame has ended it by then.
        await world.clock.advance(1);
        judge(link);
      }
      await world.pass();
    },
  };
}

/** What a member may say however bad it is: it is an operator, and orders that are well formed are obeyed. */
function isOrder({ service, payload }: Addressed): boolean {
  try {
    if (service === 'coordinator') {
      const { type } = coordinatorCalls.parseRequest(itemsOf(payload));
      return ORDERS.has(type);
    }
    return service === 'replica' && !QUESTIONS.has(decode(replicaRequest, payload).type);
  } catch {
    return service === 'replica' && isGrant(payload);
  }
}

/** To a replica or an owner: what changes nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(['held', 'digest']);

/** At the coordinator. */
const ORDERS: ReadonlySet<string> = new Set(['join', 'leave', 'swap']);

function isGrant(payload: Uint8Array): boolean {
  try {
    decode(granted, payload);
    return true;
  } catch {
    return false;
  }
}

function member(world: FuzzWorld): Target {
  const corpus = [...actorPayloads(world.cast), ...orderPayloads()];
  return {
    name: 'mesh services',
    share: 0.17,
    async feed(mutations, drawn) {
      world.rogue.greet();
      for (const mutation of mutations) {
        const [{ service }, payload] = mutate(corpus, (entry) => entry.payload, mutation, drawn);
        if (!isOrder({ service, payload })) world.rogue.say({ service, payload });
      }
      await world.pass();
    },
  };
}

function meshFrames(world: FuzzWorld): Target {
  const messages = packedMessages();
  const loads = loadPayloads();
  return {
    name: 'mesh frames',
    share: 0.08,
    async feed(mutations, drawn) {
      for (const [index, mutation] of mutations.entries()) {
        const load = mutate(loads, whole, mutation, drawn)[1];
        if (index % 4 === 0) world.rogue.greet(load.subarray(0, 4096));
        const frame = world.rogue.frameOf([messages[drawn(messages.length)]]);
        const other = world.rogue.frameOf([messages[drawn(messages.length)]]);
        world.rogue.raw(mutation(frame, other));
      }
      await world.pass();
    },
  };
}

export function targetsOf(world: FuzzWorld): readonly Target[] {
  return [
    codecs(),
    framing(),
    knocks(world),
    unauthenticated(world),
    authenticated(world),
    member(world),
    meshFrames(world),
  ];
}

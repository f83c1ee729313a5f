/** Payloads of the mesh service `actor`: a call to an address, and how its owner answers. */
import { actorCalls } from '../protocol/actor-calls.ts';
import type { ActorCallName, ActorRequest, AnyActorReply } from '../protocol/actor-calls.ts';
import { encodeRaw } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import { address, shardId, struct, u53 } from '../protocol/schema.ts';
import type { Infer, Type } from '../protocol/schema.ts';
import { itemsOf } from './items.ts';
import { shardAssignment } from './members.ts';
import type { ShardAssignment } from './members.ts';

/** `[tag, id, ...fields]` of a call table; the table checks it. */
const packedCall: Type<readonly unknown[]> = {
  label: 'call',
  pack: (value) => value,
  parse(raw) {
    if (!Array.isArray(raw)) throw new FastChatError('E_BAD_FRAME', 'expected a call');
    return raw as readonly unknown[];
  },
};

/** The shard's epoch tells the owner whether the sender knows the present map. */
export const routedCall = struct({ shard: shardId, epoch: u53, address, call: packedCall });
export type RoutedCall = Infer<typeof routedCall>;

/** First item of an answer. */
const ANSWER = { done: 0, moved: 1 } as const;

export type RoutedAnswer =
  | { readonly type: 'done'; readonly reply: AnyActorReply }
  /** Not carried out: the shard is, as far as the answering node knows, assigned like this. */
  | { readonly type: 'moved'; readonly assignment: ShardAssignment };

export function encodeReply(type: ActorCallName, reply: AnyActorReply): Uint8Array {
  return encodeRaw([ANSWER.done, ...actorCalls.packReply(type, reply)]);
}

export function encodeMoved(assignment: ShardAssignment): Uint8Array {
  return encodeRaw(shardAssignment.packInto([ANSWER.moved], assignment));
}

/** @throws E_BAD_FRAME */
export function decodeAnswer(type: ActorCallName, payload: Uint8Array): RoutedAnswer {
  const items = itemsOf(payload);
  if (items[0] === ANSWER.moved)
    return { type: 'moved', assignment: shardAssignment.parseFrom(items, 1) };
  if (items[0] !== ANSWER.done) throw new FastChatError('E_BAD_FRAME', 'no such kind of answer');
  return { type: 'done', reply: actorCalls.parseReply(type, items, 1) };
}

/**
 * Calls that may be carried out twice: when the fate of one is unknown, it is sent again. The others are answered with
 * the error, and whoever asked decides.
 */
export const REPEATABLE: ReadonlySet<ActorRequest['type']> = new Set([
  'append',
  'attach',
  'contacts',
  'deviceKey',
  'devices',
  'expired',
  'groupAppend',
  'groupChain',
  'groupInfo',
  'groupInterest',
  'groupKeys',
  'groupMarks',
  'groupOperate',
  'groupPull',
  'groupReceipts',
  'groupStage',
  'groupStats',
  'groupSubscribe',
  'groups',
  'head',
  'keys',
  'loginRecord',
  'mailboxStats',
  'membership',
  'presence',
  'pull',
  'putContact',
  'putGroupKey',
  'receipt',
  'receipts',
  'revokeDevice',
  'vault',
] satisfies ReadonlyArray<ActorRequest['type']>);

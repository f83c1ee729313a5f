/** Whatever an actor at an address can be asked: the calls of users and of groups as one table, for whoever only carries them. */
import { callTable } from './calls.ts';
import type { AnyReplyOf, ReplyOf, RequestOf } from './calls.ts';
import { groupCalls } from './group-calls.ts';
import { userCalls } from './user-calls.ts';

export const actorCalls = callTable({ ...userCalls.calls, ...groupCalls.calls });

export type ActorCalls = (typeof actorCalls)['calls'];
export type ActorRequest = RequestOf<ActorCalls>;
export type ActorCallName = keyof ActorCalls;
export type ActorReply<K extends ActorCallName> = ReplyOf<ActorCalls, K>;
export type AnyActorReply = AnyReplyOf<ActorCalls>;

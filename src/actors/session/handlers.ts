/** What a session does with the calls of a client, by their names. */
import type { ClientCallName, ClientRequest } from '../../protocol/client-calls.ts';
import type { RequestNamed } from './messages.ts';
import { emit } from './turn.ts';
import type { Turn } from './turn.ts';

/** Handlers of some calls, in a phase of type `P`. */
export type CallHandlers<P> = {
  readonly [K in ClientCallName]?: (
    turn: Turn,
    phase: P,
    id: number,
    request: RequestNamed<K>,
  ) => void;
};

type AnyHandler<P> = (turn: Turn, phase: P, id: number, request: ClientRequest) => void;

/** In whatever phase: this node is there. */
export function answerProbe(turn: Turn, _phase: unknown, id: number): void {
  if (id !== 0) emit(turn, { type: 'reply', id, call: 'probe', reply: {} });
}

/** The handler for `request`; undefined: this phase has none for such a call. */
export function handlerOf<P>(
  handlers: CallHandlers<P>,
  request: ClientRequest,
): AnyHandler<P> | undefined {
  // The table pairs each name with its own request, which the compiler checks there and cannot follow here.
  return handlers[request.type] as AnyHandler<P> | undefined;
}

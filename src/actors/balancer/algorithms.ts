/**
 * The strategies an operator can choose by name. Each only weighs the candidates; one draw picks among the weights, so
 * `explain` shows exactly the probabilities that the choice was made with.
 */
import { FastChatError } from '../../protocol/errors.ts';
import type { NodeId } from '../../protocol/ids.ts';
import type { BalanceAlgorithm } from './messages.ts';

/** A node that may take the next login. */
export interface Candidate {
  readonly node: NodeId;
  /** Sessions it reported and logins placed there since. */
  readonly connections: number;
  /** See `loadOf`. */
  readonly load: number;
}

/** Weights in the order of `candidates` (sorted by name, not empty); `last` is where the login before went. */
type Strategy = (candidates: readonly Candidate[], last: NodeId | undefined) => readonly number[];

const inverseLoad: Strategy = (candidates) => candidates.map(({ load }) => 1 / load);

const leastConnections: Strategy = (candidates) => {
  const fewest = Math.min(...candidates.map(({ connections }) => connections));
  return candidates.map(({ connections }) => (connections === fewest ? 1 : 0));
};

const roundRobin: Strategy = (candidates, last) => {
  const after = candidates.findIndex(({ node }) => last !== undefined && node > last);
  const next = Math.max(0, after);
  return candidates.map((_, index) => (index === next ? 1 : 0));
};

const random: Strategy = (candidates) => candidates.map(() => 1);

const STRATEGIES: Readonly<Record<BalanceAlgorithm, Strategy>> = {
  'inverse-load': inverseLoad,
  'least-connections': leastConnections,
  'round-robin': roundRobin,
  random,
};

/** How the named strategy weighs the candidates. */
export function weigh(
  algorithm: BalanceAlgorithm,
  candidates: readonly Candidate[],
  last: NodeId | undefined,
): readonly number[] {
  return STRATEGIES[algorithm](candidates, last);
}

function isAlgorithm(text: string): text is BalanceAlgorithm {
  return Object.hasOwn(STRATEGIES, text);
}

/** Reads the value of `--balance`. @throws E_CONFIG naming the algorithms there are */
export function parseAlgorithm(text: string): BalanceAlgorithm {
  if (isAlgorithm(text)) return text;
  throw new FastChatError(
    'E_CONFIG',
    `${JSON.stringify(text.slice(0, 64))} is not a balancing algorithm: use ${Object.keys(STRATEGIES).join(', ')}`,
  );
}

/** Answers and events of the contract, compared with what it says of their fields. */
import { expect } from 'chai';

export type Kind = 'string' | 'number' | 'boolean';
export type Shape = Readonly<Record<string, Kind>>;

/** Exactly these keys of these types; `extra` may be there. */
export function expectShape(value: any, kinds: Shape, extra: readonly string[] = []): void {
  const keys = Object.keys(value).filter((key) => !extra.includes(key));
  expect(keys.sort()).to.deep.equal(Object.keys(kinds).sort());
  for (const [key, kind] of Object.entries(kinds))
    expect(typeof value[key], `type of ${key}`).to.equal(kind);
}

/** The same of an event, which also says whose it is and of what type. */
export function expectEvent(event: any, kinds: Shape, extra: readonly string[] = []): void {
  expectShape(event, { account: 'string', type: 'string', ...kinds }, extra);
}

/** What the contract says of a `message`. */
export const MESSAGE = {
  id: 'string',
  conversation: 'string',
  from: 'string',
  seq: 'number',
  timestamp: 'number',
  text: 'string',
} as const;

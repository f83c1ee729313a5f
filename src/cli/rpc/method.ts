/** What a method of `fastchat rpc` is. */
import type { Accounts } from './accounts.ts';
import { readParams } from './params.ts';
import type { Params, ParamValues } from './params.ts';

export interface Method {
  readonly params: Params;
  /** As the reference shows it. */
  readonly result: string;
  readonly doc: string;
  call(accounts: Accounts, params: unknown): Promise<unknown>;
}

interface MethodSpec<P extends Params> {
  readonly params: P;
  readonly result: string;
  readonly doc: string;
  run(accounts: Accounts, params: ParamValues<P>): Promise<unknown>;
}

/** A method of the table from its declaration. */
export function method<P extends Params>(spec: MethodSpec<P>): Method {
  const { params, result, doc } = spec;
  return {
    params,
    result,
    doc,
    call: async (accounts, given) => spec.run(accounts, readParams(params, given)),
  };
}

/** Leaves out what was not given: absent and undefined differ for the client. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

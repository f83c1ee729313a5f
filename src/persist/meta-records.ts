/** Node-level records outside any shard, of any length that chunks can hold. */
import { chunkWrites, joinParts } from './chunks.ts';
import type { Environment, Pair } from './environment.ts';
import { after, storeKey } from './keys.ts';
import { META_AREA } from './physical-keys.ts';

export class MetaRecords {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  get(name: string): Uint8Array | undefined {
    return joinParts(this.#parts(name).map(([, part]) => part));
  }

  /** Joins the transaction of the present turn. @throws E_TOO_LARGE */
  put(name: string, value: Uint8Array): void {
    for (const write of chunkWrites(storeKey(name), value, this.#parts(name).length))
      this.#environment.write(META_AREA, write.key, write.value);
  }

  #parts(name: string): Pair[] {
    const from = storeKey(name);
    return this.#environment.range({ area: META_AREA, from, to: after(from) }, { limit: Infinity });
  }
}

/** The client's store on LMDB. */
import type { ClientKv } from './client-kv.ts';
import { createClientKv } from './environment-client-kv.ts';
import { openLmdbEnvironment } from './lmdb-environment.ts';
import type { LmdbEnvironmentOptions } from './lmdb-environment.ts';

/** Opens or makes the store in `directory`, whose lock the caller holds. @throws E_IO, E_VERSION */
export function openLmdbClientKv(options: LmdbEnvironmentOptions): ClientKv {
  return createClientKv(openLmdbEnvironment(options));
}

import { clientKvContract } from './client-kv.contract.ts';
import { WORLDS } from './shard-store-worlds.ts';

for (const [name, createWorld] of Object.entries(WORLDS)) clientKvContract(name, createWorld);

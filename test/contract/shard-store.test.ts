import { shardStoreModelContract } from './shard-store-model.contract.ts';
import { shardStoreReplicaContract } from './shard-store-replica.contract.ts';
import { WORLDS } from './shard-store-worlds.ts';
import { shardStoreContract } from './shard-store.contract.ts';

for (const [name, createWorld] of Object.entries(WORLDS)) {
  shardStoreContract(name, createWorld);
  shardStoreReplicaContract(name, createWorld);
  shardStoreModelContract(name, createWorld);
}

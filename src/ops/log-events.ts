/**
 * Every event a node can log, with what it means. Names are stable: people write alerts on them.
 * Fields are ids and counts; contents, keys and passwords have no field to go to.
 */
export const LOG_EVENTS = {
  // The process
  node_starting:
    'the configuration is read; carries the effective settings that differ from the defaults',
  node_ready: 'the node takes logins',
  node_draining: 'SIGTERM, SIGINT or admin drain: no new logins, shards and sessions move away',
  node_stopped: 'everything is closed; the process ends',
  node_failed: 'the node ends because of an error it cannot go on with',
  part_started: 'one part of the node runs',
  part_stopped: 'one part of the node has stopped',
  part_failed: 'one part did not start or stop',
  part_overdue: 'one part did not start or stop within its deadline',
  loop_lagging: 'the event loop was late by more than the warning mark',
  // HTTP
  http_listening: 'the operations port is open',
  http_failed: 'a request to the operations port failed',
  admin_called: 'an operator used an admin route',
  admin_refused: 'an admin route was called without the right token',
  // Gate and sessions
  gate_listening: 'the client port is open',
  link_refused: 'a client connection was turned away before login',
  session_opened: 'a device is attached',
  session_closed: 'a device is gone',
  login_refused: 'a login did not succeed',
  registration_done: 'an account was made',
  rate_limited: 'a session, user or source went over its budget',
  bad_frame: 'a client sent something that is not a frame of the protocol',
  // Actors
  actor_started: 'an address was activated from the store',
  actor_stopped: 'an idle address was passivated',
  actor_crashed: 'a message made an actor fail; it restarts from the store',
  actor_backing_off: 'an actor failed too often and rests',
  mailbox_full: 'a message was refused because the recipient has too much waiting',
  entries_expired: 'undelivered or old entries were removed',
  // Mesh and cluster
  mesh_listening: 'the node-to-node port is open',
  peer_up: 'a mesh link works',
  peer_lost: 'a mesh link fell silent or broke',
  frames_dropped: 'mesh frames were lost and counted; requests on them failed',
  member_joined: 'a node entered the cluster',
  member_left: 'a node left the cluster',
  join_refused: 'a node knocked with a wrong token',
  map_changed: 'the shard map has a new version',
  shard_taken: 'this node owns a shard in a new epoch',
  shard_released: 'this node no longer owns a shard',
  shard_fenced: 'a newer epoch was promised for a shard',
  owner_lost: 'owners lost their leases; this node is about to take shards of theirs over',
  shard_failed_over: 'this node took a shard over from an owner that lost its lease',
  placement_step: 'a shard got or gave up a replica, or its owner changed, as planned',
  replica_diverged: 'a replica rolls back what was never acknowledged',
  replica_synced: 'a replica caught up',
  replica_differs: 'a replica had other content at the same commit; it is copied anew',
  replica_lost: 'a replica does not answer or does not take what it is sent',
  takeover_failed: 'a shard of this node could not be served yet; it is tried again',
  coordinator_lost: 'the coordinator does not answer; the last map stays in force',
  coordinator_found: 'the coordinator answers again',
  node_steps_aside: 'this node does not hear enough of the others and gives its lease up',
  node_is_back: 'this node hears the others again and takes part',
  map_from_peer: 'a newer map came from another node, because the coordinator does not answer here',
  placement: 'the balancer chose a node for a login',
  // Store
  store_opened: 'the store is open',
  store_full: 'too little free space: new writes are refused',
  store_has_room: 'there is room again',
  store_failed: 'a commit failed; the process ends',
  store_put_back:
    'the store is not as the cluster saw it last: its copies are synced anew, or a second process has its keys',
  commit_slow: 'a commit took longer than the watchdog allows',
} as const satisfies Record<string, string>;

export type EventName = keyof typeof LOG_EVENTS;

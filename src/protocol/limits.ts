/**
 * Every bound in one place, with its unit in its name. docs/LIMITS.md says what happens at each.
 * `DEFAULT_LIMITS` are the ones an operator may set (`limits.*`); the constants are part of the protocol.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

// Protocol
export const PROTOCOL_VERSION = 1;
export const SHARDS_DEFAULT = 256;
/** One client frame (a batch) on the wire, without its length prefix. */
export const CLIENT_FRAME_BYTES_MAX = 256 * KIB;
/** One client frame before the session is authenticated. */
export const HELLO_FRAME_BYTES_MAX = 16 * KIB;
export const MESH_FRAME_BYTES_MAX = 2 * MIB;
export const ARRAY_ITEMS_MAX = 4096;
/** Arrays inside arrays: every open one costs as much memory as it announces items. */
export const NESTING_MAX = 16;
export const FRAMES_PER_BATCH_MAX = 1024;
/** A sealed body: text of the largest size, its context and its padding. */
export const ENVELOPE_BODY_BYTES_MAX = 96 * KIB;
export const VAULT_BYTES_MAX = 64 * KIB;
/** The largest encoded body of a direct message that fits an envelope with its context, padding and seal. */
export const DIRECT_BODY_BYTES_MAX = 87 * KIB;
/** Sender devices that one read mark can name. */
export const READ_MARKS_MAX = 256;
export const FILE_NAME_LENGTH_MAX = 255;
export const MIME_TYPE_LENGTH_MAX = 127;
/** Box keys kept in a vault; past it no new one is made until old ones are retired. */
export const VAULT_BOX_KEYS_MAX = 400;
export const DEVICE_NAME_LENGTH_MAX = 64;
export const DEVICES_MAX = 16;
export const PULL_ENTRIES_MAX = 256;
export const PULL_BYTES_MAX = 192 * KIB;
export const WATCHED_USERS_MAX = 1024;

// Groups
/** Members of one group: what one commit can hold with a seal and a notice for each. */
export const GROUP_MEMBERS_MAX = 1250;
/** One operation with its signature: the creation of a group names every member. */
export const GROUP_OPERATION_BYTES_MAX = 64 * KIB;
/** Title and topic, encrypted. */
export const GROUP_PROFILE_BYTES_MAX = 4 * KIB;
export const GROUP_TITLE_LENGTH_MAX = 128;
export const GROUP_TOPIC_LENGTH_MAX = 512;
/** Sealed keys in one frame: about 60 KiB. */
export const GROUP_SEALS_MAX = 480;
/** Sealed keys of one answer. */
export const GROUP_KEYS_PULL_MAX = 256;
/** Groups up to this size tell how far each member got; larger ones tell counts, to whoever asks. */
export const GROUP_RECEIPT_MEMBERS_MAX = 50;
/** Entries whose counts one question asks for. */
export const GROUP_RECEIPT_SEQS_MAX = 64;
/** Groups that one call subscribes to. */
export const GROUP_SUBSCRIPTIONS_MAX = 128;
/** Past it the user's actor takes no further group in, and the user's devices do not hear of it. */
export const GROUPS_PER_USER_MAX = 1000;
/** Operations of one life of a group; past it only leaving and deleting are left. */
export const GROUP_OPERATIONS_MAX = 100_000;
/** Authors whose seals wait for their operation, and how long they do. */
export const GROUP_STAGES_MAX = 4;
export const GROUP_STAGE_LIFETIME_MS = 60 * SECOND_MS;
/** How long a node that has interested sessions is pushed to without a word from it. */
export const GROUP_INTEREST_LEASE_MS = 60 * SECOND_MS;
/** Subscriptions of a node are renewed as they fall due, looked for this often. */
export const GROUP_RENEWAL_STEP_MS = 1 * SECOND_MS;
/** Nodes that a group's news is sent to directly; of more, the least loaded ones hand it on. */
export const FAN_OUT_DIRECT_NODES_MAX = 32;
/** How long receipts are gathered, by the node of the readers and again by the group. */
export const GROUP_MARKS_DELAY_MS = 250;
/** Users who are told of their membership at a time. */
export const GROUP_NOTICES_ASKED_MAX = 64;
/** Identities of authors kept by one group actor. */
export const GROUP_IDENTITIES_CACHED_MAX = 256;
/** Keys of one group that a client keeps in memory; the rest is in its store. */
export const GROUP_KEYS_CACHED_MAX = 64;
/** Keys that a client made for operations on one group whose fate it does not know; the oldest goes, and comes sealed instead. */
export const GROUP_KEYS_OFFERED_MAX = 8;
/** Times that a client makes an operation anew because another one was faster, before it says so. */
export const GROUP_RACES_MAX = 5;
/** Operations of a client on one group that wait for the ones before. */
export const GROUP_OPERATIONS_WAITING_MAX = 256;
/** Keys of members that a client asks for at the same time. */
export const GROUP_KEYS_ASKED_MAX = 32;
/** How long a login, and a list of groups, wait for groups that have not answered. */
export const GROUPS_WAIT_MS = 3 * SECOND_MS;
/** How often a client asks again for groups whose nodes could not answer. */
export const GROUP_SUBSCRIBE_RETRY_MS = 1 * SECOND_MS;
/** A group's key sealed to a box key that was replaced so long ago is sealed anew, before that box key is retired. */
export const GROUP_RESEAL_AFTER_MS = 7 * DAY_MS;
/** How often a group in memory looks for ended leases and what has expired. */
export const GROUP_TICK_MS = 1 * MINUTE_MS;

// Store
/** lmdb corrupts its free list with multi-page values; anything longer is split into chunks. */
export const STORE_VALUE_BYTES_MAX = 1900;
export const STORE_KEY_BYTES_MAX = 512;
export const STORE_RANGE_MAX = 500;
export const JOURNAL_RECORDS_KEPT = 1024;
/** Journal records are trimmed this many at a time, by the commit that makes them superfluous. */
export const JOURNAL_TRIM_RECORDS = 64;
/** One of the two files of a node's write-ahead log; appends wait while both hold what the store has not got. */
export const STORE_LOG_FILE_BYTES = 16 * MIB;
/** A file of the log grows by this much at a time. */
export const STORE_LOG_GROWTH_BYTES = 256 * KIB;
/** What is logged goes to the store when so many writes wait, and so many at a time: more would block the event loop. */
export const STORE_APPLY_WRITES = 1024;
/** No further turn is logged while the store is behind by so many: load then waits for the disk instead of for its own end. */
export const STORE_UNAPPLIED_WRITES_MAX = 16 * STORE_APPLY_WRITES;
/** What is logged goes to the store at the latest after this time. */
export const STORE_APPLY_DELAY_MS = 200;
export const COMMIT_WATCHDOG_MS = 10 * SECOND_MS;
/** How often a commit is looked at in that time. */
export const COMMIT_WATCHDOG_LOOKS = 10;
/** One commit: as many writes, and as many bytes of keys and values, so that a replica gets it in one mesh frame. */
export const COMMIT_WRITES_MAX = 4096;
export const COMMIT_BYTES_MAX = 1 * MIB;
/** Keys removed in one transaction when a shard is dropped; more would block the event loop. */
export const DROP_SLICE_KEYS = 500;
/** Parts of one chunked value. */
export const STORE_CHUNKS_MAX = 256;
/** One value of the client's own store. */
export const CLIENT_VALUE_BYTES_MAX = 1 * MIB;
export const FREE_SPACE_CHECK_INTERVAL_MS = 1 * SECOND_MS;
/** Free space is also checked whenever this much was written since the last look. */
export const FREE_SPACE_CHECK_BYTES = 64 * MIB;
/** Below the free-space mark, an install of at most this size still goes on, so that a replica can catch up. */
export const FULL_INSTALL_BYTES_MAX = 64 * KIB;

// Mesh
export const MESH_HEARTBEAT_INTERVAL_MS = 500;
export const MESH_PEER_SILENT_MS = 2 * SECOND_MS;
export const MESH_OUTBOX_BYTES_MAX = 16 * MIB;
export const MESH_BATCH_BYTES = 64 * KIB;
export const MESH_REQUEST_TIMEOUT_MS = 5 * SECOND_MS;
export const MESH_REQUESTS_OPEN_MAX = 65_536;
/** Frames in the pipe below the outbox, each way: what a blocked receiver holds beside MESH_OUTBOX_BYTES_MAX. */
export const MESH_PIPE_FRAMES_MAX = 64;
/** How soon a full pipe is looked at again. */
export const MESH_PIPE_RETRY_MS = 2;
/** Waits between dials of a peer that has not admitted our key yet: doubled from the first to the last. */
export const MESH_REDIAL_DELAY_MIN_MS = 100;
export const MESH_REDIAL_DELAY_MAX_MS = 2 * SECOND_MS;
/** ZeroMQ's own limits for a connection that hangs below the event loop. */
export const MESH_HANDSHAKE_TIMEOUT_MS = 3 * SECOND_MS;
export const MESH_CONNECTION_SILENT_MS = 1500;
/** Width of one slot of the wheel that ends overdue requests: a request ends at most this much late. */
export const MESH_DEADLINE_SLOT_MS = 50;
export const BOOT_ID_LENGTH_MAX = 64;
/** What a heartbeat carries for the balancer. */
export const LOAD_REPORT_BYTES_MAX = 4 * KIB;
export const ERROR_CODE_LENGTH_MAX = 32;
export const ERROR_TEXT_LENGTH_MAX = 512;

// Cluster
export const SHARDS_MAX = 4096;
export const MEMBERS_MAX = 256;
export const REPLICAS_MAX = 7;
/** How often a node asks for the cluster's view although nothing was announced. */
export const COORDINATOR_POLL_MS = 5 * SECOND_MS;
/** Changes of the view within this time are announced together. */
export const COORDINATOR_ANNOUNCE_DELAY_MS = 20;
export const COORDINATOR_RETRY_MS = 500;
/** How long a node waits for the coordinator at another node before it asks the same once more: a frame may be lost. */
export const COORDINATOR_ASK_AGAIN_MS = 1 * SECOND_MS;
/** How often a node without a lease asks a peer for the map. */
export const PEER_MAP_ASK_MS = 500;
/** How often a node looks whether it hears enough of the others. */
export const RETREAT_LOOK_MS = 250;
/** How long a node that hears the fewer half waits before it steps aside: who died meanwhile has lost its lease. */
export const RETREAT_MINORITY_MS = 2 * SECOND_MS;
/** The same of a node that only misses one who lives and is heard by others. */
export const RETREAT_SPLIT_MS = 2 * SECOND_MS;
/** A node that starts hears nobody for a while, and everybody may be starting. */
export const RETREAT_START_MS = 15 * SECOND_MS;
/** How long after its lease a node that stepped aside gives up its sessions. */
export const RETREAT_SESSIONS_MS = 1 * SECOND_MS;
/** How often it asks whether the coordinator answers. */
export const RETREAT_PROBE_MS = 1 * SECOND_MS;
/** A node that starts waits this long for the coordinator; then it is up, but serves nothing until it answers. */
export const COORDINATOR_START_WAIT_MS = 3 * SECOND_MS;
/** Without a renewal for this long a node counts as dead. */
export const LEASE_TTL_MS = 2 * SECOND_MS;
export const LEASE_RENEW_MS = 500;
/** How often the embedded coordinator looks for leases that ran out. */
export const LEASE_CHECK_MS = 200;
/** A look that comes this late means that the coordinator itself was away: leases begin anew. */
export const LEASE_CHECK_LATE_MS = 1 * SECOND_MS;
/** How often a node changes the token of its store: a copy of the directory that is older than this is noticed. */
export const STORE_TOKEN_ROTATE_MS = 1 * MINUTE_MS;
/** How long one member of etcd has for a request that may be asked again of the next one. */
export const ETCD_ATTEMPT_MS = 1 * SECOND_MS;
/** How long a request to etcd may take in all. */
export const ETCD_REQUEST_MS = 3 * SECOND_MS;
/** Etcd refuses transactions of more operations than 128, unless it is told otherwise. */
export const ETCD_TRANSACTION_WRITES_MAX = 100;
/** By how much a map that is written anew is newer: more than anything that happened since the last one known. */
export const REBUILD_EPOCH_STEP = 1_000_000;
export const REBUILD_VERSION_STEP = 1_000_000_000;
export const ETCD_ANSWER_BYTES_MAX = 8 * MIB;
/** Connections to each member of etcd. */
export const ETCD_SOCKETS_MAX = 32;
/** How often a change is tried again because others changed the same. */
export const ETCD_CONFLICTS_MAX = 16;
/** Shards that a node claims at the same time when it starts. */
export const SHARD_CLAIMS_MAX = 32;
/** Between looks for copies of shards that live elsewhere. */
export const REPLICA_SWEEP_MS = 10 * SECOND_MS;
/** A commit that was not acknowledged for so many ticks ends with an unknown fate; further ones are refused until one is. */
export const COMMIT_TICK_MS = 500;
export const COMMIT_TICKS_MAX = 10;
/** Commits of one shard that wait while its replica set changes. */
export const COMMITS_HELD_MAX = 4096;
/** How long a replica may take to answer: it answers when its disk has it. */
export const REPLICA_ANSWER_TIMEOUT_MS = 3 * SECOND_MS;
/** Commits of one request to a replica, by bytes and by number. */
export const REPLICA_BATCH_BYTES = 512 * KIB;
export const REPLICA_BATCH_COMMITS_MAX = 1024;
/** Commits sent to one replica node and not answered; past it the replica has to catch up. */
export const REPLICA_WINDOW_BYTES = 8 * MIB;
/** When a replica that did not answer is asked again. */
export const REPLICA_RETRY_MS = 500;
/** Replicas that one node asks what they lack, and copies that it makes in pages, at the same time. */
export const REPLICA_SYNCS_MAX = 32;
export const REPLICA_COPIES_MAX = 3;
export const REPLICA_PAGE_BYTES_MAX = 512 * KIB;
/** What a replica lacks comes at once up to this size, and in pages beyond. */
export const REPLICA_DELTA_BYTES_MAX = 1 * MIB;
export const REPLICA_DELTA_ROUNDS_MAX = 20;
/** Copies of shards that an owner has asked about are not deleted for this long. */
export const REPLICA_COPY_IDLE_MS = 10 * SECOND_MS;
/** Journal records that are kept for a replica which is behind; past it the replica is copied anew. */
export const JOURNAL_HELD_MAX = 4096;
/** Changes of epoch that a replica tells of its log; it is copied anew when the common part is older. */
export const EPOCH_RUNS_MAX = 64;
/** Between looks whether the replicas of the own shards are equal, and how long one of them may take to tell. */
export const ANTI_ENTROPY_MS = 10 * MINUTE_MS;
export const DIGEST_TIMEOUT_MS = 30 * SECOND_MS;
/** How long a new replica may take to catch up, and how long commits may take to be flushed before a set changes. */
export const REPLICA_ADD_TIMEOUT_MS = 10 * MINUTE_MS;
export const REPLICA_DRAIN_TIMEOUT_MS = 3 * SECOND_MS;
/** Changes of members and map within this time lead to one look at the placement. */
export const PLACEMENT_DELAY_MS = 200;
/** How often a node looks at the placement although nothing was told. */
export const PLACEMENT_LOOK_MS = 5 * SECOND_MS;
/** Shards whose replicas or owner a node changes at the same time. */
export const PLACEMENT_STEPS_AT_ONCE = 8;
/** Steps of one plan that are begun before a newer plan is made. */
export const PLACEMENT_PLANNED_STEPS_MAX = 64;
/** A shard whose step failed is left alone for this long. */
export const PLACEMENT_RETRY_MS = 1 * SECOND_MS;
/** A copy on a node that has been dead for this long is made anew on another one. */
export const REPLICA_REPLACE_DEFAULT_MS = 5 * MINUTE_MS;
/** How much later than the one before it each further replica tries to take over a shard without an owner. */
export const FAILOVER_STAGGER_MS = 500;
/** Members given up at one node that its heartbeats tell of; further ones wait until these are gone. */
export const FORGOTTEN_TOLD_MAX = 16;
/** How long an owner without a lease has to get one again, when one of the replicas was not heard for a while and now is. */
export const FAILOVER_PATIENCE_MS = 2 * SECOND_MS;
/** Members that a node does not hear, named in its heartbeats; one that names so many vouches for nobody. */
export const MISSED_TOLD_MAX = 16;
export const FAILOVER_RETRY_MS = 250;
export const FAILOVER_SHARDS_AT_ONCE = 32;
/** Messages that wait on one node for shards on the move. */
export const ROUTER_WAITING_MESSAGES_MAX = 16_384;
export const ROUTER_RETRY_DELAY_MIN_MS = 10;
export const ROUTER_RETRY_DELAY_MAX_MS = 250;
export const JOIN_CHALLENGES_MAX = 64;
export const JOIN_CHALLENGE_LIFETIME_MS = 30 * SECOND_MS;
/** The cluster's keys, as a joining node gets them. */
export const CLUSTER_KEYS_BYTES_MAX = 16 * KIB;

/** Changes of the number of sessions are told to the other nodes this much later, all in one report. */
export const LOAD_REPORT_DELAY_MS = 50;

// Actors
export const ACTOR_MAILBOX_MESSAGES_MAX = 1000;
export const ACTOR_IDLE_MS = 2 * MINUTE_MS;
export const ACTOR_CRASHES_MAX = 3;
export const ACTOR_CRASH_WINDOW_MS = 10 * SECOND_MS;
/** When the sender of a message that found a full mailbox may try again. */
export const ACTOR_BUSY_RETRY_MS = 100;
/** Messages an actor handles before others get their turn. */
export const ACTOR_TURN_MESSAGES_MAX = 32;
/** How long actors run before the network gets its turn. */
export const ACTOR_RUN_SLICE_MS = 25;

// Gate
export const HANDSHAKE_TIMEOUT_MS = 5 * SECOND_MS;
export const LOGIN_TIMEOUT_MS = 10 * SECOND_MS;
export const KEEPALIVE_INTERVAL_MS = 20 * SECOND_MS;
export const SESSION_SILENT_MS = 75 * SECOND_MS;
/** How long a receipt may wait for something to ride with. */
export const SESSION_HOLD_MS = 10;
export const SESSION_WRITE_BYTES_PAUSE = 256 * KIB;
export const SESSION_WRITE_BYTES_MAX = 1 * MIB;
export const SESSION_WRITE_STALL_MS = 30 * SECOND_MS;
/** A link with more than this waiting is destroyed at once: whoever writes to it ignores the pause mark. */
export const SESSION_WRITE_BYTES_HARD_MAX = 8 * MIB;
export const TLS_TICKET_KEY_BYTES = 48;
/** How long a TLS session may be resumed. */
export const TLS_SESSION_LIFETIME_MS = 1 * DAY_MS;
/** Clusters whose last TLS session a client keeps in memory. */
export const TLS_SESSIONS_KEPT_MAX = 16;
/** How long an orderly close may wait for the other side to take what is queued. */
export const LINK_CLOSE_TIMEOUT_MS = 5 * SECOND_MS;
/** Pushed entries that a session may hold unacknowledged before the node stops pushing and the log waits. */
export const PUSH_WINDOW_ENTRIES = 1024;
export const UNAUTHENTICATED_PER_SOURCE_MAX = 256;
export const UNAUTHENTICATED_MAX = 1000;
/** A link that never logs in ends after this, however busy it keeps itself. */
export const UNAUTHENTICATED_LIFE_MS = 1 * MINUTE_MS;
/** Sources (IP addresses) whose attempts are counted; past it the one seen longest ago is forgotten. */
export const SOURCES_REMEMBERED_MAX = 65_536;
/** Everything but `send`, per session. */
export const SESSION_CALLS_PER_SECOND = 200;
export const SESSION_CALLS_BURST = 2000;
/** Watched users that cost as much as one call. */
export const WATCHED_USERS_PER_CALL = 8;
/** Sealed keys of a group that cost as much as one call. */
export const SEALS_PER_CALL = 8;
/** The sessions of one life of a node are numbered from a random number below this. */
export const SESSION_NUMBERS_BEGIN_MAX = 2 ** 48;
/** Entries of one push; more are split over several, so that each fits a frame. */
export const PUSH_BYTES_MAX = 128 * KIB;
/** How soon a session announces itself again when its user could not be reached. */
export const ANNOUNCE_RETRY_MS = 2 * SECOND_MS;
/** How long a session that was told to go elsewhere still answers what it has begun. */
export const GO_AWAY_GRACE_MS = 15 * SECOND_MS;
/** How long it may stay once its client is attached elsewhere: the client closes it when it has heard of that. */
export const MOVED_GRACE_MS = 2 * SECOND_MS;
/** Sessions that were sent away and are still there; further ones wait, for so long at most. */
export const DRAIN_SESSIONS_MOVING_MAX = 128;
export const DRAIN_MOVE_WAIT_MS = 5 * SECOND_MS;
/** Clients that are sent away without a ticket come back spread over this time. */
export const GO_AWAY_SPREAD_MS = 2 * SECOND_MS;
/** When a login finds no node, the client is told to wait this long. */
export const NO_NODE_RETRY_MS = 1 * SECOND_MS;

// Balancer
/** A node that is busier takes logins only when all others are, too. */
export const BALANCER_UTILISATION_MAX = 0.95;
/** The least share of a node that counts as free: keeps the load of a saturated node finite. */
export const BALANCER_FREE_SHARE_MIN = 0.05;

// Login
/** How long an invitation may be used. */
export const INVITATION_LIFETIME_MS = 7 * DAY_MS;
/** How long an operator's command waits for another node. */
export const OPERATOR_ANSWER_TIMEOUT_MS = 3 * SECOND_MS;
/** A node that is asked to forget another one tells how far it is at least this often. */
export const FORGET_ANSWER_MS = 2 * SECOND_MS;
/** Users that `admin user list` shows. */
export const LISTED_USERS_MAX = 1000;
export const TICKET_LIFETIME_MS = 30 * SECOND_MS;
/** Tickets are signed for this long by the clock of the node they are for, as its last report told it. */
export const TICKET_SIGNED_FOR_MS = TICKET_LIFETIME_MS / 2;
/** How long after proving the old password a session may set a new one. */
export const REAUTH_VALID_MS = 1 * MINUTE_MS;
export const TICKETS_REMEMBERED_MAX = 100_000;
export const STORE_TOKEN_BYTES = 16;
/** How long the thread that stretches passwords waits for more work before it ends. */
export const PASSWORD_WORKER_IDLE_MS = 2 * SECOND_MS;

// Users
/** Server cursors lag what devices have by at most this much. */
export const CURSOR_LAG_ENTRIES = 256;
export const CURSOR_LAG_MS = 2 * SECOND_MS;
export const DEVICE_STALE_MS = 30 * DAY_MS;
export const CONTACTS_MAX = 2000;
export const PRESENCE_LEASE_MS = 60 * SECOND_MS;
/** Who is told of one user's presence; past it further watchers are not told and see it when they ask. */
export const WATCHERS_MAX = 4096;
/** How long a login waits for others to share a commit with, when the one before was no longer ago. */
export const ATTACH_BURST_MS = 4;
/** How much later than asked sessions and users in memory may wake up: their waits share timers. */
export const COARSE_TIMER_SLOT_MS = 250;
/** How often a user in memory looks for dead sessions, ended leases and what has expired. */
export const USER_TICK_MS = 1 * MINUTE_MS;
export const RETENTION_INTERVAL_MS = 60 * MINUTE_MS;
/** How often, and for how many accounts at a time, a node wakes users whom nobody talks to. */
export const RETENTION_PATROL_STEP_MS = 1 * SECOND_MS;
export const RETENTION_PATROL_USERS = 50;
/** Log entries and store keys removed by one commit. */
export const RETENTION_SLICE_ENTRIES = 256;
export const RETENTION_SLICE_KEYS = 1024;
/** Entries that are read to tell whether anything is due: nearly always nothing is, and the oldest tells. */
export const RETENTION_LOOK_ENTRIES = 1;
/** Log entries settled by one step; more are settled in further steps. */
export const SETTLE_SLICE_ENTRIES = 256;
/** Heads of the newest undelivered entries kept in memory, so that acknowledgements of devices online read nothing. */
export const RECENT_HEADS_MAX = 1024;
/** Sender devices that one user keeps in memory; the ones read first are dropped and read again when needed. */
export const PAIRS_CACHED_MAX = 4096;
/** Room in a log record for everything but the body. */
export const LOG_RECORD_HEAD_BYTES_MAX = 200;
/** Commits of one actor that wait for the store; past either, senders are told to wait. */
export const ACTOR_COMMITS_WAITING_MAX = 1000;
export const ACTOR_COMMIT_BYTES_WAITING_MAX = 8 * MIB;
/** Commits of one actor are joined up to this many bytes. */
export const ACTOR_COMMIT_BATCH_BYTES = 256 * KIB;
/** Notices of expiry that senders have not confirmed yet; past it nothing undelivered expires. */
export const OWED_NOTICES_MAX = 1024;
export const OWED_RETRY_MIN_MS = 1 * SECOND_MS;
export const OWED_RETRY_MAX_MS = 60 * SECOND_MS;

// Client
export const OUTBOX_WINDOW_MESSAGES = 64;
export const OUTBOX_MESSAGES_MAX = 10_000;
export const SYNC_COALESCE_MESSAGES = 64;
export const SYNC_COALESCE_MS = 2 * SECOND_MS;
export const RECONNECT_DELAY_MIN_MS = 100;
export const RECONNECT_DELAY_MAX_MS = 5 * SECOND_MS;
/** How long a gate that failed is tried only after the others. */
export const GATE_AVOIDED_MS = 30 * SECOND_MS;
/** A link on which a call waits and nothing came for so long is asked whether anybody is there, and how long it may take. */
export const LINK_QUIET_MS = 2 * SECOND_MS;
export const LINK_PROBE_MS = 2 * SECOND_MS;
/** The slowest way out on which a silence is blamed on the node: what was sent may take so long. */
export const LINK_SLOW_BYTES_PER_SECOND = 16 * KIB;
/** The longest that a client waits because a node said so. */
export const REFUSAL_WAIT_MS_MAX = 60 * MINUTE_MS;
export const REQUEST_TIMEOUT_MS = 10 * SECOND_MS;
export const BOX_KEY_ROTATE_MS = 1 * DAY_MS;
/** Calls of one client that wait for an answer; past it a call is refused with E_RATE_LIMITED. */
export const CLIENT_CALLS_OPEN_MAX = 16_384;
/** Messages of one client on their way at once, over all recipients. */
export const CLIENT_SENDS_FLYING_MAX = 4096;
/** Overdue calls are ended at most this late. */
export const CLIENT_DEADLINE_SWEEP_MS = 250;
/** Pushes kept while a login is not finished; later ones are dropped and pulled. */
export const PUSHES_HELD_MAX = 1024;
/** Tickets followed in one login before it counts as failed. */
export const LOGIN_REDIRECTS_MAX = 4;
export const CONNECT_URL_GATES_MAX = 32;
/** Public keys of users kept in memory by a client; the oldest are dropped and fetched again. */
export const KEYS_CACHED_MAX = 4096;
/** Envelopes kept unopened until a changed key is accepted; past it further ones of that sender are dropped with a warning. */
export const HELD_ENVELOPES_MAX = 1000;
/** When entries of a sender whose keys were out of reach are read again. */
export const HELD_RETRY_MS = 5 * SECOND_MS;
/** How often a client looks whether its box key has served its time. */
export const BOX_KEY_CHECK_INTERVAL_MS = 60 * MINUTE_MS;
/** How often a client asks for receipts while somebody waits for one. */
export const RECEIPT_CHECK_INTERVAL_MS = 3 * SECOND_MS;
/** Private box keys are kept this long after a newer one was made: longer than any node retains what is sealed to them. */
export const BOX_KEY_RETAIN_MS = 90 * DAY_MS;
/** How often a call that lost a race for the vault tries again with the newer one. */
export const VAULT_CONFLICTS_MAX = 5;
/** Records that a client reads in one turn of a long search or recount. */
export const CLIENT_SCAN_RECORDS = 256;
export const SEARCH_MESSAGES_DEFAULT = 50;
/** Presence questions of one client under way at once. */
export const PRESENCE_CALLS_MAX = 16;
/** Counter ranges of expired messages remembered per device and recipient; the oldest are merged past it. */
export const EXPIRED_RANGES_MAX = 64;

// Operations
export const PART_START_DEADLINE_MS = 30 * SECOND_MS;
/** A part of a node that has not stopped by then is left behind, so that the others get their turn. */
export const PART_STOP_DEADLINE_MS = 10 * SECOND_MS;
export const HTTP_BODY_BYTES_MAX = 64 * KIB;
export const HTTP_CONNECTIONS_MAX = 128;
export const HTTP_REQUEST_TIMEOUT_MS = 10 * SECOND_MS;
/** Values of an open label of a metric; further ones are counted as `other`. */
export const METRIC_LABEL_VALUES_MAX = 64;
export const LOOP_SAMPLE_INTERVAL_MS = 500;
export const DRAIN_TIMEOUT_DEFAULT_MS = 30 * SECOND_MS;
export const DEV_NODES_MAX = 9;

// Commands
/** How long `send` waits for what `--wait` asks when no `--timeout` is given. */
export const COMMAND_TIMEOUT_DEFAULT_MS = 10 * SECOND_MS;
/** How long a command that ends goes on sending what is in the outbox; the rest is saved. */
export const COMMAND_GRACE_MS = 2 * SECOND_MS;
/** Longest text read from a pipe; the node's own limit may be lower. */
export const STDIN_TEXT_BYTES_MAX = 1 * MIB;
export const PASSWORD_BYTES_MAX = 1 * KIB;
/** A shorter one is accepted, with a word of warning. */
export const PASSWORD_LENGTH_ADVISED = 8;
/** How long a server gets to take a connection before a person types a password for it. */
export const SERVER_PROBE_TIMEOUT_MS = 5 * SECOND_MS;
/** How long `send` waits for its own store to have noted what the node has taken. */
export const SENT_NOTED_TIMEOUT_MS = 500;
export const HISTORY_MESSAGES_DEFAULT = 50;
/** Messages that one question to the local store may ask for. */
export const HISTORY_MESSAGES_MAX = 100_000;
/** Messages that `tail` prints and marks at a time. */
export const TAIL_BATCH_MESSAGES = 256;
export const RPC_LINE_BYTES_MAX = 1 * MIB;
/** Requests of one `fastchat rpc` that may run at a time; past it no further line is read. */
export const RPC_REQUESTS_OPEN_MAX = 1024;
/** Output that the reader of `fastchat rpc` has not taken; past it events are dropped, counted and told. */
export const RPC_OUTPUT_BYTES_MAX = 64 * MIB;
/** Pasted lines that `chat` sends without asking. */
export const CHAT_PASTE_LINES_MAX = 3;
export const CHAT_PASTE_WINDOW_MS = 50;
/** A second Ctrl+C within this time leaves `chat`. */
export const CHAT_QUIT_WINDOW_MS = 2 * SECOND_MS;
export const CHAT_BACKLOG_MESSAGES = 20;
/** How long acknowledgements are gathered into one line, while better ones may still come. */
export const CHAT_ACK_DELAY_MS = 3 * SECOND_MS;
/** The same for messages of which nothing better can come. */
export const CHAT_ACK_SOON_MS = 300;
/** A message that no node has stored by then is said to wait. */
export const CHAT_WAIT_NOTICE_MS = 2 * SECOND_MS;
/** A connection that is back by then was not worth a word. */
export const CHAT_LOST_NOTICE_MS = 500;
/** How much of a message its acknowledgement repeats, in columns. */
export const CHAT_QUOTE_COLUMNS = 24;
/** A title or topic of a group in a line about it; its info shows the whole. */
export const CHAT_TITLE_COLUMNS = 60;
/** Names that a chat completes: those that come after these are not. */
export const CHAT_NAMES_MAX = 5000;
/** Members that `/members` lists; `fastchat group info` lists all. */
export const CHAT_MEMBERS_LISTED_MAX = 100;
/** Unread messages that opening a conversation shows at most. */
export const CHAT_UNREAD_MESSAGES_MAX = 200;
/** Messages that `chat` remembers to have shown, to show none of them again. */
export const CHAT_SHOWN_REMEMBERED_MAX = 5000;
/** Own messages whose state `chat` remembers, to show each only once. */
export const CHAT_ACKS_REMEMBERED_MAX = 1000;

/** What an operator may set; the names are the keys under `limits.` in the configuration. */
export interface Limits {
  /** Longest text of one message, in bytes of UTF-8; enforced by clients, bounded by the envelope at the node. */
  readonly textBytes: number;
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  readonly mailboxMessages: number;
  readonly mailboxBytes: number;
  /** Waiting messages from one sender who is not a contact of the recipient. */
  readonly strangerMessages: number;
  /** At most GROUP_MEMBERS_MAX. */
  readonly groupMembers: number;
  readonly failedLoginsPerMinute: number;
  readonly loginsPerMinutePerSource: number;
  readonly registrationsPerMinutePerSource: number;
  readonly connections: number;
  /** Sessions that a draining node sends away. */
  readonly drainSessionsPerSecond: number;
  /** Free space below which new writes are refused, in bytes and as a share of the disk. */
  readonly freeSpaceBytes: number;
  readonly freeSpaceRatio: number;
}

/** A client that is sent away is back after one handshake; so many at a time leave a node room for its work. */
const DRAIN_SESSIONS_PER_SECOND_DEFAULT = 500;

export const DEFAULT_LIMITS: Limits = {
  textBytes: 64 * KIB,
  messagesPerSecond: 100,
  messagesBurst: 1000,
  mailboxMessages: 100_000,
  mailboxBytes: 256 * MIB,
  strangerMessages: 1000,
  groupMembers: 1000,
  failedLoginsPerMinute: 10,
  loginsPerMinutePerSource: 6000,
  registrationsPerMinutePerSource: 600,
  connections: 20_000,
  drainSessionsPerSecond: DRAIN_SESSIONS_PER_SECOND_DEFAULT,
  freeSpaceBytes: 256 * MIB,
  freeSpaceRatio: 0.02,
};

export const MAILBOX_TTL_DEFAULT_MS = 30 * DAY_MS;
export const HISTORY_RETENTION_DEFAULT_MS = 30 * DAY_MS;

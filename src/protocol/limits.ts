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

// Store
/** lmdb corrupts its free list with multi-page values; anything longer is split into chunks. */
export const STORE_VALUE_BYTES_MAX = 1900;
export const STORE_KEY_BYTES_MAX = 512;
export const STORE_RANGE_MAX = 500;
export const JOURNAL_RECORDS_KEPT = 1024;
export const COMMIT_WATCHDOG_MS = 10 * SECOND_MS;

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
export const ERROR_TEXT_LENGTH_MAX = 512;

// Actors
export const ACTOR_MAILBOX_MESSAGES_MAX = 1000;
export const ACTOR_IDLE_MS = 2 * MINUTE_MS;
export const ACTOR_CRASHES_MAX = 3;
export const ACTOR_CRASH_WINDOW_MS = 10 * SECOND_MS;

// Gate
export const HANDSHAKE_TIMEOUT_MS = 5 * SECOND_MS;
export const LOGIN_TIMEOUT_MS = 10 * SECOND_MS;
export const KEEPALIVE_INTERVAL_MS = 20 * SECOND_MS;
export const SESSION_SILENT_MS = 75 * SECOND_MS;
export const SESSION_WRITE_BYTES_PAUSE = 256 * KIB;
export const SESSION_WRITE_BYTES_MAX = 1 * MIB;
export const SESSION_WRITE_STALL_MS = 30 * SECOND_MS;
/** A link with more than this waiting is destroyed at once: whoever writes to it ignores the pause mark. */
export const SESSION_WRITE_BYTES_HARD_MAX = 8 * MIB;
/** How long an orderly close may wait for the other side to take what is queued. */
export const LINK_CLOSE_TIMEOUT_MS = 5 * SECOND_MS;
/** Pushed entries that a session may hold unacknowledged before the node stops pushing and the log waits. */
export const PUSH_WINDOW_ENTRIES = 1024;
export const UNAUTHENTICATED_PER_SOURCE_MAX = 256;
export const UNAUTHENTICATED_MAX = 1000;

// Login
export const TICKET_LIFETIME_MS = 30 * SECOND_MS;
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

// Client
export const OUTBOX_WINDOW_MESSAGES = 64;
export const OUTBOX_MESSAGES_MAX = 10_000;
export const SYNC_COALESCE_MESSAGES = 64;
export const SYNC_COALESCE_MS = 2 * SECOND_MS;
export const RECONNECT_DELAY_MIN_MS = 100;
export const RECONNECT_DELAY_MAX_MS = 10 * SECOND_MS;
export const REQUEST_TIMEOUT_MS = 10 * SECOND_MS;
export const BOX_KEY_ROTATE_MS = 1 * DAY_MS;

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
  readonly failedLoginsPerMinute: number;
  readonly loginsPerMinutePerSource: number;
  readonly registrationsPerMinutePerSource: number;
  readonly connections: number;
  /** Free space below which new writes are refused, in bytes and as a share of the disk. */
  readonly freeSpaceBytes: number;
  readonly freeSpaceRatio: number;
}

export const DEFAULT_LIMITS: Limits = {
  textBytes: 64 * KIB,
  messagesPerSecond: 100,
  messagesBurst: 1000,
  mailboxMessages: 100_000,
  mailboxBytes: 256 * MIB,
  strangerMessages: 1000,
  failedLoginsPerMinute: 10,
  loginsPerMinutePerSource: 6000,
  registrationsPerMinutePerSource: 600,
  connections: 20_000,
  freeSpaceBytes: 256 * MIB,
  freeSpaceRatio: 0.02,
};

export const MAILBOX_TTL_DEFAULT_MS = 30 * DAY_MS;
export const HISTORY_RETENTION_DEFAULT_MS = 30 * DAY_MS;

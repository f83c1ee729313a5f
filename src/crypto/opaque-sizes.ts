/** What both ends of OPAQUE agree on; sizes in bytes of its messages, the same in the simulated twin. */
export const REGISTRATION_REQUEST_BYTES = 32;
export const REGISTRATION_RESPONSE_BYTES = 64;
export const RECORD_BYTES = 192;
export const LOGIN_REQUEST_BYTES = 96;
export const LOGIN_RESPONSE_BYTES = 320;
export const LOGIN_FINISH_BYTES = 64;
export const EXPORT_KEY_BYTES = 64;

/**
 * Both ends mix the server's name into the record and into every login, besides the server's public key that OPAQUE
 * binds by itself: a record or a transcript of another application is worthless here.
 */
export const OPAQUE_IDENTIFIERS = { server: 'fastchat/1' } as const;

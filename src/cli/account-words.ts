/** What people are told about accounts, in more places than one. */

/** Two lines: what to do with the recovery code, and what it is for. */
export const RECOVERY_ADVICE =
  'write it down and keep it offline.\n' +
  'It opens your keys when the password is lost; a later version will ask for it.';

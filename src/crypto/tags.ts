/**
 * The domain tags: every hash, signature, derivation and encryption names its purpose first, so bytes made for one
 * purpose are worthless for any other. A tag is never reused; a changed layout gets a new number.
 */
export const TAGS = {
  // Signatures by a user's identity
  boxKey: 'fastchat box key 1',
  direct: 'fastchat direct message 1',
  selfSync: 'fastchat self sync 1',
  groupMessage: 'fastchat group message 1',
  groupOperation: 'fastchat group operation 1',
  // Signatures by a device
  deviceProof: 'fastchat device proof 1',
  // Signatures by the cluster
  ticket: 'fastchat ticket 1',
  invitation: 'fastchat invitation 1',
  // Hashes
  fingerprint: 'fastchat fingerprint 1',
  messageTag: 'fastchat message tag 1',
  messageHash: 'fastchat message hash 1',
  groupOperationHash: 'fastchat group operation hash 1',
  groupKey: 'fastchat group key 1',
  recoveryChecksum: 'fastchat recovery checksum 1',
  recoverySecret: 'fastchat recovery secret 1',
  localName: 'fastchat local name 1',
  // Derivations and encryptions
  vault: 'fastchat vault 1',
  passwordWrap: 'fastchat vault key by password 2',
  recoveryWrap: 'fastchat vault key by recovery code 2',
  groupKeyStep: 'fastchat group key step 1',
  groupBody: 'fastchat group body 1',
  groupProfile: 'fastchat group profile 1',
  localRecord: 'fastchat local record 1',
} as const;

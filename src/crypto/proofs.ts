/** How a device shows that it is who it says, without the password: a signature that is worth something here and now only. */
import type { DeviceId, NodeId, UserId } from '../protocol/ids.ts';
import { u53Bytes, utf8 } from './bytes.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

/** What a device proof is bound to. */
export interface ProofContext {
  /** 32 bytes from the server, fresh for every link: no replay. */
  readonly nonce: Uint8Array;
  /** The node and its run: a rogue node cannot use the proof elsewhere. */
  readonly node: NodeId;
  readonly bootId: Uint8Array;
  /** 32 bytes, the fingerprint of the cluster's TLS key that the client *pinned*: a man in the middle has another. */
  readonly fingerprint: Uint8Array;
  readonly user: UserId;
  readonly device: DeviceId;
}

function proofParts(context: ProofContext): Uint8Array[] {
  return [
    context.nonce,
    utf8(context.node),
    context.bootId,
    context.fingerprint,
    utf8(context.user),
    u53Bytes(context.device),
  ];
}

/** 64 bytes, by the device's own key. */
export function signDeviceProof(
  suite: VerifyingSuite,
  context: ProofContext,
  privateKey: Uint8Array,
): Uint8Array {
  return suite.sign(TAGS.deviceProof, proofParts(context), privateKey);
}

/** Never throws: a malformed key or signature is false. */
export function verifyDeviceProof(
  suite: VerifyingSuite,
  context: ProofContext,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return suite.verify(TAGS.deviceProof, proofParts(context), signature, publicKey);
}

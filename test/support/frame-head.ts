/** The length prefix of a frame, also of one that is not there or not legal. */
export function frameHead(frameBytes: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frameBytes);
  return head;
}

/** Whether two byte strings are equal; for public bytes only, as it takes longer the longer they agree. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/**
 * Bytes that go to very many links unchanged, as a push to a group does. What the layers below make of them, first a
 * frame and then the stream of a link, is made once for all links, and lives as long as they do.
 */
const made = new WeakMap<Uint8Array, Uint8Array | undefined>();

/** From now on `madeOnce` remembers what is made of these bytes, and of what is made of them. They never change. */
export function shareBytes(bytes: Uint8Array): void {
  made.set(bytes, undefined);
}

/** What `make` makes of the bytes: the very same for all callers if they are shared. One `make` per kind of bytes. */
export function madeOnce(bytes: Uint8Array, make: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  if (!made.has(bytes)) return make(bytes);
  const known = made.get(bytes);
  if (known !== undefined) return known;
  const fresh = make(bytes);
  made.set(bytes, fresh);
  shareBytes(fresh);
  return fresh;
}

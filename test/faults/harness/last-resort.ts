/** What is taken away even when the harness ends in the middle: processes, networks, mounts. */

const remains = new Set<() => void>();

process.once('exit', () => {
  for (const remove of remains) remove();
});

/** Runs `remove`, which must not throw, when this process ends; the answer takes that back. */
export function atExit(remove: () => void): () => void {
  remains.add(remove);
  return () => void remains.delete(remove);
}

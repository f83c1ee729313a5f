/** `fastchat node --dev N`: a cluster of node processes that lives as long as this command. */
import { startDevCluster } from '../node/dev-cluster.ts';
import type { DevCluster, DevClusterOptions } from '../node/dev-cluster.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { jsonLine } from './json-line.ts';

/** Resolves at the first signal; a second one kills the nodes and ends this process at once. */
function stopRequest(
  context: CommandContext,
  running: () => DevCluster | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    context.io.onSignal(() => {
      resolve();
      if (isAsked) {
        for (const node of running()?.nodes ?? []) node.kill('SIGKILL');
        context.io.exit(EXIT.interrupted);
      }
      isAsked = true;
    });
  });
}

/** A node that ends while the others run is worth a word; the cluster goes on. */
function watch(context: CommandContext, cluster: DevCluster): void {
  for (const { ready, exited } of cluster.nodes)
    void exited.then((end) => context.out.note(`${ready.node} ended with ${end}`));
}

/** Prints one ready line a node and then one for the cluster; stops all nodes at Ctrl+C or SIGTERM. */
export async function runDevCluster(
  context: CommandContext,
  options: Pick<DevClusterOptions, 'nodes' | 'dataDir' | 'args'>,
): Promise<number> {
  const { stderr } = context.io;
  // A log that programs read stays JSON, a person sees whose line it is.
  const isWatched = stderr.isTTY === true;
  let cluster: DevCluster | undefined;
  const stopAsked = stopRequest(context, () => cluster);
  cluster = await startDevCluster({
    ...options,
    onLog: (node, line) => void stderr.write(isWatched ? `${node} │ ${line}\n` : `${line}\n`),
  });
  for (const { ready } of cluster.nodes) await context.out.raw(jsonLine(ready));
  const { nodes, url } = cluster;
  await context.out.raw(jsonLine({ event: 'cluster-ready', nodes: nodes.length, url }));
  if (isWatched) stderr.write(`now run: fastchat chat --server "${url}"\n`);
  watch(context, cluster);
  await stopAsked;
  await cluster.stop();
  return EXIT.ok;
}

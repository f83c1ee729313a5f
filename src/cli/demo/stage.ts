/** What the demo plays on: three real node processes and homes for its people, in a folder that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../client/api.ts';
import { startDevCluster } from '../../node/dev-cluster.ts';
import type { ReadyLine } from '../../node/node-process.ts';
import type { DevCluster } from '../../node/dev-cluster.ts';
import type { ClusterReport, MailboxReport, WhereReport } from '../../ops/admin-api.ts';
import { ADMIN_ROUTES } from '../../ops/admin-api.ts';
import { ADMIN_TOKEN_FILE, readAdminToken } from '../../ops/admin-token.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import type { CommandContext } from '../command.ts';

const NODES = 3;
const POLL_MS = 20;

export class Stage {
  readonly cluster: DevCluster;
  readonly folder: string;
  readonly #context: CommandContext;
  readonly #clients = new Set<Client>();

  private constructor(context: CommandContext, cluster: DevCluster, folder: string) {
    this.#context = context;
    this.cluster = cluster;
    this.folder = folder;
  }

  static async open(context: CommandContext, nodeArguments: readonly string[]): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'fastchat-demo-'));
    const cluster = await startDevCluster({
      nodes: NODES,
      dataDir: join(folder, 'nodes'),
      args: nodeArguments,
    });
    return new Stage(context, cluster, folder);
  }

  homeOf(name: string): string {
    return join(this.folder, 'homes', name);
  }

  /** A client of `account` in the home called `home`. */
  async client(account: UserId, home: string): Promise<Client> {
    const { url: server } = this.cluster;
    const client = await this.#context.ports.openClient({
      home: this.homeOf(home),
      account,
      server,
    });
    this.#clients.add(client);
    return client;
  }

  async leave(client: Client): Promise<void> {
    this.#clients.delete(client);
    await client.close();
  }

  where(address: Address): Promise<WhereReport> {
    return this.#ask(ADMIN_ROUTES.where, { address });
  }

  mailbox(user: UserId): Promise<MailboxReport> {
    return this.#ask(ADMIN_ROUTES.mailbox, { user });
  }

  /** Resolves when every node has heard of `sessions` logins: balancers decide by what they were told. */
  async heard(sessions: number): Promise<void> {
    for (const { ready } of this.cluster.nodes) {
      while ((await this.#sessionsSeenBy(ready.http)) < sessions) await this.#pause();
    }
  }

  /** Position in the cluster of the node called `name`. */
  indexOf(name: string): number {
    return this.cluster.nodes.findIndex(({ ready }) => ready.node === name);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients].map((client) => client.close()));
    await this.cluster.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #sessionsSeenBy(http: string): Promise<number> {
    const response = await this.#context.ports.fetch(new URL('/cluster', http));
    const { members } = (await response.json()) as ClusterReport;
    return members.reduce((sum, member) => sum + member.sessions, 0);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#context.io.clock.after(POLL_MS, resolve);
    });
  }

  /** Any node answers for the cluster: the first that does. */
  async #ask<T>(route: string, query: Readonly<Record<string, string>>): Promise<T> {
    return Promise.any(
      this.cluster.nodes.map(({ ready }) => this.#askNode<T>(ready, route, query)),
    );
  }

  async #askNode<T>(
    node: ReadyLine,
    route: string,
    query: Readonly<Record<string, string>>,
  ): Promise<T> {
    const token = await readAdminToken(join(this.cluster.dataDir, node.node, ADMIN_TOKEN_FILE));
    const url = new URL(route.slice(route.indexOf('/')), node.http);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers = { authorization: `Bearer ${token.reveal()}` };
    const response = await this.#context.ports.fetch(url, { headers });
    return (await response.json()) as T;
  }
}

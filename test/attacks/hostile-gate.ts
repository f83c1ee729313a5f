/**
 * A node in the hands of an attacker who owns the cluster's keys: it shows the pinned key, passes everything on to a
 * genuine node, and changes what it likes on the way to the client.
 */
import { createTlsNetwork } from '../../src/net/tls-links.ts';
import type { ClientLink, LinkListener } from '../../src/net/client-link.ts';
import { parseConnectUrl } from '../../src/client/connect-url.ts';
import { tlsIdentityOf } from '../../src/node/cluster-keys.ts';
import { NodeHome } from '../../src/node/node-home.ts';
import { REFUSAL_TAG, REPLY_TAG, clientCalls } from '../../src/protocol/client-calls.ts';
import type { ClientCallName } from '../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../src/protocol/codec.ts';

/** `[0, id, ...fields]`, `[1, id, code, text, retryAfterMs?]`, or `[tag, ...fields]` of a push. */
export type Item = readonly unknown[];

/** Answers what the client gets instead; undefined: nothing. `call` is what a reply or refusal answers. */
export type Tamper = (item: Item, call: ClientCallName | undefined) => Item | undefined;

const GATES_PUSH = 9;

const NAMES = new Map(
  Object.entries(clientCalls.calls).map(([name, { tag }]) => [tag, name as ClientCallName]),
);

export class HostileGate {
  /** What is done to the node's words; by default nothing. */
  tamper: Tamper = (item) => item;
  readonly url: string;
  readonly #listener: LinkListener;
  readonly #passages: ReadonlySet<Passage>;

  private constructor(listener: LinkListener, passages: ReadonlySet<Passage>, url: string) {
    this.#listener = listener;
    this.#passages = passages;
    this.url = url;
  }

  /** Stands before the node whose data directory and connect URL these are. */
  static async open(directory: string, url: string): Promise<HostileGate> {
    const keys = await new NodeHome(directory).readClusterKeys();
    const { gates, fingerprint } = parseConnectUrl(url);
    const [place] = gates;
    if (keys === undefined || place === undefined) throw new Error('a node to stand before');
    const network = createTlsNetwork({ identity: tlsIdentityOf(keys) });
    const passages = new Set<Passage>();
    const listener = await network.listen({
      host: '127.0.0.1',
      port: 0,
      onLink: (client) => {
        client.trust();
        const passage = new Passage(client, (item, call) => gate.tamper(item, call));
        passages.add(passage);
        void network.dial({ ...place, fingerprint }, passage.nodeEvents).then(
          ({ link }) => passage.connected(link),
          () => client.destroy(),
        );
        return passage.clientEvents;
      },
    });
    const gate = new HostileGate(
      listener,
      passages,
      `fastchat://127.0.0.1:${listener.port}${url.slice(url.indexOf('?'))}`,
    );
    return gate;
  }

  /** Says something of its own to every client, between what the node says. */
  tell(...items: readonly Item[]): void {
    for (const passage of this.#passages) passage.tell(items);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}

/** One client and its own link to the node. */
class Passage {
  readonly #client: ClientLink;
  readonly #tamper: Tamper;
  readonly #calls = new Map<unknown, ClientCallName>();
  #waiting: Uint8Array[] = [];
  #node: ClientLink | undefined;

  constructor(client: ClientLink, tamper: Tamper) {
    this.#client = client;
    this.#tamper = tamper;
  }

  readonly clientEvents = {
    onFrame: (frame: Uint8Array): void => this.#toNode(Uint8Array.from(frame)),
    onWritable: (): void => undefined,
    onClose: (): void => this.#node?.destroy(),
  };

  readonly nodeEvents = {
    onFrame: (frame: Uint8Array): void => this.#toClient(Uint8Array.from(frame)),
    onWritable: (): void => undefined,
    onClose: (): void => this.#client.close(),
  };

  /** Links that have ended take nothing. */
  tell(items: readonly Item[]): void {
    this.#client.send(encodeRaw(items));
  }

  connected(node: ClientLink): void {
    this.#node = node;
    for (const frame of this.#waiting) node.send(frame);
    this.#waiting = [];
  }

  #toNode(frame: Uint8Array): void {
    for (const [tag, id] of decodeRaw(frame) as readonly Item[]) {
      const name = NAMES.get(Number(tag));
      if (name !== undefined) this.#calls.set(id, name);
    }
    if (this.#node === undefined) this.#waiting.push(frame);
    else this.#node.send(frame);
  }

  #toClient(frame: Uint8Array): void {
    const items = (decodeRaw(frame) as readonly Item[]).flatMap((item) => {
      // The client is not to learn of other gates.
      if (item[0] === GATES_PUSH) return [];
      const isAnswer = item[0] === REPLY_TAG || item[0] === REFUSAL_TAG;
      const changed = this.#tamper(item, isAnswer ? this.#calls.get(item[1]) : undefined);
      return changed === undefined ? [] : [changed];
    });
    if (items.length > 0) this.#client.send(encodeRaw(items));
  }
}

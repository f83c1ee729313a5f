/** A node that was admitted to the mesh and went bad: it greets as it should and says what it is given. */
import type { Member } from '../../src/cluster/members.ts';
import { MESH_SERVICES, meshMessage } from '../../src/net/mesh-frames.ts';
import type { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { Transport } from '../../src/net/transport.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import type { Addressed } from './corpus.ts';

const EVIL = parseNodeId('evil');

export class RogueMember {
  readonly #mesh: MemoryMesh;
  readonly #transport: Transport;
  #target: NodeId = EVIL;
  #link = 0;
  #seq = 0;
  #lastRequest = 0;

  constructor(mesh: MemoryMesh) {
    this.#mesh = mesh;
    this.#transport = mesh.open(EVIL);
    this.#transport.start({
      onFrame: () => undefined,
      onWritable: () => undefined,
      onDown: () => undefined,
    });
  }

  memberOf(node: NodeId, gate: { readonly host: string; readonly port: number }): Member {
    const { endpoint, curveKey } = this.#mesh.address(node);
    return { node, meshEndpoint: endpoint, curveKey, gateHost: gate.host, gatePort: gate.port };
  }

  get member(): Member {
    return this.memberOf(EVIL, { host: EVIL, port: 9 });
  }

  /** Links to the node that will be attacked. */
  enter(target: NodeId): void {
    this.#target = target;
    this.#transport.connect(this.#mesh.address(target));
  }

  /** Begins a new link, as after a restart: whatever was said before, the node listens again. */
  greet(load: Uint8Array = new Uint8Array(0)): void {
    this.#link += 1;
    this.#seq = 0;
    const hello = { type: 'hello', version: 1, node: EVIL, bootId: 'evil' } as const;
    const heartbeat = { type: 'heartbeat', hears: 1, heardSeq: 0, load } as const;
    this.#send([meshMessage.pack(hello), meshMessage.pack(heartbeat)]);
  }

  /** A payload, as a request and as a tell, in a frame that is in order. */
  say({ service, payload }: Addressed): void {
    this.#lastRequest += 1;
    const request = {
      type: 'request',
      id: this.#lastRequest,
      service: MESH_SERVICES[service],
      payload,
    } as const;
    const tell = { type: 'tell', service: MESH_SERVICES[service], payload } as const;
    this.#send([meshMessage.pack(this.#lastRequest % 2 === 0 ? request : tell)]);
  }

  /** A whole frame, in order or not. */
  raw(frame: Uint8Array): void {
    this.#transport.send(this.#target, frame);
  }

  /** A frame of these messages, numbered as it should be. */
  frameOf(messages: readonly unknown[]): Uint8Array {
    this.#seq += 1;
    return encodeRaw([this.#link, this.#seq, ...messages]);
  }

  #send(messages: readonly unknown[]): void {
    this.raw(this.frameOf(messages));
  }
}

import { systemClock } from '../../src/ops/clock.ts';
import { seededRandom } from '../../src/ops/random.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { Transport } from '../../src/net/transport.ts';
import { generateCurveKeys } from '../../src/net/zmq-curve.ts';
import type { CurveKeys } from '../../src/net/zmq-curve.ts';
import { openZmqTransport } from '../../src/net/zmq-transport.ts';
import { transportContract } from './transport.contract.ts';
import type { TransportWorld } from './transport.contract.ts';

transportContract('memory', (): TransportWorld => {
  const mesh = new MemoryMesh({ clock: systemClock, random: seededRandom(1), delayMs: [0, 2] });
  return {
    open: (node) => Promise.resolve(mesh.open(node)),
    address: (transport) => mesh.address(transport.self),
  };
});

transportContract('zeromq', (): TransportWorld => {
  const keys = new Map<NodeId, CurveKeys>();
  const endpoints = new Map<NodeId, string>();
  const keysOf = (node: NodeId): CurveKeys => {
    const known = keys.get(node) ?? generateCurveKeys();
    keys.set(node, known);
    return known;
  };
  return {
    async open(node): Promise<Transport> {
      const bind = endpoints.get(node) ?? 'tcp://127.0.0.1:0';
      const transport = await openZmqTransport({ self: node, bind, curve: keysOf(node) });
      endpoints.set(node, transport.endpoint);
      return transport;
    },
    address: ({ self, endpoint }) => ({ node: self, endpoint, curveKey: keysOf(self).publicKey }),
  };
});

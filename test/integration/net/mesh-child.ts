/**
 * A node in a process of its own: echoes `actor` requests, never answers `session` ones, is busy for as many
 * milliseconds as a `session` message says, prints its endpoint.
 */
import { createMesh } from '../../../src/net/mesh.ts';
import { openZmqTransport } from '../../../src/net/zmq-transport.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';

const [publicKey = '', secretKey = '', peerEndpoint = '', peerKey = ''] = process.argv.slice(2);
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

const transport = await openZmqTransport({
  self: parseNodeId('n2'),
  bind: 'tcp://127.0.0.1:0',
  curve: { publicKey: unhex(publicKey), secretKey: unhex(secretKey) },
});
const mesh = createMesh({
  transport,
  clock: systemClock,
  bootId: 'child',
  heartbeat: () => new Uint8Array(0),
  limits: { heartbeatIntervalMs: 50 },
});
mesh.serve('actor', {
  request: (_from, payload, reply) => reply(Buffer.concat([payload, Buffer.from('!')])),
});
mesh.serve('session', {
  request: () => undefined,
  tell: (_from, payload) => {
    const endMs = systemClock.mono() + Number(Buffer.from(payload).toString());
    while (systemClock.mono() < endMs);
  },
});
mesh.connect({ node: parseNodeId('n1'), endpoint: peerEndpoint, curveKey: unhex(peerKey) });
// Ends with its parent, however that ends.
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(`${mesh.endpoint}\n`);

/** What every `Transport` promises, whatever carries the frames. */
import { expect } from 'chai';
import type { NodeId } from '../../src/protocol/ids.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import { MESH_FRAME_BYTES_MAX, MESH_PIPE_FRAMES_MAX } from '../../src/protocol/limits.ts';
import type { PeerAddress, Transport } from '../../src/net/transport.ts';

/** Opens nodes that can reach each other; the suite closes what it opened. */
export interface TransportWorld {
  /** Opens `node`; a name that was open before comes back at the same endpoint. */
  open(node: NodeId): Promise<Transport>;
  address(transport: Transport): PeerAddress;
}

const ALICE = parseNodeId('n1');
const BOB = parseNodeId('n2');

/** Records what a transport reports and lets a test wait for it. */
class Recorder {
  readonly frames: Array<{ readonly peer: NodeId; readonly frame: Uint8Array }> = [];
  readonly downs: NodeId[] = [];
  writables = 0;
  #wake: () => void = () => undefined;

  constructor(transport: Transport) {
    transport.start({
      onFrame: (peer, frame) => {
        this.frames.push({ peer, frame: Uint8Array.from(frame) });
        this.#wake();
      },
      onWritable: () => {
        this.writables += 1;
        this.#wake();
      },
      onDown: (peer) => {
        this.downs.push(peer);
        this.#wake();
      },
    });
  }

  /** Resolves at the first event after which `condition` holds; mocha's timeout says when it never does. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

interface Side {
  readonly transport: Transport;
  readonly seen: Recorder;
}

const numbered = (number: number, length = 4): Uint8Array => {
  const frame = new Uint8Array(length);
  new DataView(frame.buffer).setUint32(0, number);
  return frame;
};
const numberOf = (frame: Uint8Array): number =>
  new DataView(frame.buffer, frame.byteOffset).getUint32(0);

export function transportContract(name: string, makeWorld: () => TransportWorld): void {
  describe(`transport contract: ${name}`, () => {
    let world: TransportWorld;
    let opened: Transport[];

    beforeEach(() => {
      world = makeWorld();
      opened = [];
    });

    afterEach(async () => {
      await Promise.all(opened.map((transport) => transport.close()));
    });

    async function side(node: NodeId): Promise<Side> {
      const transport = await world.open(node);
      opened.push(transport);
      return { transport, seen: new Recorder(transport) };
    }

    async function pair(): Promise<[Side, Side]> {
      const [alice, bob] = [await side(ALICE), await side(BOB)];
      bob.transport.connect(world.address(alice.transport));
      alice.transport.connect(world.address(bob.transport));
      await alice.seen.until(() => alice.seen.writables > 0);
      return [alice, bob];
    }

    /** Sends one frame as soon as the link takes it. */
    async function sendWhenUp(from: Side, to: NodeId, frame: Uint8Array): Promise<void> {
      await from.seen.until(() => from.transport.send(to, frame) === 'sent');
    }

    it('delivers frames whole, in order, with the name of their sender', async () => {
      const [alice, bob] = await pair();
      for (let number = 0; number < 10; number++)
        expect(alice.transport.send(BOB, numbered(number, 1000))).to.equal('sent');
      await bob.seen.until(() => bob.seen.frames.length === 10);
      expect(bob.seen.frames.map(({ peer }) => peer)).to.deep.equal(Array(10).fill(ALICE));
      expect(bob.seen.frames.map(({ frame }) => numberOf(frame))).to.deep.equal([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]);
      expect(bob.seen.frames.every(({ frame }) => frame.length === 1000)).to.equal(true);
    });

    it('carries a frame of the largest size', async () => {
      const [alice, bob] = await pair();
      alice.transport.send(BOB, numbered(7, MESH_FRAME_BYTES_MAX));
      await bob.seen.until(() => bob.seen.frames.length === 1);
      expect(bob.seen.frames[0]?.frame.length).to.equal(MESH_FRAME_BYTES_MAX);
    });

    it('carries frames both ways', async () => {
      const [alice, bob] = await pair();
      await sendWhenUp(alice, BOB, numbered(1));
      await sendWhenUp(bob, ALICE, numbered(2));
      await bob.seen.until(() => bob.seen.frames.length === 1);
      await alice.seen.until(() => alice.seen.frames.length === 1);
      expect(alice.seen.frames[0]?.peer).to.equal(BOB);
    });

    it('answers down for a node that was never connected to', async () => {
      const alice = await side(ALICE);
      expect(alice.transport.send(BOB, numbered(1))).to.equal('down');
    });

    it('keeps a node out until it is connected to as well, then links by itself', async () => {
      const [alice, bob] = [await side(ALICE), await side(BOB)];
      alice.transport.connect(world.address(bob.transport));
      expect(alice.transport.send(BOB, numbered(1))).to.equal('down');
      bob.transport.connect(world.address(alice.transport));
      await sendWhenUp(alice, BOB, numbered(2));
      await bob.seen.until(() => bob.seen.frames.length > 0);
      expect(bob.seen.frames.map(({ frame }) => numberOf(frame))).to.deep.equal([2]);
    });

    it('answers full at a full pipe, says when there is room, and loses nothing', async () => {
      const [alice, bob] = await pair();
      const count = 50 * MESH_PIPE_FRAMES_MAX;
      let next = 0;
      let fulls = 0;
      const pump = (): boolean => {
        while (next < count) {
          const outcome = alice.transport.send(BOB, numbered(next, 16 * 1024));
          expect(outcome).to.not.equal('down');
          if (outcome === 'full') break;
          next += 1;
        }
        if (next < count) fulls += 1;
        return next === count;
      };
      await alice.seen.until(pump);
      await bob.seen.until(() => bob.seen.frames.length === count);
      expect(fulls).to.be.greaterThan(0);
      expect(bob.seen.frames.every(({ frame }, index) => numberOf(frame) === index)).to.equal(true);
    });

    it('takes nothing from a forgotten peer and sends nothing to it', async () => {
      const [alice, bob] = await pair();
      await sendWhenUp(bob, ALICE, numbered(1));
      await alice.seen.until(() => alice.seen.frames.length === 1);
      alice.transport.forget(BOB);
      expect(alice.transport.send(BOB, numbered(2))).to.equal('down');
      bob.transport.send(ALICE, numbered(3));
      alice.transport.connect(world.address(bob.transport));
      const before = alice.seen.writables;
      await alice.seen.until(() => alice.seen.writables > before);
      await sendWhenUp(bob, ALICE, numbered(4));
      await alice.seen.until(() => alice.seen.frames.some(({ frame }) => numberOf(frame) === 4));
      expect(alice.seen.frames[0]?.peer).to.equal(BOB);
    });

    it('tells when a peer goes and links again when it is back', async () => {
      const [alice, bob] = await pair();
      await bob.transport.close();
      await alice.seen.until(() => alice.seen.downs.length === 1);
      expect(alice.transport.send(BOB, numbered(1))).to.equal('down');
      const back = await side(BOB);
      back.transport.connect(world.address(alice.transport));
      await sendWhenUp(alice, BOB, numbered(2));
      await back.seen.until(() => back.seen.frames.length > 0);
      expect(numberOf(back.seen.frames[0]?.frame ?? numbered(0))).to.equal(2);
    });

    it('replaces a link when it is connected again', async () => {
      const [alice, bob] = await pair();
      alice.transport.connect(world.address(bob.transport));
      await sendWhenUp(alice, BOB, numbered(5));
      await bob.seen.until(() => bob.seen.frames.length === 1);
    });

    it('closes once and for all', async () => {
      const [alice, bob] = await pair();
      await alice.transport.close();
      await alice.transport.close();
      expect(alice.transport.send(BOB, numbered(1))).to.equal('down');
      await bob.transport.close();
    });
  });
}

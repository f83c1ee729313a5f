import { expect } from 'chai';
import fc from 'fast-check';
import { formatConnectUrl, parseConnectUrl } from '../../../src/client/connect-url.ts';
import { retryDelayMs, shuffled } from '../../../src/client/connection/backoff.ts';
import { OpenCalls } from '../../../src/client/connection/open-calls.ts';
import { decodeFrame, packFrames } from '../../../src/client/connection/wire.ts';
import { Arrivals } from '../../../src/client/inbox/arrivals.ts';
import { newMessageId } from '../../../src/client/message-id.ts';
import { Flow } from '../../../src/client/outbox/flow.ts';
import { refusalOf } from '../../../src/client/outbox/refusals.ts';
import { LocalStore } from '../../../src/client/store/local-store.ts';
import { addExpired, mergeMarks } from '../../../src/client/store/watermarks.ts';
import { createTransparentOpeningSuite } from '../../../src/crypto/opening/transparent-opening-suite.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { storeKey } from '../../../src/persist/keys.ts';
import { createMemoryClientKv } from '../../../src/persist/memory-client-kv.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { decodeRaw, encodeRaw } from '../../../src/protocol/codec.ts';
import type { LogEntry } from '../../../src/protocol/envelope.ts';
import { ERRORS, FastChatError, isErrorCode } from '../../../src/protocol/errors.ts';
import { parseDeviceId } from '../../../src/protocol/ids.ts';
import {
  CLIENT_CALLS_OPEN_MAX,
  CLIENT_FRAME_BYTES_MAX,
  EXPIRED_RANGES_MAX,
  FRAMES_PER_BATCH_MAX,
  RECONNECT_DELAY_MAX_MS,
} from '../../../src/protocol/limits.ts';
import { text } from '../../../src/protocol/schema.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (cause) {
    return (cause as FastChatError).code;
  }
}

describe('connect URL', () => {
  it('names gates and, if given, the cluster’s key; formatting is its inverse', () => {
    const fp = Buffer.alloc(32, 5).toString('base64url');
    for (const url of [
      'fastchat://127.0.0.1:7400',
      `fastchat://a.example:1,[::1]:65535,b:2?fp=${fp}`,
    ])
      expect(formatConnectUrl(parseConnectUrl(url))).to.equal(url);
    expect(parseConnectUrl(`fastchat://a:1?fp=${fp}`).fingerprint).to.have.length(32);
    expect(parseConnectUrl('fastchat://a:1').fingerprint).to.equal(undefined);
  });

  it('refuses everything else as wrong usage', () => {
    for (const url of [
      '',
      'http://a:1',
      'fastchat://',
      'fastchat://a',
      'fastchat://a:0',
      'fastchat://a:65536',
      'fastchat://a:1,',
      'fastchat://a:1?fp=short',
      `fastchat://a:1?fp=${'A'.repeat(42)}B`,
      'fastchat://a:1?other=x',
      'fastchat://user@a:1',
    ])
      expect(
        codeOf(() => parseConnectUrl(url)),
        url,
      ).to.equal('E_USAGE');
  });

  it('never throws anything but E_USAGE', () => {
    fc.assert(
      fc.property(fc.string(), (rest) => {
        expect(codeOf(() => parseConnectUrl(`fastchat://${rest}`))).to.be.oneOf([
          'none',
          'E_USAGE',
        ]);
      }),
    );
  });
});

describe('reconnect delays', () => {
  it('lie between nothing and a bound that doubles up to its limit', () => {
    const full = { fraction: () => 0.999_999, bytes: () => new Uint8Array(0) };
    expect([0, 1, 2, 20].map((attempt) => retryDelayMs(attempt, full))).to.deep.equal([
      100,
      200,
      400,
      RECONNECT_DELAY_MAX_MS,
    ]);
    const none = { fraction: () => 0, bytes: () => new Uint8Array(0) };
    expect(retryDelayMs(9, none)).to.equal(0);
  });

  it('try the gates in another order each time, each once', () => {
    const random = seededRandom(3);
    const orders = Array.from({ length: 50 }, () => shuffled(['a', 'b', 'c'], random));
    for (const order of orders) expect([...order].sort()).to.deep.equal(['a', 'b', 'c']);
    expect(new Set(orders.map((order) => order.join(''))).size).to.equal(6);
  });
});

describe('frames of a client', () => {
  it('hold as many items as a frame takes, in order', () => {
    const items = Array.from({ length: FRAMES_PER_BATCH_MAX + 10 }, (_, index) =>
      encodeRaw([16, index]),
    );
    const frames = packFrames(items);
    expect(frames).to.have.length(2);
    const decoded = frames.flatMap((frame) => decodeRaw(frame) as unknown[]);
    expect(decoded).to.deep.equal(items.map((item) => decodeRaw(item)));
  });

  it('are never larger than a node takes', () => {
    const items = Array.from({ length: 10 }, () => encodeRaw([16, 1, new Uint8Array(90_000)]));
    for (const frame of packFrames(items))
      expect(frame.length).to.be.at.most(CLIENT_FRAME_BYTES_MAX);
  });

  it('refuse garbage with E_BAD_FRAME, and a code they do not know becomes E_INTERNAL', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(() => decodeFrame(bytes))).to.be.oneOf(['none', 'E_BAD_FRAME']);
      }),
    );
    const [item] = decodeFrame(encodeRaw([[1, 7, 'E_FUTURE', 'text', 5]]));
    expect(item).to.deep.include({ type: 'refusal', id: 7 });
    if (item?.type === 'refusal')
      expect(item.error).to.include({ code: 'E_INTERNAL', retryAfterMs: 5 });
  });
});

describe('open calls', () => {
  it('end with E_TIMEOUT at their own deadline', async () => {
    const clock = new VirtualClock();
    const calls = new OpenCalls(clock, () => undefined);
    const ended: string[] = [];
    const waiting = (name: string): Parameters<OpenCalls['add']>[0] => ({
      onReply: () => ended.push(`${name} answered`),
      onError: ({ code }) => ended.push(`${name} ${code}`),
    });
    calls.add(waiting('short'), 1_000);
    const id = calls.add(waiting('long'), 5_000);
    await clock.advance(2_000);
    calls.answer(id, []);
    calls.answer(id, []);
    await clock.advance(10_000);
    expect(ended).to.deep.equal(['short E_TIMEOUT', 'long answered']);
    expect(clock.pending).to.equal(0);
  });

  it('are bounded in number', () => {
    const calls = new OpenCalls(new VirtualClock(), () => undefined);
    const call = { onReply: () => undefined, onError: () => undefined };
    for (let open = 0; open < CLIENT_CALLS_OPEN_MAX; open++) calls.add(call, 1_000);
    expect(codeOf(() => calls.add(call, 1_000))).to.equal('E_RATE_LIMITED');
  });
});

describe('pushed entries', () => {
  const entries = (...seqs: readonly number[]): readonly LogEntry[] =>
    seqs.map((seq) => ({ seq }) as LogEntry);

  it('are taken when they follow the cursor, and wait behind a gap', () => {
    const arrivals = new Arrivals(10);
    arrivals.add(entries(3, 4));
    expect(arrivals.take(1)).to.equal(undefined);
    expect(arrivals.head).to.equal(4);
    expect(arrivals.take(2)?.upTo).to.equal(4);
    expect(arrivals.take(4)).to.equal(undefined);
  });

  it('past the bound are only remembered as a newer head', () => {
    const arrivals = new Arrivals(2);
    arrivals.add(entries(1, 2, 3));
    expect(arrivals.take(0)?.upTo).to.equal(2);
    expect(arrivals.head).to.equal(3);
  });
});

describe('the flow of sends', () => {
  it('halves its window once for a burst of refusals and opens again slowly', () => {
    const flow = new Flow();
    for (let sent = 0; sent < 64; sent++) flow.left();
    for (let refused = 0; refused < 64; refused++) {
      flow.answered(false);
      flow.slowDown(0, 100);
    }
    expect(flow.hasRoom(50)).to.equal(false);
    let room = 0;
    while (flow.hasRoom(100)) {
      flow.left();
      room += 1;
    }
    expect(room).to.equal(32);
    expect(flow.pauseMs(60)).to.equal(40);
  });
});

describe('refusals', () => {
  it('are sorted for every code there is', () => {
    const codes = Object.keys(ERRORS).filter(isErrorCode);
    for (const code of codes)
      expect(refusalOf(new FastChatError(code, 'x'))).to.be.oneOf([
        'unknown',
        'later',
        'stale',
        'counter',
        'never',
      ]);
  });
});

describe('watermarks', () => {
  it('keep the highest counter of each device', () => {
    const [one, two] = [parseDeviceId(1), parseDeviceId(2)];
    const marks = mergeMarks(
      [{ device: one, counter: 5 }],
      [
        { device: one, counter: 3 },
        { device: two, counter: 1 },
      ],
    );
    expect(marks).to.deep.equal([
      { device: one, counter: 5 },
      { device: two, counter: 1 },
    ]);
  });

  it('keep expired counters as a bounded list of ranges that hold them all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 300 }), (counters) => {
        let ranges: ReturnType<typeof addExpired> = [];
        for (const counter of counters) ranges = addExpired(ranges, { from: counter, to: counter });
        expect(ranges.length).to.be.at.most(EXPIRED_RANGES_MAX);
        for (const counter of counters)
          expect(ranges.some(({ from, to }) => from <= counter && counter <= to)).to.equal(true);
      }),
    );
  });
});

describe('message ids', () => {
  it('have 26 symbols, sort by time and do not repeat', async () => {
    const clock = new VirtualClock();
    const random = seededRandom(1);
    const ids: string[] = [];
    for (let made = 0; made < 100; made++) {
      ids.push(newMessageId(clock, random));
      await clock.advance(1);
    }
    expect(ids.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).to.equal(true);
    expect([...ids].sort()).to.deep.equal(ids);
    expect(new Set(ids).size).to.equal(100);
  });
});

describe('local store', () => {
  const note = text(100);

  function open(disk: MemoryDisk, clock: VirtualClock, key = 1): LocalStore {
    const kv = createMemoryClientKv({ clock, disk, flushDelayMs: () => 1 });
    const suite = createTransparentOpeningSuite(seededRandom(1));
    return new LocalStore(kv, suite, new SecretBytes(new Uint8Array(32).fill(key)));
  }

  it('L1: runs what follows a transaction after its flush, and a transaction reads its own writes', async () => {
    const [clock, disk] = [new VirtualClock(), new MemoryDisk()];
    const store = open(disk, clock);
    const seen: string[] = [];
    const key = storeKey('note');
    const done = store.transact((tx) => {
      tx.put(key, note, 'one');
      tx.after(() => seen.push(`flushed ${disk.unflushed}`));
      return tx.get(key, note);
    });
    seen.push('returned');
    await clock.advance(10);
    expect(await done).to.equal('one');
    expect(seen).to.deep.equal(['returned', 'flushed 0']);
    expect(store.get(key, note)).to.equal('one');
  });

  it('writes nothing of a transaction that throws', async () => {
    const store = open(new MemoryDisk(), new VirtualClock());
    const key = storeKey('note');
    const failed = store.transact((tx) => {
      tx.put(key, note, 'one');
      throw new FastChatError('E_USAGE', 'no');
    });
    expect(await failed.catch((cause: unknown) => (cause as FastChatError).code)).to.equal(
      'E_USAGE',
    );
    expect(store.get(key, note)).to.equal(undefined);
  });

  it('L2: opens records only with their key, under their name', async () => {
    const [clock, disk] = [new VirtualClock(), new MemoryDisk()];
    const store = open(disk, clock);
    const done = store.transact((tx) => tx.put(storeKey('note'), note, 'secret'));
    await clock.advance(10);
    await done;
    await Promise.all([store.close(), clock.advance(10)]);
    const other = open(disk, clock, 2);
    expect(codeOf(() => other.get(storeKey('note'), note))).to.equal('E_DECRYPT');
  });

  it('walks more records than one page holds', async () => {
    const [clock, disk] = [new VirtualClock(), new MemoryDisk()];
    const store = open(disk, clock);
    const done = store.transact((tx) => {
      for (let index = 0; index < 1_200; index++) tx.put(storeKey('n', index), note, `${index}`);
    });
    await clock.advance(10);
    await done;
    const values = Array.from(store.all(storeKey('n'), note), ({ value }) => value);
    expect(values).to.have.length(1_200);
    expect(values.at(-1)).to.equal('1199');
  });
});

/** The loop that reads a group's log, against answers and pushes that cross. */
import { expect } from 'chai';
import { createTransparentOpeningSuite } from '../../../src/crypto/opening/transparent-opening-suite.ts';
import { SecretBytes } from '../../../src/crypto/secrets.ts';
import { EventHub } from '../../../src/client/events.ts';
import { GroupFeed } from '../../../src/client/groups/feed.ts';
import type { FeedPorts } from '../../../src/client/groups/feed.ts';
import { LocalGroup } from '../../../src/client/groups/local-group.ts';
import { StoreKeys } from '../../../src/client/store/keys.ts';
import { LocalStore } from '../../../src/client/store/local-store.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { createMemoryClientKv } from '../../../src/persist/memory-client-kv.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import type { ClientReply } from '../../../src/protocol/client-calls.ts';
import type { GroupEntry } from '../../../src/protocol/group-log.ts';
import { parseGroupId, parseIncarnation } from '../../../src/protocol/ids.ts';

type Pulled = ClientReply<'groupPull'>;

/** A feed whose pulls are answered by hand, and what it took from the log: nothing here is signed, so all is refused. */
function makeFeed() {
  const clock = new VirtualClock({ seed: 1 });
  const random = seededRandom(1);
  const suite = createTransparentOpeningSuite(random);
  const kv = createMemoryClientKv({ clock, disk: new MemoryDisk(), flushDelayMs: () => 1 });
  const store = new LocalStore(kv, suite, new SecretBytes(new Uint8Array(32)));
  const keys = new StoreKeys(store);
  const incarnation = parseIncarnation('0'.repeat(32));
  const local = new LocalGroup(
    { suite, store, keys },
    { group: parseGroupId('#team'), incarnation },
  );
  const pulls: Array<(answer: Pulled) => void> = [];
  let taken = 0;
  const ports = {
    clock,
    random,
    suite,
    store,
    events: new EventHub(clock),
    book: { user: '@ann' },
    calls: {
      pull: () => new Promise<Pulled>((resolve) => pulls.push(resolve)),
      chain: () => Promise.resolve({ operations: [], position: 0 }),
    },
    admission: { admit: () => void (taken += 1) },
    session: () => ({ link: { tell: () => undefined } }),
    onChanged: () => undefined,
  } as unknown as FeedPorts;
  return { clock, feed: new GroupFeed(ports, local), pulls, taken: () => taken };
}

const entry: GroupEntry = { type: 'operation', seq: 1, at: 0, signed: new Uint8Array(65) };
const nothing: Pulled = { entries: [], upTo: 0, head: 0 };

describe('the feed of a group', () => {
  it('takes an entry that was pushed while a pull that knew nothing of it was under way', async () => {
    const { clock, feed, pulls, taken } = makeFeed();
    void feed.refresh();
    await clock.advance(1);
    feed.pushed([entry]);
    pulls[0]?.(nothing);
    await clock.advance(100);
    expect(taken()).to.equal(1);
  });

  it('asks again when it hears again of an entry that a pull did not bring', async () => {
    const { clock, feed, pulls } = makeFeed();
    feed.noticed(1);
    await clock.advance(1);
    pulls[0]?.(nothing);
    await clock.advance(1000);
    expect(pulls).to.have.lengthOf(1);
    feed.noticed(1);
    await clock.advance(1);
    expect(pulls).to.have.lengthOf(2);
  });
});

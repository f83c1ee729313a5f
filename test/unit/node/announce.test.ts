import { expect } from 'chai';
import { EMPTY_VIEW } from '../../../src/cluster/coordinator-state.ts';
import type { ClusterView } from '../../../src/cluster/members.ts';
import { Announcement } from '../../../src/node/announce.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import { COORDINATOR_RETRY_MS } from '../../../src/protocol/limits.ts';
import { memberOf } from '../cluster/support/test-cluster.ts';

/** A coordinator that refuses the first `refusals` tries with `code`. */
function announced(code: ErrorCode, refusals: number) {
  const clock = new VirtualClock();
  const seen = { tries: 0, adopted: 0 };
  const join = (): Promise<ClusterView> => {
    seen.tries += 1;
    if (seen.tries <= refusals) return Promise.reject(new FastChatError(code, 'not now'));
    return Promise.resolve(EMPTY_VIEW);
  };
  const adopt = (): boolean => {
    seen.adopted += 1;
    return true;
  };
  const node = {
    coordinator: { join },
    member: memberOf('n1', 0),
    cluster: { directory: { adopt } },
  };
  return { clock, seen, announcement: new Announcement(node, clock) };
}

describe('a node that tells the coordinator where it is', () => {
  it('tells it again until it is heard, and then no more', async () => {
    const { clock, seen, announcement } = announced('E_UNREACHABLE', 20);
    await announcement.make();
    expect(seen).to.deep.equal({ tries: 1, adopted: 0 });
    await clock.advance(30 * COORDINATOR_RETRY_MS);
    expect(seen).to.deep.equal({ tries: 21, adopted: 1 });
  });

  it('takes a refusal for an answer', async () => {
    const { clock, seen, announcement } = announced('E_NAME_TAKEN', 1);
    await announcement.make();
    await clock.advance(30 * COORDINATOR_RETRY_MS);
    expect(seen).to.deep.equal({ tries: 1, adopted: 0 });
  });

  it('ends with the node', async () => {
    const { clock, seen, announcement } = announced('E_TIMEOUT', 20);
    await announcement.make();
    announcement.stop();
    await clock.advance(30 * COORDINATOR_RETRY_MS);
    expect(seen.tries).to.equal(1);
    expect(clock.pending).to.equal(0);
  });
});

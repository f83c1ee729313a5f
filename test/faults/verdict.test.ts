import { expect } from 'chai';
import { judge } from './verdict/checker.ts';
import type { JournalEvent, NewEvent } from './verdict/journal.ts';
import { doubleOwners, takingOf } from './verdict/owners.ts';
import type { Taking } from './verdict/owners.ts';
import { quantiles, stallsOf } from './verdict/stalls.ts';

const message = (id: string, from = '@a', to = '@b') => ({ from, to, id });
const sent = (id: string, from?: string, to?: string): NewEvent => ({
  is: 'sent',
  ...message(id, from, to),
});
const acknowledged = (id: string, from?: string, to?: string): NewEvent => ({
  is: 'acknowledged',
  ...message(id, from, to),
});
const displayed = (id: string, from?: string, to = '@b', by = to): NewEvent => ({
  is: 'displayed',
  by,
  ...message(id, from, to),
});
const refused = (id: string, code: string): NewEvent => ({ is: 'refused', code, ...message(id) });

/** Events a millisecond apart. */
function journal(...events: readonly NewEvent[]): readonly JournalEvent[] {
  return events.map((event, at) => ({ at, ...event }));
}

function kindsIn(events: readonly JournalEvent[]): readonly string[] {
  return judge(events).violations.map(({ kind }) => kind);
}

describe('the verdict on a fault run', () => {
  it('finds nothing wrong with messages that were acknowledged and shown once, in order', () => {
    const events = journal(
      sent('1'),
      sent('2'),
      displayed('1'),
      acknowledged('1'),
      acknowledged('2'),
      displayed('2'),
    );
    expect(judge(events)).to.deep.equal({
      counts: { sent: 2, acknowledged: 2, displayed: 2, refused: {}, warned: {} },
      violations: [],
    });
  });

  it('finds a message that was acknowledged and never shown', () => {
    expect(kindsIn(journal(sent('1'), acknowledged('1')))).to.deep.equal(['lost']);
  });

  it('finds a message that was shown twice', () => {
    const events = journal(sent('1'), acknowledged('1'), displayed('1'), displayed('1'));
    expect(kindsIn(events)).to.deep.equal(['twice']);
  });

  it('finds a message that was shown after a later one of its sender', () => {
    const both = [sent('1'), sent('2'), acknowledged('1'), acknowledged('2')];
    const events = journal(...both, displayed('2'), displayed('1'));
    expect(kindsIn(events)).to.deep.equal(['disorder']);
  });

  it('knows no order between conversations, nor between senders', () => {
    const events = journal(
      sent('1'),
      sent('2', '@c'),
      sent('3', '@a', '@c'),
      displayed('3', '@a', '@c'),
      displayed('2', '@c'),
      displayed('1'),
      acknowledged('1'),
      acknowledged('2', '@c'),
      acknowledged('3', '@a', '@c'),
    );
    expect(kindsIn(events)).to.deep.equal([]);
  });

  describe('in a group', () => {
    const group: NewEvent = { is: 'group', group: '#g', members: ['@a', '@b', '@c'] };
    const both = [sent('1', '@a', '#g'), sent('2', '@b', '#g')];
    const taken = [acknowledged('1', '@a', '#g'), acknowledged('2', '@b', '#g')];
    const shown = (id: string, from: string, by: string): NewEvent => displayed(id, from, '#g', by);

    it('finds nothing wrong when every other member was shown each message', () => {
      const seen = [shown('1', '@a', '@b'), shown('1', '@a', '@c')];
      const events = journal(...both, group, ...taken, ...seen);
      const more = [shown('2', '@b', '@a'), shown('2', '@b', '@c')];
      expect(kindsIn([...events, ...journal(...more)])).to.deep.equal([]);
    });

    it('finds a message that one of the members was never shown', () => {
      const seen = [shown('1', '@a', '@b'), shown('2', '@b', '@a'), shown('2', '@b', '@c')];
      expect(kindsIn(journal(group, ...both, ...taken, ...seen))).to.deep.equal(['lost']);
    });

    it('finds a message that a member was shown twice, and one shown to a stranger or its sender', () => {
      const seen = ['@b', '@c', '@c', '@d', '@a'].map((by) => shown('1', '@a', by));
      const events = journal(group, ...both.slice(0, 1), ...taken.slice(0, 1), ...seen);
      expect(kindsIn(events)).to.deep.equal(['twice', 'invented', 'invented']);
    });

    it('finds two members who were shown two messages in different orders', () => {
      const four: NewEvent = { is: 'group', group: '#g', members: ['@a', '@b', '@c', '@d'] };
      const at = (by: string, ...ids: readonly string[]): NewEvent[] =>
        ids.map((id) => shown(id, id === '1' ? '@a' : '@b', by));
      const seen = [
        ...at('@b', '1'),
        ...at('@a', '2'),
        ...at('@c', '1', '2'),
        ...at('@d', '2', '1'),
      ];
      expect(kindsIn(journal(four, ...both, ...taken, ...seen))).to.deep.equal(['two-orders']);
    });
  });

  it('finds a message whose sender was left without an answer', () => {
    expect(kindsIn(journal(sent('1'), displayed('1')))).to.deep.equal(['unanswered']);
  });

  it('takes a refusal for an answer, unless the recipient has the message', () => {
    const told = [sent('1'), refused('1', 'E_MAILBOX_FULL')];
    expect(judge(journal(...told)).violations).to.deep.equal([]);
    expect(judge(journal(...told)).counts.refused).to.deep.equal({ E_MAILBOX_FULL: 1 });
    expect(kindsIn(journal(...told, displayed('1')))).to.deep.equal(['refused-yet-displayed']);
  });

  it('finds messages that nobody wrote', () => {
    const events = journal(sent('1'), acknowledged('1'), displayed('1'), displayed('2'));
    expect(kindsIn(events)).to.deep.equal(['invented']);
    expect(kindsIn(journal(displayed('1', '@x')))).to.deep.equal(['invented']);
    expect(kindsIn(journal(acknowledged('1')))).to.deep.equal(['invented']);
  });

  it('finds a client that had to warn of what must not happen', () => {
    const warned = (code: string): NewEvent => ({ is: 'warned', by: '@a', code });
    expect(kindsIn(journal(warned('E_KEY_CHANGED')))).to.deep.equal(['alarm']);
    expect(kindsIn(journal(warned('E_RATE_LIMITED')))).to.deep.equal([]);
  });
});

describe('the stalls of a fault run', () => {
  const at = (ms: number, event: NewEvent): JournalEvent => ({ at: ms, ...event });
  const fault = (nodes: readonly string[], users: readonly string[]): NewEvent => ({
    is: 'fault',
    what: 'kill',
    nodes,
    users,
  });

  it('count from the fault for what was open, and from the sending for what came later', () => {
    const [stalls] = stallsOf([
      at(0, sent('1')),
      at(100, fault([], ['@b'])),
      at(150, sent('2')),
      at(400, acknowledged('1')),
      at(410, acknowledged('2')),
      at(500, { is: 'recovered', what: 'kill' }),
    ]);
    expect(stalls).to.deep.equal({
      what: 'kill',
      at: 100,
      hurtMs: [300],
      ownerMs: [300],
      sessionMs: [],
      allMs: [300],
      silenceMs: 300,
    });
  });

  it('go on to the end of the fault for what was never answered', () => {
    const [stalls] = stallsOf([
      at(100, fault([], ['@b'])),
      at(150, sent('1')),
      at(900, { is: 'recovered', what: 'kill' }),
    ]);
    expect(stalls?.hurtMs).to.deep.equal([750]);
  });

  it('hurt those whose recipient lived on the node, and those whose sender was connected there', () => {
    const [stalls] = stallsOf([
      at(0, { is: 'connected', by: '@a', node: 'n1' }),
      at(0, { is: 'connected', by: '@c', node: 'n2' }),
      at(100, fault(['n2'], ['@d'])),
      at(110, sent('1', '@a', '@b')),
      at(120, sent('2', '@a', '@d')),
      at(130, sent('3', '@c', '@b')),
      at(140, acknowledged('1', '@a', '@b')),
      at(190, acknowledged('2', '@a', '@d')),
      at(230, acknowledged('3', '@c', '@b')),
      at(300, { is: 'recovered', what: 'kill' }),
    ]);
    expect(stalls?.hurtMs).to.deep.equal([70, 100]);
    expect(stalls?.ownerMs).to.deep.equal([70]);
    expect(stalls?.sessionMs).to.deep.equal([100]);
    expect(stalls?.allMs).to.deep.equal([30, 70, 100]);
  });

  it('belong to the newest of several faults', () => {
    const stalls = stallsOf([
      at(100, fault([], ['@b'])),
      at(110, sent('1')),
      at(120, acknowledged('1')),
      at(200, fault([], ['@b'])),
      at(210, sent('2')),
      at(260, acknowledged('2')),
    ]);
    expect(stalls.map(({ hurtMs }) => hurtMs)).to.deep.equal([[10], [50]]);
  });

  it('are summed up by the values that were there', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(quantiles(values)).to.deep.equal({ count: 100, p50Ms: 50, p99Ms: 99, maxMs: 100 });
    expect(quantiles([])).to.deep.equal({ count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  });
});

describe('owners in the logs of nodes', () => {
  const taking = (node: string, epoch: number, life = 1) => ({ node, shard: 3, epoch, life });

  it('are read from the line that tells of a taking', () => {
    const line = '{"level":"debug","event":"shard_taken","shard":3,"epoch":2}';
    expect(takingOf('n1', 1, line)).to.deep.equal(taking('n1', 2));
    expect(takingOf('n1', 1, '{"event":"peer_up"}')).to.equal(undefined);
    expect(takingOf('n1', 1, 'Assertion failed: "shard_taken"')).to.equal(undefined);
  });

  const doubles = (takings: readonly Taking[], mayResume = false): readonly string[] =>
    doubleOwners(takings, { mayResume });

  it('may change with every epoch', () => {
    expect(doubles([taking('n1', 1), taking('n2', 2), taking('n1', 3)])).to.deep.equal([]);
  });

  it('may not share an epoch', () => {
    expect(doubles([taking('n1', 1), taking('n2', 1)])).to.have.length(1);
    expect(doubles([taking('n1', 1), taking('n2', 1)], true)).to.have.length(1);
  });

  it('may not share it with their own former life, unless nobody else has a copy', () => {
    expect(doubles([taking('n1', 1, 1), taking('n1', 1, 2)])).to.have.length(1);
    expect(doubles([taking('n1', 1, 1), taking('n1', 1, 2)], true)).to.deep.equal([]);
  });
});

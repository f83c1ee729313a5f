import { expect } from 'chai';
import { Lifecycle, within } from '../../../src/ops/lifecycle.ts';
import type { Part } from '../../../src/ops/lifecycle.ts';
import { silentLog } from '../../../src/ops/log.ts';
import type { Log } from '../../../src/ops/log.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';

describe('Lifecycle', () => {
  const clock = new VirtualClock();
  let calls: string[];
  let events: string[];
  let lifecycle: Lifecycle;
  const log: Log = {
    event: (_level, name, fields) => void events.push(`${name} ${String(fields?.['part'])}`),
    child: () => log,
  };

  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: () => void calls.push(`start ${name}`),
    stop: () => void calls.push(`stop ${name}`),
    ...more,
  });

  beforeEach(() => {
    calls = [];
    events = [];
    lifecycle = new Lifecycle({ clock, log });
  });

  it('starts in order and stops in the reversed order, once', async () => {
    for (const name of ['store', 'mesh', 'gate']) await lifecycle.start(part(name));
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(calls).to.deep.equal([
      'start store',
      'start mesh',
      'start gate',
      'stop gate',
      'stop mesh',
      'stop store',
    ]);
  });

  it('stops what was started, and the part that failed, when a start fails', async () => {
    await lifecycle.start(part('store'));
    const broken = part('gate', {
      start: () => Promise.reject(new FastChatError('E_IO', 'port taken')),
    });
    const error = await lifecycle.start(broken).catch((cause: unknown) => cause);
    expect(error).to.have.property('code', 'E_IO');
    expect(calls).to.deep.equal(['start store', 'stop gate', 'stop store']);
    expect(events).to.include('part_failed gate');
  });

  it('leaves a part behind that does not stop in time, and stops the others', async () => {
    await lifecycle.start(part('store'));
    await lifecycle.start(
      part('mesh', { stop: () => new Promise(() => undefined), stopDeadlineMs: 100 }),
    );
    await lifecycle.start(part('gate', { stop: () => Promise.reject(new Error('broken')) }));
    const stopped = lifecycle.stop();
    await clock.advance(200);
    await stopped;
    expect(calls.at(-1)).to.equal('stop store');
    expect(events).to.include('part_overdue mesh').and.to.include('part_failed gate');
  });

  it('gives up a start that takes too long', async () => {
    const slow = part('etcd', { start: () => new Promise(() => undefined), startDeadlineMs: 100 });
    const result = lifecycle.start(slow).catch((cause: unknown) => cause);
    await clock.advance(200);
    expect(await result).to.have.property('code', 'E_TIMEOUT');
  });

  it('cancels its deadlines', async () => {
    const quiet = new VirtualClock();
    const tidy = new Lifecycle({ clock: quiet, log: silentLog });
    await tidy.start(part('store'));
    await tidy.stop();
    await within(quiet, 1000, 'nothing', Promise.resolve());
    expect(quiet.pending).to.equal(0);
  });
});

import { expect } from 'chai';
import { inspect } from 'node:util';
import { LOG_EVENTS } from '../../../src/ops/log-events.ts';
import { createLog, errorFields } from '../../../src/ops/log.ts';
import { LoopSampler } from '../../../src/ops/loop-sampler.ts';
import { FAMILIES } from '../../../src/ops/metric-families.ts';
import { Labelled, Counter } from '../../../src/ops/metric-types.ts';
import { createMetrics, metricsPage } from '../../../src/ops/metrics.ts';
import { Redacted } from '../../../src/ops/redacted.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { LOOP_SAMPLE_INTERVAL_MS, METRIC_LABEL_VALUES_MAX } from '../../../src/protocol/limits.ts';

describe('the log', () => {
  function capture(level: 'info' | 'debug' = 'info'): {
    lines: string[];
    log: ReturnType<typeof createLog>;
  } {
    const lines: string[] = [];
    const clock = new VirtualClock({ startMs: 0 });
    const sink = { write: (line: string) => void lines.push(line) };
    return { lines, log: createLog({ level, clock, sink, fields: { node: 'n1' } }) };
  }

  it('writes one JSON object a line with time, level, event and fields', () => {
    const { lines, log } = capture();
    log.child({ shard: 3 }).event('warn', 'peer_lost', { peer: 'n2', silentMs: 2000 });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/\n$/);
    expect(JSON.parse(lines[0] ?? '')).to.deep.equal({
      level: 'warn',
      ts: '1970-01-01T00:00:00.000Z',
      node: 'n1',
      shard: 3,
      event: 'peer_lost',
      peer: 'n2',
      silentMs: 2000,
    });
  });

  it('drops events below its level', () => {
    const { lines, log } = capture();
    log.event('debug', 'part_started', { part: 'store' });
    expect(lines).to.deep.equal([]);
  });

  it('keeps a line a line and a secret a secret', () => {
    const { lines, log } = capture();
    log.event('error', 'part_failed', {
      ...errorFields(new FastChatError('E_IO', 'two\nlines \u001b[31m')),
      token: new Redacted('hunter2'),
    });
    expect(lines.join('').trim().split('\n')).to.have.length(1);
    expect(lines[0]).to.not.contain('\u001b').and.not.contain('hunter2');
    expect(JSON.parse(lines[0] ?? '')).to.include({ code: 'E_IO', token: '[redacted]' });
  });

  it('has names of one form, each explained', () => {
    for (const [name, doc] of Object.entries(LOG_EVENTS)) {
      expect(name).to.match(/^[a-z]+(_[a-z]+)*$/);
      expect(doc.length).to.be.greaterThan(10);
    }
  });
});

describe('Redacted', () => {
  it('gives its value to nobody who does not ask for it', () => {
    const secret = new Redacted('hunter2');
    expect(secret.reveal()).to.equal('hunter2');
    const shown = [
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
    ];
    for (const text of shown) expect(text).to.not.contain('hunter2');
  });
});

describe('metrics', () => {
  it('are served with their prefix, labels and values', async () => {
    const metrics = createMetrics();
    metrics.messages.stored.inc();
    metrics.messages.stored.inc(2);
    metrics.sessions.set(4);
    metrics.shardsOwned.follow(() => 7);
    metrics.balancerPlacements.of('n2').inc();
    metrics.storeFlush.observe(0.004);
    metrics.storeFlush.observe(99);
    const page = metricsPage(metrics, { version: '1.2.3', protocol: 1 });
    const text = await page.text();
    expect(page.contentType).to.contain('text/plain');
    for (const line of [
      'fastchat_messages_total{stage="stored"} 3',
      'fastchat_messages_total{stage="rejected"} 0',
      'fastchat_sessions 4',
      'fastchat_shards_owned 7',
      'fastchat_balancer_placements_total{node="n2"} 1',
      'fastchat_store_flush_seconds_bucket{le="0.0025"} 0',
      'fastchat_store_flush_seconds_bucket{le="0.005"} 1',
      'fastchat_store_flush_seconds_bucket{le="+Inf"} 2',
      'fastchat_store_flush_seconds_count 2',
      'fastchat_build_info{version="1.2.3",protocol="1"} 1',
      '# TYPE fastchat_store_flush_seconds histogram',
    ])
      expect(text.split('\n'), line).to.include(line);
    expect(text).to.contain('process_cpu_seconds_total');
    expect(await page.text()).to.contain('fastchat_messages_total{stage="stored"} 3');
  });

  it('follow the rules of Prometheus for names and never label users', () => {
    for (const { kind, name, help, ...family } of Object.values(FAMILIES)) {
      expect(name).to.match(/^[a-z][a-z_]*$/);
      expect(name.endsWith('_total')).to.equal(kind === 'counter');
      expect(help).to.not.equal('');
      if ('label' in family) expect(['user', 'group', 'device']).to.not.include(family.label);
    }
  });

  it('bound the values of an open label', () => {
    const family = new Labelled(() => new Counter());
    for (let node = 0; node < METRIC_LABEL_VALUES_MAX + 5; node += 1) family.of(`n${node}`).inc();
    expect(family.children.size).to.equal(METRIC_LABEL_VALUES_MAX + 1);
    expect(family.of('other').value).to.equal(5);
    expect(family.of('n0').value).to.equal(1);
  });
});

describe('LoopSampler', () => {
  it('measures how busy and how late the loop is', () => {
    const clock = new VirtualClock();
    let times = { idle: 0, active: 0 };
    const sampler = new LoopSampler(clock, () => times);
    let samples = 0;
    sampler.start(() => (samples += 1));
    times = { idle: 400, active: 100 };
    clock.run(LOOP_SAMPLE_INTERVAL_MS);
    expect([sampler.utilisation, sampler.lagMs, samples]).to.deep.equal([0.2, 0, 1]);
    times = { idle: 400, active: 600 };
    clock.run(2 * LOOP_SAMPLE_INTERVAL_MS);
    expect(sampler.utilisation).to.equal(1);
    sampler.stop();
    clock.run(9 * LOOP_SAMPLE_INTERVAL_MS);
    expect(samples).to.equal(2);
  });

  it('sees a loop that was blocked', () => {
    const late = { mono: 0, task: (): void => undefined };
    const clock = {
      now: () => 0,
      mono: () => late.mono,
      soon: () => undefined,
      after: (_ms: number, task: () => void) => {
        late.task = task;
        return { cancel: () => undefined };
      },
    };
    const sampler = new LoopSampler(clock, () => ({ idle: 0, active: 0 }));
    sampler.start();
    late.mono = LOOP_SAMPLE_INTERVAL_MS + 250;
    late.task();
    expect(sampler.lagMs).to.equal(250);
    expect(sampler.utilisation).to.equal(0);
  });
});

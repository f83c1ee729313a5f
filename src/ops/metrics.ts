/** The metrics of one node: bound counters for the code that counts, Prometheus text for who asks. */
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Registry,
} from 'prom-client';
import type { Metric } from 'prom-client';
import { FAMILIES } from './metric-families.ts';
import type { Family } from './metric-families.ts';
import { Counter, Gauge, Histogram, Labelled } from './metric-types.ts';

interface Kinds {
  readonly counter: Counter;
  readonly gauge: Gauge;
  readonly histogram: Histogram;
}

type Bound<F extends Family> = F extends { readonly values: ReadonlyArray<infer V extends string> }
  ? { readonly [value in V]: Kinds[F['kind']] }
  : F extends { readonly label: string }
    ? Labelled<Kinds[F['kind']]>
    : Kinds[F['kind']];

/** `metrics.messages.stored.inc()`, `metrics.sessions.set(3)`, `metrics.balancerPlacements.of('n2').inc()`. */
export type Metrics = { readonly [name in keyof typeof FAMILIES]: Bound<(typeof FAMILIES)[name]> };

export interface MetricsPage {
  readonly contentType: string;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
}

type Child = Counter | Gauge | Histogram;
type Sample = readonly [labels: Record<string, string>, child: Child];

const PREFIX = 'fastchat_';

function makeChild(family: Family): Child {
  if (family.kind === 'counter') return new Counter();
  if (family.kind === 'gauge') return new Gauge();
  return new Histogram(family.bounds ?? []);
}

type BoundFamily = Child | Labelled<Child> | Readonly<Record<string, Child>>;

function bindFamily(family: Family): BoundFamily {
  if (family.values !== undefined)
    return Object.fromEntries(family.values.map((value) => [value, makeChild(family)]));
  return family.label === undefined ? makeChild(family) : new Labelled(() => makeChild(family));
}

function samplesOf(family: Family, bound: BoundFamily): readonly Sample[] {
  if (bound instanceof Counter || bound instanceof Gauge || bound instanceof Histogram)
    return [[{}, bound]];
  const children = bound instanceof Labelled ? bound.children : Object.entries(bound);
  return [...children].map(([value, child]) => [{ [family.label ?? '']: value }, child]);
}

function histogramValues(name: string, [labels, child]: Sample): object[] {
  if (!(child instanceof Histogram)) return [];
  const counts = child.cumulative;
  const buckets = child.bounds.map((bound, index) => ({ le: bound, value: counts[index] ?? 0 }));
  return [
    ...[...buckets, { le: '+Inf', value: child.count }].map(({ le, value }) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value,
    })),
    { metricName: `${name}_sum`, labels, value: child.sum },
    { metricName: `${name}_count`, labels, value: child.count },
  ];
}

/** prom-client keeps its own label maps for histograms; this hands it finished values instead. */
function histogramMetric(family: Family, read: () => readonly Sample[]): Metric {
  const name = PREFIX + family.name;
  const get = (): object => ({
    name,
    help: family.help,
    type: 'histogram',
    aggregator: 'sum',
    values: read().flatMap((sample) => histogramValues(name, sample)),
  });
  return { name, get } as unknown as Metric;
}

function promMetric(family: Family, read: () => readonly Sample[]): Metric {
  if (family.kind === 'histogram') return histogramMetric(family, read);
  const common = {
    name: PREFIX + family.name,
    help: family.help,
    labelNames: family.label === undefined ? [] : [family.label],
    registers: [],
  };
  if (family.kind === 'gauge')
    return new PromGauge({
      ...common,
      collect() {
        for (const [labels, child] of read())
          if (child instanceof Gauge) this.set(labels, child.value);
      },
    });
  return new PromCounter({
    ...common,
    collect() {
      this.reset();
      for (const [labels, child] of read())
        if (child instanceof Counter) this.inc(labels, child.value);
    },
  });
}

/** The counters alone, for tests and simulation. */
export function createMetrics(): Metrics {
  const bound = Object.entries(FAMILIES).map(([key, family]) => [key, bindFamily(family)]);
  return Object.fromEntries(bound) as Metrics;
}

/** Serves `metrics`, the build and Node's own `process_*` and `nodejs_*` figures. */
export function metricsPage(
  metrics: Metrics,
  build: { readonly version: string; readonly protocol: number },
): MetricsPage {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const [key, family] of Object.entries(FAMILIES)) {
    const bound: BoundFamily = metrics[key as keyof Metrics];
    registry.registerMetric(promMetric(family, () => samplesOf(family, bound)));
  }
  const info = new PromGauge({
    name: `${PREFIX}build_info`,
    help: 'What runs here',
    labelNames: ['version', 'protocol'],
    registers: [registry],
  });
  info.set({ version: build.version, protocol: String(build.protocol) }, 1);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

/** The routes that every node has: liveness, readiness, metrics, the cluster. */
import type { ClusterReport } from './admin-api.ts';
import type { HttpReply, HttpRoutes } from './http.ts';
import type { MetricsPage } from './metrics.ts';

export interface Probes {
  /** Why the node takes no logins, by name of the check; undefined: this check passes. */
  checks(): Readonly<Record<string, string | undefined>>;
  cluster(): ClusterReport;
  readonly metrics: MetricsPage;
}

function readiness(probes: Probes, isVerbose: boolean): HttpReply {
  const checks = Object.entries(probes.checks());
  const failed = checks.filter(([, reason]) => reason !== undefined);
  const shown = isVerbose ? checks : failed;
  return {
    status: failed.length === 0 ? 200 : 503,
    body: {
      ready: failed.length === 0,
      ...(shown.length > 0 && {
        checks: Object.fromEntries(shown.map(([name, reason]) => [name, reason ?? 'ok'])),
      }),
    },
  };
}

/** `/livez` answers as long as the loop turns; `/readyz` is 503 with the failed checks while logins should go elsewhere. */
export function probeRoutes(probes: Probes): HttpRoutes {
  const ready = (query: URLSearchParams): HttpReply => readiness(probes, query.has('verbose'));
  return {
    'GET /livez': () => ({ body: { live: true } }),
    'GET /readyz': ({ query }) => ready(query),
    'GET /healthz': ({ query }) => ready(query),
    'GET /metrics': async () => ({
      type: probes.metrics.contentType,
      body: await probes.metrics.text(),
    }),
    'GET /cluster': () => ({ body: probes.cluster() }),
  };
}

import { encodeRemoteWrite } from '@vigil/telemetry';

export const seriesCount = 20_000;
export const sloCount = 200;
const perSlo = seriesCount / sloCount;
/** What a series counts from one round to the next. */
export const perRound = 3;
/** One series in four counts failed requests. */
const isBad = (series: number): boolean => series % 4 === 3;

/** SLO documents that together match every series. */
export function sloDocuments(): string {
  return Array.from({ length: sloCount }, (_, slo) => {
    const query = (matcher: string): string =>
      `{ metricSource: { type: Prometheus, spec: { query: 'sum(rate(http_requests_total{service="s${slo}"${matcher}}[{{.window}}]))' } } }`;
    return `apiVersion: openslo/v1
kind: SLO
metadata: { name: s${slo} }
spec:
  service: s${slo}
  timeWindow: [{ duration: 30d, isRolling: true }]
  objectives: [{ target: 0.5 }]
  indicator: { metadata: { name: i${slo} }, spec: { ratioMetric: { counter: true, good: ${query(',code="200"')}, total: ${query('')} } } }`;
  }).join('\n---\n');
}

/** Events that each SLO has counted after `rounds` rounds: the first is the baseline. */
export function expectedCounts(rounds: number): { good: number; total: number } {
  const total = (rounds - 1) * perRound * perSlo;
  return { good: total * 0.75, total };
}

/**
 * The bytes of each series in a WriteRequest, made once; a round writes values and times into them. Labels: name,
 * service, instance, path, code.
 */
export class SeriesBytes {
  readonly #chunks: Buffer[];

  constructor(private readonly startMs: number) {
    this.#chunks = Array.from({ length: seriesCount }, (_, series) =>
      Buffer.from(
        encodeRemoteWrite([
          {
            labels: {
              __name__: 'http_requests_total',
              service: `s${Math.floor(series / perSlo)}`,
              instance: `10.0.${series % 25}.${series % 100}:8080`,
              path: `/api/v1/resource/${series % perSlo}`,
              code: isBad(series) ? '500' : '200',
            },
            // Values and times of fixed width, so that they can be overwritten: 8 bytes, and a varint of 6.
            samples: [{ timestampMs: startMs, value: 1 }],
          },
        ]),
      ),
    );
  }

  /** WriteRequests of `perBody` series each, the series in the given order. */
  *round(round: number, order: Uint32Array, stepMs: number, perBody: number): Generator<Buffer> {
    const tail = 1 + 8 + 1 + 6;
    for (let from = 0; from < order.length; from += perBody) {
      const chunks: Buffer[] = [];
      for (let i = from; i < Math.min(order.length, from + perBody); i++) {
        const chunk = this.#chunks[order[i]!]!;
        const at = chunk.length - tail;
        chunk.writeDoubleLE(1_000 + round * perRound, at + 1);
        let rest = this.startMs + round * stepMs;
        for (let b = 0; b < 6; b++) {
          chunk[at + 10 + b] = (rest % 128) | (b < 5 ? 128 : 0);
          rest = Math.floor(rest / 128);
        }
        chunks.push(chunk);
      }
      yield Buffer.concat(chunks);
    }
  }
}

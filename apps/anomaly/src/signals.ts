import { detectorVersion } from '@vigil/anomaly';
import { makeSignal, type Signal } from '@vigil/contracts';
import { isErrorRatioWatch } from '@vigil/slo';
import { labelsToString, quantity } from '@vigil/telemetry';
import type { SeriesChange } from './watched-series.js';

/**
 * What is said of an opened or ended anomaly. Its id is made of watch, series and the edge it opened at, never of a score:
 * a replay says the same under the same id.
 */
export function anomalySignal(
  { series, status, startMs, endMs, evidence }: SeriesChange,
  logOffsets: Readonly<Record<string, number>>,
  modelScore: number | undefined,
): Signal {
  const { watch, labels, id } = series;
  return makeSignal({
    source: 'anomaly',
    id: `anomaly:${watch.name}:${id}:${startMs}:${status}`,
    subject: watch.name,
    timeMs: endMs ?? startMs,
    data: {
      kind: 'anomaly',
      status,
      severity: watch.severity,
      labels: {
        ...labels,
        ...watch.labels,
        alertname: 'Anomaly',
        watch: watch.name,
        service: watch.service,
        severity: watch.severity,
      },
      annotations: { ...watch.annotations, summary: summary(series, evidence) },
      evidence: { ...evidence, ...(modelScore === undefined ? {} : { modelScore }) },
      startsAtMs: startMs,
      endsAtMs: endMs,
      provenance: { documentHash: watch.documentHash, modelVersion: detectorVersion, logOffsets: { ...logOffsets } },
    },
  });
}

/** `checkout p95 latency is 410 ms, expected 120 ms (at most 160 ms)`. */
function summary({ watch, labels }: SeriesChange['series'], evidence: SeriesChange['evidence']): string {
  const said = (value: number): string => quantity(value, watch.unit);
  const what = watch.description === '' ? watch.name : watch.description;
  // An SLO's series is named by its SLO already.
  const named = isErrorRatioWatch(watch) || Object.keys(labels).length === 0;
  const of = named ? '' : ` ${labelsToString(labels)}`;
  const { value, expected, lower, upper } = evidence;
  const bounds = {
    up: `at most ${said(upper)}`,
    down: `at least ${said(lower)}`,
    both: `${said(lower)} to ${said(upper)}`,
  }[watch.direction];
  return `${what}${of} is ${said(value)}, expected ${said(expected)} (${bounds})`;
}

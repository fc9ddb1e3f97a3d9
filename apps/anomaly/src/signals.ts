import { detectorVersion } from '@vigil/anomaly';
import { makeSignal, type Signal } from '@vigil/contracts';
import { labelsToString } from '@vigil/telemetry';
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

/** `checkout p95 latency is 0.41 s, expected 0.12 (0.09 to 0.16)`. */
function summary({ watch, labels }: SeriesChange['series'], evidence: SeriesChange['evidence']): string {
  const { value, expected, lower, upper } = evidence;
  const what = watch.description === '' ? watch.name : watch.description;
  const of = Object.keys(labels).length === 0 ? '' : ` ${labelsToString(labels)}`;
  const unit = watch.unit === '' ? '' : ` ${watch.unit}`;
  return `${what}${of} is ${short(value)}${unit}, expected ${short(expected)} (${short(lower)} to ${short(upper)})`;
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

import { type Query, queryToString, type Watch } from '@vigil/promql';
import type { SloDefinition } from './compile.js';

/**
 * Name of the series of an SLO's error ratio, with the labels `slo` and `service`: what was judged goes back into the
 * sample log, so that it can be watched like any other series.
 */
export const errorRatioSeries = 'slo:sli_error:ratio';

/** Finest buckets that a point of the series looks back on: single failures in one of them are no news. */
export const errorRatioBuckets = 4;

/**
 * An SLO's error ratio as a watch, so that what people promise is watched without being asked. Named `slo-<name>`; its
 * signals are for information, burn alerts page.
 */
export function errorRatioWatch({ name, service, displayName, bucketMs, documentHash }: SloDefinition): Watch {
  const query: Query = {
    kind: 'selector',
    matchers: [
      { name: '__name__', op: '=', value: errorRatioSeries },
      { name: 'slo', op: '=', value: name },
    ],
  };
  return {
    name: `slo-${name}`,
    // Grouped with the burn alerts of its SLO.
    labels: { slo: name },
    annotations: {},
    service,
    description: `error ratio of ${displayName}`,
    query,
    queryText: queryToString(query),
    stepMs: bucketMs,
    unit: '',
    direction: 'up',
    severity: 'info',
    capacity: undefined,
    documentHash,
  };
}

/** Points of error ratios are written after the samples that they are made of: they are not to be waited for by others. */
export function isErrorRatioWatch({ query }: Watch): boolean {
  return (
    query.kind === 'selector' &&
    query.matchers.some(({ name, value }) => name === '__name__' && value === errorRatioSeries)
  );
}

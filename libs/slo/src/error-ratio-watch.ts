import { type CounterSum, type Query, queryToString, type Watch } from '@vigil/promql';
import type { SloDefinition } from './compile.js';

const stepMsMax = 15_000;
const windowSteps = 4;

/**
 * An SLO's error ratio as a watch, so that what people promise is watched without being asked: `bad / total`, or
 * `1 - good / total`, over the last steps. Named `slo-<name>`; its signals are for information, burn alerts page.
 */
export function errorRatioWatch(definition: SloDefinition): Watch {
  const { name, service, displayName, sli, bucketMs, documentHash } = definition;
  const stepMs = Math.min(stepMsMax, bucketMs);
  const windowMs = windowSteps * stepMs;
  const total = counted(sli.total, windowMs);
  const share = (part: CounterSum): Query => ({ kind: 'binary', op: '/', left: counted(part, windowMs), right: total });
  const query: Query =
    sli.bad === undefined
      ? { kind: 'binary', op: '-', left: { kind: 'number', value: 1 }, right: share(sli.good!) }
      : share(sli.bad);
  return {
    name: `slo-${name}`,
    // Grouped with the burn alerts of its SLO.
    labels: { slo: name },
    annotations: {},
    service,
    description: `error ratio of ${displayName}`,
    query,
    queryText: queryToString(query),
    stepMs,
    unit: '',
    direction: 'up',
    severity: 'info',
    capacity: undefined,
    documentHash,
  };
}

/** A side that has no series yet has counted nothing: the first failure must not be the first thing known. */
function counted({ terms }: CounterSum, windowMs: number): Query {
  return terms
    .map(({ sign, matchers }): { sign: 1 | -1; sum: Query } => ({
      sign,
      sum: {
        kind: 'or-zero',
        of: { kind: 'aggregate', op: 'sum', by: [], of: { kind: 'range', fn: 'increase', matchers, windowMs } },
      },
    }))
    .reduce<Query | undefined>(
      (left, { sign, sum }) =>
        left === undefined && sign === 1
          ? sum
          : { kind: 'binary', op: sign === 1 ? '+' : '-', left: left ?? { kind: 'number', value: 0 }, right: sum },
      undefined,
    )!;
}

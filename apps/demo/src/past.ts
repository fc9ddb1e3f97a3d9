import type { WriteSeries } from '@vigil/telemetry';
import { latencyBuckets, quietErrorRatio, requestRate, shareWithin } from './shop.js';

const stepMs = 60_000;
const metric = 'http_server_request_duration_seconds';

/**
 * A quiet past of the shop: what its checkout would have counted while nothing was broken. Without it the first fault
 * would be all that the error budget knows.
 */
export function quietPast(fromMs: number, toMs: number): WriteSeries[] {
  const times: number[] = [];
  const requests: number[] = [];
  let count = 0;
  for (let timeMs = fromMs; timeMs <= toMs; timeMs += stepMs) {
    times.push(timeMs);
    requests.push(count);
    count += (requestRate(timeMs) * stepMs) / 1_000;
  }
  const counter = (labels: Readonly<Record<string, string>>, share: number): WriteSeries => ({
    labels: { job: 'checkout', instance: 'before', ...labels },
    kind: 'counter',
    samples: times.map((timestampMs, i) => ({ timestampMs, value: Math.floor(requests[i]! * share) })),
  });
  const answered = [
    { http_response_status_code: '200', share: 1 - quietErrorRatio },
    { http_response_status_code: '500', share: quietErrorRatio },
  ];
  return answered.flatMap(({ share, ...status }) => [
    counter({ ...status, __name__: `${metric}_count` }, share),
    ...latencyBuckets.map((bound) =>
      counter({ ...status, __name__: `${metric}_bucket`, le: String(bound) }, share * shareWithin(bound)),
    ),
  ]);
}

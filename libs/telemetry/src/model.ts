/** Labels of one series, `__name__` included; values are never empty (an empty label is an absent one). */
export type Labels = Readonly<Record<string, string>>;

/**
 * What a series' numbers mean. `unknown` (remote write says nothing) is treated as a cumulative counter where a
 * query asks for increments, and as a gauge where it asks for values.
 */
export type SeriesKind = 'unknown' | 'gauge' | 'counter' | 'delta';

/**
 * Samples of one payload, decoded once and handed to every processor: flat typed arrays, one entry a sample, in the
 * payload's order. Treat as read-only.
 */
export interface SampleBatch {
  readonly length: number;
  /** Ids of the process's {@link SeriesRegistry}. They differ between processes: never store them. */
  readonly ids: Uint32Array;
  /** Event times in milliseconds since the epoch. */
  readonly times: Float64Array;
  /** Values; a stale marker is NaN. */
  readonly values: Float64Array;
  /** When the counter started, ms since the epoch, 0 where unknown; absent when no sample of the batch says. */
  readonly starts?: Float64Array | undefined;
}

/** A query as a document states it, and where. */
export interface SourcedQuery {
  readonly text: string;
  /** Such as `spec.indicator.spec.ratioMetric.good.metricSource.spec.query`. */
  readonly path: string;
  readonly line: number;
}

/** One objective of an SLO document, references resolved: what {@link compileSlo} turns into something that runs. */
export interface SloDocument {
  /** Unique; objectives of a document with several have `-<number>` added from the second on. */
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly service: string;
  /** Share of events to be good, in [0, 1). */
  readonly target: number;
  /** Length of the rolling window. */
  readonly windowMs: number;
  /** `total` beside exactly one of `good` and `bad`. */
  readonly sli: {
    readonly good?: SourcedQuery | undefined;
    readonly bad?: SourcedQuery | undefined;
    readonly total: SourcedQuery;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Provenance: of the canonical content, whatever its layout and comments. */
  readonly hash: string;
  readonly file: string;
  readonly line: number;
}

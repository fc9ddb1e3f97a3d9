import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

type Names<Label extends string> = readonly Label[];

/** What a processor of the log tells of itself. */
export interface ProcessorFigures {
  lag(): number;
  uncommitted(): number;
}

/** Vigil's own metrics, in Prometheus' words; `/metrics` serves them. */
export class Metrics {
  readonly registry = new Registry();
  readonly #processors = new Map<string, ProcessorFigures>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Shows how far a processor is behind; all processors share these gauges. */
  processor(name: string, figures: ProcessorFigures): void {
    this.#processors.set(name, figures);
    const each =
      (of: (figures: ProcessorFigures) => number) =>
      (gauge: Gauge<'processor'>): void =>
        this.#processors.forEach((known, processor) => gauge.set({ processor }, of(known)));
    this.gauge(
      'vigil_processor_lag_records',
      'Records in the log that a processor has not taken yet',
      ['processor'],
      each((known) => known.lag()),
    );
    this.gauge(
      'vigil_processor_uncommitted_records',
      'Records taken whose state is not on disk yet: what a crash would replay',
      ['processor'],
      each((known) => known.uncommitted()),
    );
  }

  /** With `collect` it shows, at each scrape, a count that is kept elsewhere. */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: Names<Label> = [],
    collect?: (counter: Counter<Label>) => void,
  ): Counter<Label> {
    return (
      (this.registry.getSingleMetric(name) as Counter<Label> | undefined) ??
      new Counter({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        ...collecting(collect),
      })
    );
  }

  /** `collect` runs at each scrape, so that nothing is computed for nobody. */
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Names<Label> = [],
    collect?: (gauge: Gauge<Label>) => void | Promise<void>,
  ): Gauge<Label> {
    return (
      (this.registry.getSingleMetric(name) as Gauge<Label> | undefined) ??
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        ...collecting(collect),
      })
    );
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Names<Label> = [],
  ): Histogram<Label> {
    return (
      (this.registry.getSingleMetric(name) as Histogram<Label> | undefined) ??
      new Histogram({ name, help, buckets, labelNames: [...labelNames], registers: [this.registry] })
    );
  }
}

/** prom-client hands the metric over as `this`. */
function collecting<Metric>(collect: ((metric: Metric) => void | Promise<void>) | undefined): {
  collect?: (this: Metric) => void | Promise<void>;
} {
  if (collect === undefined) return {};
  return {
    collect(this: Metric) {
      return collect(this);
    },
  };
}

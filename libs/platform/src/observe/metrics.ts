import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

type Names<Label extends string> = readonly Label[];

/** Vigil's own metrics, in Prometheus' words; `/metrics` serves them. */
export class Metrics {
  readonly registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  counter<Label extends string>(name: string, help: string, labelNames: Names<Label> = []): Counter<Label> {
    return (
      (this.registry.getSingleMetric(name) as Counter<Label> | undefined) ??
      new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] })
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
        ...(collect === undefined
          ? {}
          : {
              collect(this: Gauge<Label>) {
                return collect(this);
              },
            }),
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

import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, lines, stat } from './panels.js';

/** Whether Vigil can be relied on at present. */
export function vigilItself(): Dashboard {
  return dashboard('vigil-itself', 'Vigil: itself', 'What Vigil takes in, how far behind it is, and what it needs')
    .withPanel(
      stat(
        {
          title: 'Samples a second',
          description: 'Taken into the log.',
          queries: [['samples', 'sum(rate(vigil_ingest_samples_total[$__rate_interval]))']],
          width: 6,
        },
        [[null, 'blue']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Series',
          description: 'Known to the processes.',
          queries: [['series', 'sum(vigil_ingest_series)']],
          width: 6,
        },
        [[null, 'blue']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Records behind',
          description: 'In the log and not taken by the slowest processor yet.',
          queries: [['lag', 'max(vigil_processor_lag_records)']],
          width: 6,
        },
        [
          [null, 'green'],
          [1_000, 'orange'],
          [100_000, 'red'],
        ],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Documents with errors',
          description: 'Errors in SLOs, runbooks and the catalogue as read at start; the log has their lines.',
          queries: [
            [
              'errors',
              'sum(vigil_slo_document_errors) + sum(vigil_remediation_document_errors) + sum(vigil_catalogue_document_errors)',
            ],
          ],
          width: 6,
        },
        [
          [null, 'green'],
          [1, 'orange'],
        ],
      ),
    )
    .withPanel(
      lines({
        title: 'Ingest',
        description: 'Samples taken a second, by format.',
        queries: [['{{format}}', 'sum by (format) (rate(vigil_ingest_samples_total[$__rate_interval]))']],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Bytes in',
        description: 'Uncompressed, a second, by format.',
        queries: [['{{format}}', 'sum by (format) (rate(vigil_ingest_bytes_total[$__rate_interval]))']],
        unit: 'Bps',
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Refusals',
        description: 'Payloads refused a second, by reason: senders see 4xx.',
        queries: [
          [
            '{{format}} {{reason}}',
            'sum by (format, reason) (rate(vigil_ingest_refused_total[$__rate_interval])) or vector(0)',
          ],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Lag',
        description: 'Records not taken yet, records whose state is not on disk yet, and messages of foreign topics.',
        queries: [
          ['{{processor}} behind', 'vigil_processor_lag_records'],
          ['{{processor}} uncommitted', 'vigil_processor_uncommitted_records'],
          ['{{topic}}', 'vigil_kafka_source_lag or vector(0)'],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Event loop delay',
        description: 'While the loop is busy nothing is answered: above 100 ms something computes too long.',
        queries: [
          ['p50', 'max(nodejs_eventloop_lag_p50_seconds)'],
          ['p99', 'max(nodejs_eventloop_lag_p99_seconds)'],
        ],
        unit: 's',
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Memory',
        description: 'Resident, and of it the heap in use.',
        queries: [
          ['resident {{instance}}', 'process_resident_memory_bytes'],
          ['heap {{instance}}', 'nodejs_heap_size_used_bytes'],
        ],
        unit: 'bytes',
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'CPU',
        description: 'Seconds a second.',
        queries: [['{{instance}}', 'rate(process_cpu_seconds_total[$__rate_interval])']],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Notifications',
        description: 'Deliveries of webhooks, and posts to an Alertmanager, a second by what became of them.',
        queries: [
          ['webhook {{outcome}}', 'sum by (outcome) (rate(vigil_notifications_total[$__rate_interval])) or vector(0)'],
          [
            'Alertmanager {{outcome}}',
            'sum by (outcome) (rate(vigil_alertmanager_forwards_total[$__rate_interval])) or vector(0)',
          ],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Healing',
        description: 'Runs under way, and seconds until all was well: the mean of those that succeeded.',
        queries: [
          ['running', 'sum(vigil_remediation_running)'],
          [
            'seconds to recover',
            'sum(vigil_remediation_seconds_to_recover_sum) / (sum(vigil_remediation_seconds_to_recover_count) > 0) or vector(0)',
          ],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Forecasts',
        description: 'Series whose past is kept.',
        queries: [['series', 'sum(vigil_forecast_series)']],
        min: 0,
      }),
    )
    .build();
}

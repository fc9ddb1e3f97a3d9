/**
 * Metrics that dashboards may show: what Vigil serves under /metrics. A test holds the first list against a running Vigil;
 * the others appear with the services that judge anomalies.
 */
export const servedMetrics: readonly string[] = [
  'nodejs_eventloop_lag_p50_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'vigil_alertmanager_forwards_total',
  'vigil_alerts',
  'vigil_catalogue_document_errors',
  'vigil_forecast_demand_peak',
  'vigil_forecast_replicas',
  'vigil_forecast_series',
  'vigil_ingest_bytes_total',
  'vigil_ingest_refused_total',
  'vigil_ingest_samples_total',
  'vigil_ingest_series',
  'vigil_kafka_source_lag',
  'vigil_notifications_total',
  'vigil_processor_lag_records',
  'vigil_processor_uncommitted_records',
  'vigil_remediation_document_errors',
  'vigil_remediation_refused_total',
  'vigil_remediation_running',
  'vigil_remediation_runs_total',
  'vigil_remediation_seconds_to_recover_count',
  'vigil_remediation_seconds_to_recover_sum',
  'vigil_slo_burn_firing',
  'vigil_slo_burn_rate',
  'vigil_slo_document_errors',
  'vigil_slo_error_budget_remaining_ratio',
  'vigil_slo_objective_ratio',
  'vigil_slo_window_events',
  'vigil_slo_window_good_events',
  'vigil_slo_window_seconds',
];

export const anomalyMetrics: readonly string[] = [
  'vigil_anomaly_expected',
  'vigil_anomaly_firing',
  'vigil_anomaly_lower',
  'vigil_anomaly_score',
  'vigil_anomaly_upper',
  'vigil_anomaly_value',
];

/** An SLO of checkout's answers, which the journeys share: 99 % without a 5xx over six hours. */
export const checkoutSlo = `
apiVersion: openslo/v1
kind: SLO
metadata: { name: checkout-availability, displayName: Checkout answers }
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{ duration: 6h, isRolling: true }]
  objectives: [{ target: 0.99 }]
  indicator:
    metadata: { name: checkout-good }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(http_requests_total{job="checkout",code!~"5.."}[{{.window}}]))' } } }
        total: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(http_requests_total{job="checkout"}[{{.window}}]))' } } }
`;

/** What is audited, counted (k8s.io/apiserver/pkg/audit/metrics.go). Without an auditor the totals stay 0. */
import type { Metrics, Sample } from "../../base/metrics.ts";
import type { AuditObserver } from "../audit/auditor.ts";

export function auditSeries(metrics: Metrics): AuditObserver {
  const events = metrics.counter("apiserver_audit_event_total", "Counter of audit events generated and sent to the audit backend.").with();
  const rejected = metrics
    .counter("apiserver_audit_requests_rejected_total", "Counter of apiserver requests rejected due to an error in audit logging backend.")
    .with();
  const levels = metrics.counter("apiserver_audit_level_total", "Counter of policy levels for audit events (1 per request).", ["level"]);
  const known = new Map<string, Sample>();
  return {
    level(level) {
      let sample = known.get(level);
      if (!sample) {
        sample = levels.with(level);
        known.set(level, sample);
      }
      sample.value++;
    },
    event: () => events.value++,
    rejected: () => rejected.value++,
  };
}

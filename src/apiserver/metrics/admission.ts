/** How long admission takes (k8s.io/apiserver/pkg/admission/metrics/metrics.go). */
import type { Clock } from "../../base/clock.ts";
import type { Histogram, Metrics } from "../../base/metrics.ts";
import type { AdmissionTiming, Took } from "../admission/chain.ts";

const buckets = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

/** Two series, each shown from its first observation on. `labels`: the values before rejected. */
function observed(histogram: Histogram, ...labels: string[]): Took {
  let passed: ((seconds: number) => void) | undefined;
  let refused: ((seconds: number) => void) | undefined;
  return (rejected, milliseconds) => {
    if (rejected) {
      refused ??= histogram.series(...labels, "true");
      refused(milliseconds / 1000);
    } else {
      passed ??= histogram.series(...labels, "false");
      passed(milliseconds / 1000);
    }
  };
}

export function admissionTiming(metrics: Metrics, clock: Clock): AdmissionTiming {
  const plugins = metrics.histogram(
    "apiserver_admission_controller_admission_duration_seconds",
    "Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
    buckets,
    ["name", "type", "operation", "rejected"],
  );
  const steps = metrics.histogram(
    "apiserver_admission_step_admission_duration_seconds",
    "Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).",
    buckets,
    ["type", "operation", "rejected"],
  );
  return {
    now: () => clock.monotonic(),
    plugin: (name, type, operation) => observed(plugins, name, type, operation),
    step: (type, operation) => observed(steps, type, operation),
  };
}

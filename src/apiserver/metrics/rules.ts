/**
 * What judging custom resources costs (k8s.io/apiserver/pkg/cel/metrics, apiextensions-apiserver/pkg/apiserver/validation/metrics.go).
 * Upstream observes a compilation for each schema of a definition, with rules or without, and again where a definition is
 * judged; here for each that has rules, once the first object of its version is judged.
 */
import type { RuleTimes } from "../../api/apiextensions/rule-times.ts";
import type { Clock } from "../../base/clock.ts";
import { defaultBuckets, type Metrics } from "../../base/metrics.ts";

export function ruleTimes(metrics: Metrics, clock: Clock): RuleTimes {
  const compilation = metrics.histogram("apiserver_cel_compilation_duration_seconds", "CEL compilation time in seconds.", defaultBuckets).series();
  const evaluation = metrics.histogram("apiserver_cel_evaluation_duration_seconds", "CEL evaluation time in seconds.", defaultBuckets).series();
  const ratcheting = metrics
    .histogram(
      "apiextensions_apiserver_validation_ratcheting_seconds",
      "Time for comparison of old to new for the purposes of CRDValidationRatcheting during an UPDATE in seconds.",
      [1e-5, 4e-5, 0.00016, 0.00064, 0.00256, 0.01024, 0.04096, 0.16384, 0.65536, 2.62144],
    )
    .series();
  return {
    now: () => clock.monotonic(),
    compiled: (took) => compilation(took / 1000),
    evaluated: (took) => evaluation(took / 1000),
    ratcheted: (took) => ratcheting(took / 1000),
  };
}

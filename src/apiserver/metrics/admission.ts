/** How long admission takes (k8s.io/apiserver/pkg/admission/metrics/metrics.go). */
import type { Clock } from "../../base/clock.ts";
import type { Histogram, Metrics } from "../../base/metrics.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission/admission.ts";
import type { AdmissionChain } from "../rest/call.ts";

const buckets = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

type Step = (attributes: AdmissionAttributes) => void | Promise<void>;

/** The step, observed in a series of its own for each operation. `labels`: the values before operation and rejected. */
function timed(step: Step, histogram: Histogram, clock: Clock, labels: readonly string[]): Step {
  const passed = new Map<string, (seconds: number) => void>();
  const refused = new Map<string, (seconds: number) => void>();
  const done = (operation: string, rejected: boolean, began: number): void => {
    const series = rejected ? refused : passed;
    let observe = series.get(operation);
    if (!observe) {
      observe = histogram.series(...labels, operation, String(rejected));
      series.set(operation, observe);
    }
    observe((clock.monotonic() - began) / 1000);
  };
  const told = (pending: Promise<void>, operation: string, began: number): Promise<void> =>
    pending.then(
      () => done(operation, false, began),
      (error) => {
        done(operation, true, began);
        throw error;
      },
    );
  // A score of these run for each write, most of them at once: they make no functions of their own.
  return (attributes) => {
    const began = clock.monotonic();
    let pending: void | Promise<void>;
    try {
      pending = step(attributes);
    } catch (error) {
      done(attributes.operation, true, began);
      throw error;
    }
    if (pending instanceof Promise) return told(pending, attributes.operation, began);
    done(attributes.operation, false, began);
  };
}

/** Times each plugin. */
export function timePlugins(plugins: readonly AdmissionPlugin[], metrics: Metrics, clock: Clock): AdmissionPlugin[] {
  const duration = metrics.histogram(
    "apiserver_admission_controller_admission_duration_seconds",
    "Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
    buckets,
    ["name", "type", "operation", "rejected"],
  );
  return plugins.map((plugin) => ({
    name: plugin.name,
    ...(plugin.mutate ? { mutate: timed((attributes) => plugin.mutate?.(attributes), duration, clock, [plugin.name, "admit"]) } : {}),
    ...(plugin.validate ? { validate: timed((attributes) => plugin.validate?.(attributes), duration, clock, [plugin.name, "validate"]) } : {}),
  }));
}

/** Times the two steps as wholes. */
export function timeSteps(chain: AdmissionChain, metrics: Metrics, clock: Clock): AdmissionChain {
  const duration = metrics.histogram(
    "apiserver_admission_step_admission_duration_seconds",
    "Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).",
    buckets,
    ["type", "operation", "rejected"],
  );
  const mutate = timed((attributes) => chain.mutate(attributes), duration, clock, ["admit"]);
  const validate = timed((attributes) => chain.validate(attributes), duration, clock, ["validate"]);
  return {
    mutate: async (attributes) => mutate(attributes),
    validate: async (attributes) => validate(attributes),
  };
}

/** Which features are on (k8s.io/component-base/metrics/prometheus/feature). */
import type { Metrics } from "../../base/metrics.ts";
import { featureStates } from "../feature-gates.ts";

export function showFeatures(metrics: Metrics, isOn?: (name: string) => boolean): void {
  const enabled = metrics.gauge("kubernetes_feature_enabled", "This metric records the data about the stage and enablement of a k8s feature.", [
    "name",
    "stage",
  ]);
  for (const { name, stage, on } of featureStates(isOn)) enabled.set(on ? 1 : 0, name, stage);
}

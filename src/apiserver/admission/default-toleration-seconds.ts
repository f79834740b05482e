/** Pods stay five minutes on a node that is not ready or not reachable (plugin/pkg/admission/defaulttolerationseconds). */
import type { Pod, Toleration } from "../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

export interface TolerationSeconds {
  /** @default 300 */
  notReadySeconds?: number;
  /** @default 300 */
  unreachableSeconds?: number;
}

export function defaultTolerationSeconds({ notReadySeconds = 300, unreachableSeconds = 300 }: TolerationSeconds = {}): AdmissionPlugin {
  const wanted: [string, number][] = [
    ["node.kubernetes.io/not-ready", notReadySeconds],
    ["node.kubernetes.io/unreachable", unreachableSeconds],
  ];
  return {
    name: "DefaultTolerationSeconds",
    mutate(attributes) {
      if (!concerns(attributes, "pods")) return;
      const { spec } = attributes.object as Pod;
      const given: readonly Toleration[] = spec.tolerations ?? [];
      const missing = wanted.filter(([key]) => !given.some((t) => (t.key === key || !t.key) && (t.effect === "NoExecute" || !t.effect)));
      if (!missing.length) return;
      spec.tolerations = [...given, ...missing.map(([key, tolerationSeconds]) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds }))];
    },
  };
}

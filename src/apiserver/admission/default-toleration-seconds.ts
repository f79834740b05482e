/** Pods stay five minutes on a node that is not ready or not reachable (plugin/pkg/admission/defaulttolerationseconds). */
import type { Pod, Toleration } from "../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";

const tolerates = (tolerations: readonly Toleration[] | undefined, wanted: string): boolean =>
  tolerations?.some(({ key, effect }) => (key === wanted || !key) && (effect === "NoExecute" || !effect)) === true;

export interface TolerationSeconds {
  /** @default 300 */
  notReadySeconds?: number;
  /** @default 300 */
  unreachableSeconds?: number;
}

export function defaultTolerationSeconds({ notReadySeconds = 300, unreachableSeconds = 300 }: TolerationSeconds = {}): AdmissionPlugin {
  const toleration = (key: string, tolerationSeconds: number): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds });
  return {
    name: "DefaultTolerationSeconds",
    mutate(attributes) {
      if (!concerns(attributes, "pods")) return;
      const { spec } = attributes.object as Pod;
      const missing: Toleration[] = [];
      if (!tolerates(spec.tolerations, notReady)) missing.push(toleration(notReady, notReadySeconds));
      if (!tolerates(spec.tolerations, unreachable)) missing.push(toleration(unreachable, unreachableSeconds));
      if (missing.length) spec.tolerations = spec.tolerations ? [...spec.tolerations, ...missing] : missing;
    },
  };
}

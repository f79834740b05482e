/** Tolerations against taints (k8s.io/api/core/v1 Toleration.ToleratesTaint). */
import type { Taint, Toleration } from "../../api/types/core-v1.gen.ts";

export function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (!operator || operator === "Equal") return (value ?? "") === (taint.value ?? "");
  // The comparisons Lt and Gt (KEP-5471) are alpha and off in this version.
  return operator === "Exists";
}

export const toleratesAny = (tolerations: readonly Toleration[] | undefined, taint: Taint): boolean => tolerations?.some((t) => tolerates(t, taint)) ?? false;

/** The first taint that keeps new pods away and is not tolerated. */
export function untoleratedTaint(taints: readonly Taint[] | undefined, tolerations: readonly Toleration[] | undefined): Taint | undefined {
  return taints?.find((taint) => (taint.effect === "NoSchedule" || taint.effect === "NoExecute") && !toleratesAny(tolerations, taint));
}

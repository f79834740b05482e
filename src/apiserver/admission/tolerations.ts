/** Tolerations that cover one another (pkg/util/tolerations). */
import type { Toleration } from "../../api/types/core-v1.gen.ts";
import { sameValue } from "../authorization/same.ts";

/** Both lists without what another toleration of them covers. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [i, toleration] of all.entries()) {
    if (merged.some((kept) => covers(kept, toleration))) continue;
    if (all.slice(i + 1).some((later) => !sameValue(later, toleration) && covers(later, toleration))) continue;
    merged.push(toleration);
  }
  return merged;
}

/** Whether each of the tolerations is covered by one of the allowed ones; where none is named all are. */
export const allowedTolerations = (tolerations: readonly Toleration[], allowed: readonly Toleration[]): boolean =>
  !allowed.length || tolerations.every((toleration) => allowed.some((wide) => covers(wide, toleration)));

function covers(wide: Toleration, narrow: Toleration): boolean {
  if (sameValue(wide, narrow)) return true;
  if ((narrow.key ?? "") !== (wide.key ?? "") && (wide.key || wide.operator !== "Exists")) return false;
  if ((narrow.effect ?? "") !== (wide.effect ?? "") && wide.effect) return false;
  const limit = wide.effect === "NoExecute" ? wide.tolerationSeconds : undefined;
  if (limit !== undefined && (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > limit)) return false;
  if (wide.operator === "Exists") return true;
  return (!wide.operator || wide.operator === "Equal") && narrow.operator === "Equal" && (narrow.value ?? "") === (wide.value ?? "");
}

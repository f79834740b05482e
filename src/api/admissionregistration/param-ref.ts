/** Cells that policies and their bindings share. */
import type { ParamKind, ParamRef } from "../types/admissionregistration-v1.gen.ts";
import type { LabelSelector } from "../types/meta-v1.gen.ts";

export const paramKindCell = (kind: ParamKind | undefined): string => (kind ? `${kind.apiVersion ?? ""}/${kind.kind ?? ""}` : "<unset>");

/** As Go prints the structure. */
function printed({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(" ")}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

/** Without a namespace the parameter may be anywhere. */
export function paramRefCell(reference: ParamRef | undefined): string {
  if (reference?.name) return `${reference.namespace || "*"}/${reference.name}`;
  return reference?.selector ? printed(reference.selector) : "<unset>";
}

/** Cells that policies and their bindings share. */
import { formatLabelSelector } from "../selectors/labels.ts";
import type { ParamKind, ParamRef } from "../types/admissionregistration-v1.gen.ts";

export const paramKindCell = (kind: ParamKind | undefined): string => (kind ? `${kind.apiVersion ?? ""}/${kind.kind ?? ""}` : "<unset>");

/** Without a namespace the parameter may be anywhere. */
export function paramRefCell(reference: ParamRef | undefined): string {
  if (reference?.name) return `${reference.namespace || "*"}/${reference.name}`;
  return reference?.selector ? formatLabelSelector(reference.selector) : "<unset>";
}

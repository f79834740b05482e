/** The answer to an apply that would take fields from other managers (managedfields/internal/conflict.go). */
import { goQuote } from "../go-quote.ts";
import { StatusError } from "../status.ts";
import type { StatusCause } from "../types/meta-v1.gen.ts";
import { pathText } from "./fieldset.ts";
import type { Managed } from "./managed-fields.ts";

export interface Conflict {
  entry: Managed;
  path: readonly string[];
}

function managerText({ manager, operation, apiVersion, subresource }: Managed): string {
  const name = `${goQuote(manager ?? "")}${subresource ? ` with subresource ${goQuote(subresource)}` : ""}`;
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}

/** Upstream sorts managers by their encoded identity, whose first field is the manager's name. */
const identity = ({ manager, operation, apiVersion, subresource }: Managed): string =>
  JSON.stringify({ manager, operation, ...(operation === "Apply" ? {} : { apiVersion }), ...(subresource ? { subresource } : {}) });

/** 409 Conflict with one cause a field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(
    ({ entry, path }): StatusCause => ({ reason: "FieldManagerConflict", message: `conflict with ${managerText(entry)}`, field: pathText(path) }),
  );
  return new StatusError({ code: 409, reason: "Conflict", message: message(conflicts), details: { causes } });
}

function message(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only && conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${managerText(only.entry)}: ${pathText(only.path)}`;
  const managers = new Map<string, Conflict[]>();
  const ids = new Map<Managed, string>();
  for (const conflict of conflicts) {
    const id = ids.get(conflict.entry) ?? identity(conflict.entry);
    ids.set(conflict.entry, id);
    const same = managers.get(id);
    if (same) same.push(conflict);
    else managers.set(id, [conflict]);
  }
  const lines = [...managers.keys()].sort().flatMap((id) => {
    const list = managers.get(id) as Conflict[];
    return [`conflicts with ${managerText((list[0] as Conflict).entry)}:`, ...list.map(({ path }) => `- ${pathText(path)}`)];
  });
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

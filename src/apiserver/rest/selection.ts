/** Label and field selectors of a request as one predicate over the cache's index. */
import { FieldSelector, FieldSelectorError, parseFieldSelector } from "../../api/selectors/fields.ts";
import { parseLabelSelector, SelectorError } from "../../api/selectors/labels.ts";
import { badRequest } from "../../api/status.ts";
import type { Predicate } from "../../cache/cache.ts";
import type { Endpoint } from "./call.ts";
import type { ListOptions } from "./options.ts";
import { selectableField } from "./selectable-fields.ts";

export interface Selection {
  predicate?: Predicate;
  where?: { field: string; value: string };
  /** Only the object of this name can match. */
  name?: string;
}

export function selection(endpoint: Endpoint, options: Pick<ListOptions, "labelSelector" | "fieldSelector">): Selection {
  let labels: ReturnType<typeof parseLabelSelector> | undefined;
  let fields: FieldSelector | undefined;
  try {
    if (options.labelSelector) labels = parseLabelSelector(options.labelSelector);
    if (options.fieldSelector) fields = parseFieldSelector(options.fieldSelector);
    if (fields) fields = inStoredNames(endpoint, fields);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    if (error instanceof FieldSelectorError) throw badRequest(error.message);
    throw error;
  }
  const byLabel = labels && !labels.empty ? labels : undefined;
  const byField = fields && !fields.empty ? fields : undefined;
  if (!byLabel && !byField) return {};
  const name = byField?.exactMatch("metadata.name");
  const other = byField?.requirements.find((r) => r.operator === "=" && !r.field.startsWith("metadata."));
  const predicate: Predicate = !byField
    ? (stored) => (byLabel as NonNullable<typeof byLabel>).matches(stored.labels)
    : byLabel
      ? (stored) => byLabel.matches(stored.labels) && byField.matches(stored.fields)
      : (stored) => byField.matches(stored.fields);
  return { predicate, ...(name === undefined ? {} : { name }), ...(other ? { where: { field: other.field, value: other.value } } : {}) };
}

/** Throws FieldSelectorError for a field that the kind does not offer. */
function inStoredNames(endpoint: Endpoint, fields: FieldSelector): FieldSelector {
  return new FieldSelector(fields.requirements.map((requirement) => ({ ...requirement, field: selectableField(endpoint, requirement.field) })));
}

/** Selectors of a request as authorizers see them: what cannot be read is as if it was not there, and only widens the question. */
import { FieldSelectorError, parseFieldSelector } from "../../api/selectors/fields.ts";
import { parseLabelSelector, SelectorError } from "../../api/selectors/labels.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";

export function addSelectors(attributes: AuthorizationAttributes, fields: string | null, labels: string | null): void {
  if (fields) {
    try {
      const { requirements } = parseFieldSelector(fields);
      if (requirements.length) attributes.fieldSelector = requirements;
    } catch (error) {
      if (!(error instanceof FieldSelectorError)) throw error;
    }
  }
  if (labels) {
    try {
      const { requirements } = parseLabelSelector(labels);
      if (requirements.length) attributes.labelSelector = requirements;
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
    }
  }
}

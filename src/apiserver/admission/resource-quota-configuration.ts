/** What may be taken only where a quota covers it (k8s.io/apiserver/pkg/admission/plugin/resourcequota/apis). */
import { type FieldError, path, required } from "../../api/field.ts";
import type { ScopedResourceSelectorRequirement } from "../../api/types/core-v1.gen.ts";
import { type ConfigurationKind, decodeConfiguration, throwFieldErrors } from "../configuration-file.ts";

export interface LimitedResource {
  apiGroup?: string;
  resource: string;
  /** Parts of names of what is counted. */
  matchContains?: string[];
  matchScopes?: ScopedResourceSelectorRequirement[];
}

const scope = { go: "v1.ScopedResourceSelectorRequirement", fields: { scopeName: "string", operator: "string", values: { list: "string" } } } as const;
const limited = {
  go: "v1.LimitedResource",
  fields: { apiGroup: "string", resource: "string", matchContains: { list: "string" }, matchScopes: { list: scope } },
} as const;
const fields = { limitedResources: { list: limited } } as const;
const kinds: readonly ConfigurationKind[] = [
  { kind: "ResourceQuotaConfiguration", versions: ["apiserver.config.k8s.io/v1"], fields },
  { kind: "Configuration", versions: ["resourcequota.admission.k8s.io/v1beta1", "resourcequota.admission.k8s.io/v1alpha1"], fields },
];

/** Throws ConfigurationError. */
export function readResourceQuota(text: string): LimitedResource[] {
  const { limitedResources = [] } = decodeConfiguration<{ limitedResources?: LimitedResource[] }>(text, ...kinds);
  const errors: FieldError[] = [];
  for (const [i, { resource }] of limitedResources.entries()) if (!resource) errors.push(required(path("limitedResources").index(i).child("resource")));
  throwFieldErrors(errors);
  return limitedResources;
}

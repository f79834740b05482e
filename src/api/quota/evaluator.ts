/** How objects of a kind count against quotas, and what has to be known of other objects for that. */
import type { ResourceList } from "../core/resource-list.ts";
import type { KubeObject } from "../object.ts";
import type { Pod, ScopedResourceSelectorRequirement } from "../types/core-v1.gen.ts";
import type { DeviceClass, ResourceClaim } from "../types/resource-v1.gen.ts";

export interface QuotaEvaluator {
  /** Those of the names that objects of this kind count against. */
  matching(names: readonly string[]): string[];
  /** `now` in milliseconds since the epoch. */
  usage(object: KubeObject, now: number): ResourceList;
  matchesScope(selector: ScopedResourceSelectorRequirement, object: KubeObject): boolean;
  /** What the object must say and does not, because a quota bounds it; undefined when nothing is missing. */
  missing(required: readonly string[], object: KubeObject): string | undefined;
}

export interface QuotaSurroundings {
  /** By the name of a resource that it stands behind. */
  classBehind(resource: string): DeviceClass | undefined;
  pod(namespace: string, name: string): Pod | undefined;
  resourceClaims(namespace: string): readonly ResourceClaim[];
}

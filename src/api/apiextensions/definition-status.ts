/** Conditions of definitions, and what they say (apiextensions-apiserver/pkg/apihelpers). */
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from "../types/apiextensions-v1.gen.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

type Condition = CustomResourceDefinitionCondition;

export const conditionOf = ({ status }: CustomResourceDefinition, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);
export const isTrue = (definition: CustomResourceDefinition, type: string): boolean => conditionOf(definition, type)?.status === "True";

/** Names are accepted, or were once. */
export const isServed = (definition: CustomResourceDefinition): boolean => isTrue(definition, "NamesAccepted") || isTrue(definition, "Established");

/** The list with the condition set. `now` is RFC 3339; it is when the status changed. */
export function withCondition(conditions: readonly Condition[] | undefined, next: Condition, now: string): Condition[] {
  const old = conditions?.find(({ type }) => type === next.type);
  if (!old) return [...(conditions ?? []), { ...next, lastTransitionTime: now }];
  const lastTransitionTime = old.status === next.status && old.lastTransitionTime ? old.lastTransitionTime : now;
  return (conditions ?? []).map((one) => (one === old ? { ...old, ...next, lastTransitionTime } : one));
}

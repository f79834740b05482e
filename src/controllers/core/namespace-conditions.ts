/** What a terminating namespace says about its deletion. Pure. */
import { formatTime } from "../../api/time.ts";
import type { NamespaceCondition } from "../../api/types/core-v1.gen.ts";

export interface Findings {
  discoveryFailures: string[];
  failures: string[];
  /** Instances left, by `resource.group`. */
  remaining: Map<string, number>;
  /** Instances left that each finalizer holds. */
  finalizers: Map<string, number>;
  /** Milliseconds until another attempt makes sense. */
  wait: number;
}

const fine: [type: string, reason: string, message: string][] = [
  ["NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"],
  ["NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"],
  ["NamespaceDeletionContentFailure", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"],
  ["NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"],
  ["NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"],
];

/** The new list, or undefined when nothing changed. */
export function namespaceConditions(present: readonly NamespaceCondition[] = [], findings: Findings, now: number): NamespaceCondition[] | undefined {
  const bad = problems(findings);
  const lastTransitionTime = formatTime(now);
  const conditions = [...present];
  let changed = false;
  for (const [type, okReason, okMessage] of fine) {
    const [reason, message] = bad[type] ?? [okReason, okMessage];
    const next = { type, status: bad[type] ? "True" : "False", lastTransitionTime, reason, message };
    const at = conditions.findIndex((c) => c.type === type);
    const old = conditions[at];
    if (!old) conditions.push(next);
    else if (old.status === next.status && old.reason === reason && old.message === message) continue;
    else conditions[at] = old.status === next.status ? { ...next, lastTransitionTime: old.lastTransitionTime } : next;
    changed = true;
  }
  return changed ? conditions : undefined;
}

function problems({ discoveryFailures, failures, remaining, finalizers }: Findings): Record<string, [reason: string, message: string]> {
  const list = (counts: Map<string, number>, text: (name: string, count: number) => string): string =>
    [...counts]
      .map(([name, count]) => text(name, count))
      .sort()
      .join(", ");
  return {
    ...(discoveryFailures.length && {
      NamespaceDeletionDiscoveryFailure: [
        "DiscoveryFailed",
        `Discovery failed for some groups, ${discoveryFailures.length} failing: unable to retrieve the complete list of server APIs: ${discoveryFailures.join(", ")}`,
      ],
    }),
    ...(failures.length && {
      NamespaceDeletionContentFailure: [
        "ContentDeletionFailed",
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.toSorted().join(", ")}`,
      ],
    }),
    ...(remaining.size && {
      NamespaceContentRemaining: [
        "SomeResourcesRemain",
        `Some resources are remaining: ${list(remaining, (name, count) => `${name} has ${count} resource instances`)}`,
      ],
    }),
    ...(finalizers.size && {
      NamespaceFinalizersRemaining: [
        "SomeFinalizersRemain",
        `Some content in the namespace has finalizers remaining: ${list(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
      ],
    }),
  };
}

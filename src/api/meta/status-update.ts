/** Metadata in an update of the status: all of it stays as it was (metav1.ResetObjectMetaForStatus). */
import type { ObjectMeta } from "../types/meta-v1.gen.ts";

const kept = ["deletionTimestamp", "generation", "selfLink", "labels", "annotations", "finalizers", "ownerReferences"] as const;

/** Field managers alone are the update's own. */
export function resetMetadata(meta: ObjectMeta, old: ObjectMeta): void {
  const target = meta as unknown as Record<string, unknown>;
  for (const field of kept) {
    if (old[field] === undefined) delete target[field];
    else target[field] = old[field];
  }
}

/** A finalizer that everything of a kind bears until it is deleted, and then as long as it is in use (KEP-1685, KEP-498). Pure. */
import type { KubeObject } from "../../api/object.ts";

/** Whether the finalizer is to come, or may have to go: the latter is for the caller to find out. */
export function isGuardDue({ metadata }: KubeObject, finalizer: string): boolean {
  const guarded = metadata.finalizers?.includes(finalizer) ?? false;
  return metadata.deletionTimestamp ? guarded : !guarded;
}

/** The object with the finalizer, or without it where it is being deleted. */
export function guarded<T extends KubeObject>(object: T, finalizer: string): T {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  const others = finalizers.filter((one) => one !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers: deletionTimestamp ? others : [...others, finalizer] } };
}

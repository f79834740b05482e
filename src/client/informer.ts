/** A component's own view of one resource, kept current by list and watch. The contract; factory.ts makes them. */
import type { KubeObject } from "../api/object.ts";

/** Called in order of change; `old` is absent for an addition, `object` for a deletion. Must not throw and not wait. */
export type ChangeHandler<T> = (old: T | undefined, object: T | undefined) => void;

/**
 * Reads are cached and may be stale; never the caller's own latest write for certain. Objects are shared and immutable.
 * With a `project` function only what it returns is kept in memory.
 */
export interface Informer<T extends KubeObject> {
  get(namespace: string, name: string): T | undefined;
  list(namespace?: string): T[];
  /** Objects whose index function gave `value`. Throws for an index that was not declared. */
  by(index: string, value: string): T[];
  /** Handlers added before or after the start see every object once as an addition. */
  onChange(handler: ChangeHandler<T>): void;
  /** True once the first list is complete and its handlers have run. */
  readonly hasSynced: boolean;
  synced(signal?: AbortSignal): Promise<void>;
  /** Last resourceVersion seen. */
  readonly resourceVersion: string;
}

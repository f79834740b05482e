/** What has been written to a service's EndpointSlices; while the cache shows less, deciding would act twice. */
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";

const deleted = Number.POSITIVE_INFINITY;

export class SliceTracker {
  readonly #generations = new Map<string, Map<string, number>>();

  wrote(key: string, slice: EndpointSlice): void {
    this.#of(key).set(slice.metadata.uid, slice.metadata.generation ?? 1);
  }
  deleting(key: string, slice: EndpointSlice): void {
    this.#of(key).set(slice.metadata.uid, deleted);
  }
  /** Its watch has shown it to be gone. */
  gone(key: string, slice: EndpointSlice): void {
    this.#generations.get(key)?.delete(slice.metadata.uid);
  }
  forget(key: string): void {
    this.#generations.delete(key);
  }

  /** The cached slices are older than what was written. */
  isStale(key: string, cached: readonly EndpointSlice[]): boolean {
    const expected = this.#generations.get(key);
    if (!expected) return false;
    const present = new Map(cached.map((slice) => [slice.metadata.uid, slice.metadata.generation ?? 1]));
    for (const [uid, generation] of expected) {
      const seen = present.get(uid);
      if (generation === deleted ? seen !== undefined : seen === undefined || seen < generation) return true;
    }
    return false;
  }

  #of(key: string): Map<string, number> {
    let generations = this.#generations.get(key);
    if (!generations) {
      generations = new Map();
      this.#generations.set(key, generations);
    }
    return generations;
  }
}

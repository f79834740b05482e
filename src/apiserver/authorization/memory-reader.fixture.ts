/** A Reader over plain objects, for tests. */
import { type KubeObject, keyOf } from "../../api/object.ts";
import type { Reader } from "../../cache/cache.ts";

/** An object of which only what a test cares about is there. */
export type Sketch = { metadata: { name: string; namespace?: string } & Record<string, unknown> } & Record<string, unknown>;

export class MemoryReader implements Reader {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, ((namespace: string, name: string) => void)[]>();

  /** Stores the objects and tells who listens. */
  put(resource: string, ...objects: Sketch[]): this {
    for (const sketch of objects) {
      const object = sketch as unknown as KubeObject;
      this.#of(resource).set(keyOf(object), object);
      this.#tell(resource, object);
    }
    return this;
  }
  remove(resource: string, namespace: string, name: string): void {
    const key = namespace ? `${namespace}/${name}` : name;
    const object = this.#of(resource).get(key);
    this.#of(resource).delete(key);
    if (object) this.#tell(resource, object);
  }
  get<T extends KubeObject>(resource: string, namespace: string, name: string): T | undefined {
    return this.#of(resource).get(namespace ? `${namespace}/${name}` : name) as T | undefined;
  }
  list<T extends KubeObject>(resource: string, namespace?: string): T[] {
    return [...this.#of(resource).values()].filter((o) => namespace === undefined || o.metadata.namespace === namespace) as T[];
  }
  labels(resource: string, namespace: string, name: string): Readonly<Record<string, string>> | undefined {
    const object = this.get(resource, namespace, name);
    return object && (object.metadata.labels ?? {});
  }
  onChange(resource: string, fn: (namespace: string, name: string) => void): void {
    this.#listeners.set(resource, [...(this.#listeners.get(resource) ?? []), fn]);
  }
  #of(resource: string): Map<string, KubeObject> {
    let map = this.#objects.get(resource);
    if (!map) {
      map = new Map();
      this.#objects.set(resource, map);
    }
    return map;
  }
  #tell(resource: string, { metadata }: KubeObject): void {
    for (const fn of this.#listeners.get(resource) ?? []) fn(metadata.namespace ?? "", metadata.name);
  }
}

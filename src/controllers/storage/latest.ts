/** What an informer knows, or what was written here if that is newer: a cache that is behind never undoes an own write. */
import { type KubeObject, keyOf } from "../../api/object.ts";
import type { Informer } from "../../client/informer.ts";

export class Latest<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #written = new Map<string, T>();
  constructor(informer: Informer<T>) {
    this.#informer = informer;
    informer.onChange((old, object) => {
      const written = this.#written.get(keyOf((object ?? old) as T));
      if (!written) return;
      if (!object || object.metadata.uid !== written.metadata.uid || !isNewer(written, object)) this.#written.delete(keyOf(written));
    });
  }
  get(namespace: string, name: string): T | undefined {
    return this.#written.get(namespace ? `${namespace}/${name}` : name) ?? this.#informer.get(namespace, name);
  }
  list(): T[] {
    const all = this.#informer.list();
    return this.#written.size ? all.map((object) => this.#written.get(keyOf(object)) ?? object) : all;
  }
  /** Returns what it is given. */
  wrote(object: T): T {
    const known = this.#informer.get(object.metadata.namespace ?? "", object.metadata.name);
    if (known && isNewer(object, known)) this.#written.set(keyOf(object), object);
    return object;
  }
}

const isNewer = (one: KubeObject, other: KubeObject): boolean => BigInt(one.metadata.resourceVersion) > BigInt(other.metadata.resourceVersion);

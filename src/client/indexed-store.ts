/** Objects by key with indexes: what an informer keeps. Single writer; readers see it between changes only. */
import { type KubeObject, keyOf } from "../api/object.ts";

/** Values under which an object is found. */
export type IndexFunction<T> = (object: T) => string[];

export class IndexedStore<T extends KubeObject> {
  #objects = new Map<string, T>();
  readonly #functions = new Map<string, IndexFunction<T>>();
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  constructor() {
    this.addIndex(byNamespace, (object) => [object.metadata.namespace ?? ""]);
  }

  /** Over what is stored already as well. A name that exists keeps its first function. */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#functions.has(name)) return;
    this.#functions.set(name, values);
    this.#indexes.set(name, new Map());
    for (const [key, object] of this.#objects) this.#link(name, values, key, object);
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  values(): T[] {
    return [...this.#objects.values()];
  }
  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }
  by(index: string, value: string): T[] {
    const values = this.#indexes.get(index);
    if (!values) throw new Error(`no index ${JSON.stringify(index)}`);
    const found = values.get(value);
    return found ? [...found.values()] : [];
  }

  set(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    for (const [name, values] of this.#functions) {
      if (old) this.#unlink(name, values, key, old);
      this.#link(name, values, key, object);
    }
    this.#objects.set(key, object);
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    for (const [name, values] of this.#functions) this.#unlink(name, values, key, old);
    this.#objects.delete(key);
    return old;
  }

  #link(name: string, values: IndexFunction<T>, key: string, object: T): void {
    const index = this.#indexes.get(name) as Map<string, Map<string, T>>;
    for (const value of values(object)) {
      let members = index.get(value);
      if (!members) {
        members = new Map();
        index.set(value, members);
      }
      members.set(key, object);
    }
  }

  #unlink(name: string, values: IndexFunction<T>, key: string, object: T): void {
    const index = this.#indexes.get(name) as Map<string, Map<string, T>>;
    for (const value of values(object)) {
      const members = index.get(value);
      members?.delete(key);
      if (members?.size === 0) index.delete(value);
    }
  }
}

export const byNamespace = "namespace";

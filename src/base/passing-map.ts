/**
 * A map for what comes and goes by the thousand a second. A Map of the language lets each table that it has outgrown or
 * cleaned point to the next one, for the sake of iterators; once one of them is in V8's old generation, collections of the
 * young one take everything that its successors held for alive, long after it was deleted. Here what was deleted is let go
 * at once; only keys stay behind, which should be small: numbers, strings that exist anyway.
 */
export class PassingMap<K extends string | number, V> {
  readonly #boxes = new Map<K, { value: V | undefined }>();

  get size(): number {
    return this.#boxes.size;
  }
  has(key: K): boolean {
    return this.#boxes.has(key);
  }
  get(key: K): V | undefined {
    return this.#boxes.get(key)?.value;
  }
  /** A key that is there keeps its place. */
  set(key: K, value: V): void {
    const box = this.#boxes.get(key);
    if (box) box.value = value;
    else this.#boxes.set(key, { value });
  }
  delete(key: K): boolean {
    const box = this.#boxes.get(key);
    if (!box) return false;
    box.value = undefined;
    return this.#boxes.delete(key);
  }
  clear(): void {
    for (const box of this.#boxes.values()) box.value = undefined;
    this.#boxes.clear();
  }
  /** In the order in which they came; as with a Map, without what is deleted meanwhile. */
  keys(): MapIterator<K> {
    return this.#boxes.keys();
  }
  *values(): Generator<V, void> {
    for (const box of this.#boxes.values()) yield box.value as V;
  }
}

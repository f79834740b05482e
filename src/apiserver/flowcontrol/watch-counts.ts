/** How many watches a write concerns (k8s.io/apiserver/pkg/util/flowcontrol/watch_tracker.go). */
import { FieldSelectorError, parseFieldSelector } from "../../api/selectors/fields.ts";
import type { RequestInfo } from "../request-info.ts";

const reading = new Set(["get", "list", "watch", "proxy"]);

/** Watches of pods of one node hear only of that node's. */
function isNarrow(info: RequestInfo, query: URLSearchParams): boolean {
  if (info.resource !== "pods" || query.size === 0) return false;
  const text = query.get("fieldSelector");
  if (!text) return false;
  try {
    return parseFieldSelector(text).requirements.some(({ field, operator, value }) => field === "spec.nodeName" && operator !== "!=" && value !== "");
  } catch (error) {
    if (error instanceof FieldSelectorError) return false;
    throw error;
  }
}

export class WatchCounts {
  readonly #counts = new Map<string, number>();

  /** Returns what is called when the watch is over. */
  begin(info: RequestInfo, query: URLSearchParams): () => void {
    if (isNarrow(info, query)) return () => undefined;
    const key = `${info.group}/${info.resource}/${info.namespace}/${info.name}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
  concernedBy({ verb, group, resource, namespace, name }: RequestInfo): number {
    if (this.#counts.size === 0 || reading.has(verb)) return 0;
    const key = `${group}/${resource}/`;
    const count = (rest: string): number => this.#counts.get(key + rest) ?? 0;
    return count("/") + (namespace ? count(`${namespace}/`) : 0) + (name ? count(`${namespace}/${name}`) : 0);
  }
}

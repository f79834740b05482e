/** The shape that every API object shares. Objects are immutable once they have left the code that made them. */
import type { ListMeta, ObjectMeta } from "./types/meta-v1.gen.ts";

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

export interface KubeList<T extends KubeObject = KubeObject> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

type DeepPartial<V> = V extends (infer E)[] ? DeepPartial<E>[] : V extends object ? { [K in keyof V]?: DeepPartial<V[K]> } : V;

/** What a client writes: every field may be left to the server. */
export type Draft<T extends KubeObject> = DeepPartial<Omit<T, "metadata">> & { metadata: Partial<ObjectMeta> };

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
export interface WatchEvent<T = KubeObject> {
  type: WatchEventType;
  object: T;
}

/** `namespace/name`, or `name` for what has no namespace: the key that caches and work queues use. */
export function keyOf(object: KubeObject): string {
  return object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name;
}

/** Inverse of keyOf. */
export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { namespace: "", name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

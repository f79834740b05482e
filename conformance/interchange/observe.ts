/** Everything that an API server holds, and what has become of it from one look to the next. */
import type { KubeObject } from "../../src/api/object.ts";
import { StatusError } from "../../src/api/status.ts";
import type { Client, Resource } from "../../src/client/client.ts";
import * as resources from "../../src/client/resources.gen.ts";

/** By `resource.group namespace/name`. */
export type Snapshot = ReadonlyMap<string, KubeObject>;

/** Beat with time, or only say what happened. */
const restless = new Set(["leases", "events"]);
/** The other versions or names of what is listed anyway. */
const listed = [...new Map(Object.values(resources).map((resource: Resource) => [`${resource.resource}.${resource.group}`, resource])).entries()].filter(
  ([, { resource }]) => !restless.has(resource) && resource !== "componentstatuses",
);
/** Not of this server, or not to be listed. */
const absent = new WeakMap<Client, Set<string>>();

export async function observe(client: Client): Promise<Snapshot> {
  const snapshot = new Map<string, KubeObject>();
  const gone = absent.get(client) ?? new Set();
  absent.set(client, gone);
  for (const [kind, resource] of listed) {
    if (gone.has(kind)) continue;
    try {
      const { items } = await client.resource(resource).list();
      for (const object of items) snapshot.set(`${kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`, { ...object, kind: resource.kind });
    } catch (error) {
      if (!(error instanceof StatusError) || (error.code !== 404 && error.code !== 405)) throw error;
      gone.add(kind);
    }
  }
  return snapshot;
}

/** An object that a time of day makes: the CronJob of every minute, and all that it owns. */
export function isOfTheMinute(object: KubeObject): boolean {
  return object.metadata.name.startsWith("every-minute");
}

export interface Difference {
  /** Not there before, or there with another uid. */
  added: string[];
  removed: string[];
  /** The same object, written meanwhile. */
  written: string[];
}

export function difference(before: Snapshot, after: Snapshot): Difference {
  const found: Difference = { added: [], removed: [], written: [] };
  for (const [key, object] of after) {
    if (isOfTheMinute(object)) continue;
    const old = before.get(key);
    if (!old) found.added.push(key);
    else if (old.metadata.uid !== object.metadata.uid) found.added.push(`${key} (another uid)`);
    else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) found.written.push(key);
  }
  for (const [key, object] of before) if (!after.has(key) && !isOfTheMinute(object)) found.removed.push(key);
  return found;
}

/** Paths of what differs between two versions of an object, resourceVersion and managedFields left out. */
export function changedPaths(a: unknown, b: unknown, path = ""): string[] {
  if (JSON.stringify(a) === JSON.stringify(b) || path === ".metadata.resourceVersion" || path === ".metadata.managedFields") return [];
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return [`${path}: ${JSON.stringify(a)} -> ${JSON.stringify(b)}`];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => changedPaths((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`));
}

/**
 * Who manages the number of replicas, as the scale subresource sees it and as its object keeps it
 * (k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go).
 */
import { groupVersionOf } from "../group-version.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { difference, type FieldSet, hasPath, setOf } from "./fieldset.ts";
import { type Managed, readManaged, sameManager, sortManaged } from "./managed-fields.ts";

const scaleVersion = "autoscaling/v1";
const replicasPath = ["f:spec", "f:replicas"];
const replicas = setOf(replicasPath) as FieldSet;

/** Where objects of a version have their replicas; null: nowhere; undefined: there is no such version. */
export type ReplicasPaths = (apiVersion: string) => readonly string[] | null | undefined;
/** Built-in kinds have them in one place in all versions of their group. */
export const builtInPaths =
  (own: string): ReplicasPaths =>
  (apiVersion) =>
    groupVersionOf(apiVersion).group === groupVersionOf(own).group ? replicasPath : undefined;

/** Entries of the object in versions that there are. */
const known = (entries: readonly ManagedFieldsEntry[] | undefined, paths: ReplicasPaths): Managed[] =>
  (readManaged(entries) ?? []).filter((entry) => paths(entry.apiVersion ?? "") !== undefined);

/** In the order of Go's fields, as messages show a Scale. */
const inScale = ({ manager, operation, time, fieldsType, subresource }: Managed): Managed => ({
  ...(manager === undefined ? {} : { manager }),
  ...(operation === undefined ? {} : { operation }),
  apiVersion: scaleVersion,
  ...(time === undefined ? {} : { time }),
  ...(fieldsType === undefined ? {} : { fieldsType }),
  fieldsV1: replicas,
  ...(subresource === undefined ? {} : { subresource }),
});

/** The entries that a Scale of the object has. `apiVersion` is the object's. */
export function scaleEntries(entries: readonly ManagedFieldsEntry[] | undefined, apiVersion: string, paths = builtInPaths(apiVersion)): ManagedFieldsEntry[] {
  return sortManaged(
    known(entries, paths)
      .filter((entry) => hasPath(entry.fieldsV1, paths(entry.apiVersion as string) ?? []))
      .map(inScale),
  );
}

/**
 * The object's entries after a write of its Scale that left `scale`. Who updates loses the replicas to an entry of its own,
 * without a time, even where nothing changed: upstream knows updaters by their version, and a Scale's is another.
 */
export function parentEntries(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
  paths = builtInPaths(apiVersion),
): ManagedFieldsEntry[] {
  let left = readManaged(scale) ?? [];
  const out: Managed[] = [];
  for (const entry of known(entries, paths)) {
    const own = paths(entry.apiVersion as string);
    if (!own || !hasPath(entry.fieldsV1, own)) {
      out.push(entry);
      continue;
    }
    const kept = left.find((other) => sameManager(other, entry));
    if (kept) {
      out.push(entry);
      left = left.filter((other) => other !== kept);
      continue;
    }
    const rest = difference(entry.fieldsV1, setOf(own) as FieldSet);
    if (rest) out.push({ ...entry, fieldsV1: rest });
  }
  for (const entry of left) {
    if (!hasPath(entry.fieldsV1, replicasPath)) continue;
    const { time: _, ...timeless } = entry;
    out.push({ ...timeless, apiVersion, fieldsV1: setOf(paths(apiVersion) ?? replicasPath) as FieldSet });
  }
  return sortManaged(out);
}

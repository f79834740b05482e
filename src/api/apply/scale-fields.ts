/**
 * Who manages the number of replicas, as the scale subresource sees it and as its object keeps it
 * (k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go).
 */
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { difference, type FieldSet, hasPath, setOf } from "./fieldset.ts";
import { type Managed, readManaged, sameManager, sortManaged } from "./managed-fields.ts";

const scaleVersion = "autoscaling/v1";
const replicasPath = ["f:spec", "f:replicas"];
const replicas = setOf(replicasPath) as FieldSet;

const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "");

/** Entries of the object in versions that have a path for the replicas: those of its group. */
const known = (entries: readonly ManagedFieldsEntry[] | undefined, apiVersion: string): Managed[] =>
  (readManaged(entries) ?? []).filter((entry) => groupOf(entry.apiVersion ?? "") === groupOf(apiVersion));

/** The entries that a Scale of the object has. `apiVersion` is the object's. */
export function scaleEntries(entries: readonly ManagedFieldsEntry[] | undefined, apiVersion: string): ManagedFieldsEntry[] {
  return sortManaged(
    known(entries, apiVersion)
      .filter((entry) => hasPath(entry.fieldsV1, replicasPath))
      .map((entry) => ({ ...entry, apiVersion: scaleVersion, fieldsV1: replicas })),
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
): ManagedFieldsEntry[] {
  let left = readManaged(scale) ?? [];
  const out: Managed[] = [];
  for (const entry of known(entries, apiVersion)) {
    if (!hasPath(entry.fieldsV1, replicasPath)) {
      out.push(entry);
      continue;
    }
    const kept = left.find((other) => sameManager(other, entry));
    if (kept) {
      out.push(entry);
      left = left.filter((other) => other !== kept);
      continue;
    }
    const rest = difference(entry.fieldsV1, replicas);
    if (rest) out.push({ ...entry, fieldsV1: rest });
  }
  for (const entry of left) {
    if (!hasPath(entry.fieldsV1, replicasPath)) continue;
    const { time: _, ...timeless } = entry;
    out.push({ ...timeless, apiVersion, fieldsV1: replicas });
  }
  return sortManaged(out);
}

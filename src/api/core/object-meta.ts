/** Metadata as kinds of the system hold it, and the cells that every table has. */
import { type FieldError, invalidValue, type Path, path } from "../field.ts";
import { type ObjectMetaRules, validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import type { KubeObject } from "../object.ts";
import { humanDuration } from "../time.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";

const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/** A finalizer without a domain must be one of upstream's own. */
export const validateKubeFinalizer = (name: string, at: Path): FieldError[] =>
  name.includes("/") || standardFinalizers.has(name) ? [] : [invalidValue(at, name, "name is neither a standard finalizer name nor is it fully qualified")];

function withFinalizers(errors: FieldError[], { finalizers }: ObjectMeta, at: Path): FieldError[] {
  if (finalizers) for (let i = 0; i < finalizers.length; i++) errors.push(...validateKubeFinalizer(finalizers[i] as string, at.child("finalizers").index(i)));
  return errors;
}

const metadata = path("metadata");

/** validateObjectMeta at `metadata`, and finalizers that are upstream's own or have a domain. */
export const validateMetadata = (meta: ObjectMeta, rules: ObjectMetaRules, at: Path = metadata): FieldError[] =>
  withFinalizers(validateObjectMeta(meta, rules, at), meta, at);

export const validateMetadataUpdate = (meta: ObjectMeta, old: ObjectMeta, at: Path = metadata): FieldError[] =>
  withFinalizers(validateObjectMetaUpdate(meta, old, at), meta, at);

/** How long ago that was, as tables show it. */
export const ageOf = (time: string | null | undefined, now: number): string => (time ? humanDuration(now - Date.parse(time)) : "<unknown>");
export const age = (object: KubeObject, now: number): string => ageOf(object.metadata.creationTimestamp, now);

/** `a=b,c=d` in the order of the keys, or `<none>`. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length ? keys.map((key) => `${key}=${labels![key]}`).join(",") : "<none>";
}

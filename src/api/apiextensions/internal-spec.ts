/**
 * A definition's spec as upstream's internal version has it, in whose terms messages speak: what all versions have alike
 * stands once (apis/apiextensions/v1/conversion.go).
 */
import { semanticEqual } from "../core/semantic.ts";
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceSubresources,
  CustomResourceValidation,
  SelectableField,
  WebhookClientConfig,
} from "../types/apiextensions-v1.gen.ts";

export interface InternalVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated: boolean;
  deprecationWarning?: string | undefined;
  schema?: CustomResourceValidation | undefined;
  subresources?: CustomResourceSubresources | undefined;
  /** undefined is shown otherwise than an empty list. */
  columns?: CustomResourceColumnDefinition[] | undefined;
  selectableFields?: SelectableField[] | undefined;
}

export interface InternalSpec {
  group: string;
  version: string;
  names: CustomResourceDefinitionNames;
  scope: string;
  validation?: CustomResourceValidation | undefined;
  subresources?: CustomResourceSubresources | undefined;
  columns: CustomResourceColumnDefinition[];
  selectableFields: SelectableField[];
  versions: InternalVersion[];
  /** There is no list of versions at all, which Go shows otherwise than an empty one. */
  noVersions: boolean;
  conversion?: { strategy: string; client?: WebhookClientConfig | undefined; reviewVersions: string[] };
  preserveUnknownFields: boolean;
}

const alike = <T>(versions: readonly InternalVersion[], of: (version: InternalVersion) => T): boolean =>
  versions.every((version) => semanticSame(of(version), of(versions[0] as InternalVersion)));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function semanticSame(a: unknown, b: unknown): boolean {
  if (!isObject(a) || !isObject(b)) return a === b;
  return semanticEqual(a, b) && Array.isArray(a) === Array.isArray(b) && samePointers(a, b);
}

/** What upstream points to: an empty list there is something, which semantic equality takes for nothing. */
const pointedTo: ReadonlySet<string> = new Set(["items", "default", "example"]);

function samePointers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const hasAll = (one: Record<string, unknown>, other: Record<string, unknown>): boolean =>
    Object.keys(one).every((key) => other[key] !== undefined || one[key] === undefined || !pointedTo.has(key));
  return (
    hasAll(a, b) &&
    hasAll(b, a) &&
    Object.entries(a).every(([key, inner]) => {
      const other = b[key];
      return !isObject(inner) || !isObject(other) || samePointers(inner, other);
    })
  );
}

const made = new WeakMap<CustomResourceDefinitionSpec, InternalSpec>();

/** Shared: not to be changed. */
export function internalSpec(spec: CustomResourceDefinitionSpec): InternalSpec {
  const known = made.get(spec);
  if (known) return known;
  const internal = convert(spec);
  made.set(spec, internal);
  return internal;
}

function convert(spec: CustomResourceDefinitionSpec): InternalSpec {
  const versions: InternalVersion[] = (spec.versions ?? []).map((version) => ({
    name: version.name ?? "",
    served: version.served ?? false,
    storage: version.storage ?? false,
    deprecated: version.deprecated ?? false,
    deprecationWarning: version.deprecationWarning,
    schema: version.schema,
    subresources: version.subresources,
    columns: version.additionalPrinterColumns,
    selectableFields: version.selectableFields,
  }));
  const { conversion } = spec;
  const out: InternalSpec = {
    group: spec.group ?? "",
    version: versions[0]?.name ?? "",
    names: spec.names ?? { plural: "", kind: "" },
    scope: spec.scope ?? "",
    columns: [],
    selectableFields: [],
    versions,
    noVersions: !spec.versions,
    preserveUnknownFields: spec.preserveUnknownFields ?? false,
    ...(conversion
      ? {
          conversion: {
            strategy: conversion.strategy ?? "",
            client: conversion.webhook?.clientConfig,
            reviewVersions: conversion.webhook?.conversionReviewVersions ?? [],
          },
        }
      : {}),
  };
  const [first] = versions;
  if (!first) return out;
  if (alike(versions, (version) => version.subresources)) {
    out.subresources = first.subresources;
    for (const version of versions) version.subresources = undefined;
  }
  if (alike(versions, (version) => version.schema)) {
    out.validation = first.schema;
    for (const version of versions) version.schema = undefined;
  }
  if (alike(versions, (version) => version.columns ?? [])) {
    out.columns = first.columns ?? [];
    for (const version of versions) version.columns = undefined;
  }
  if (alike(versions, (version) => version.selectableFields ?? [])) {
    out.selectableFields = first.selectableFields ?? [];
    for (const version of versions) version.selectableFields = undefined;
  }
  return out;
}

/** Of all versions, wherever they stand. */
export function* schemasOf({ validation, versions }: InternalSpec) {
  if (validation?.openAPIV3Schema) yield validation.openAPIV3Schema;
  for (const { schema } of versions) if (schema?.openAPIV3Schema) yield schema.openAPIV3Schema;
}

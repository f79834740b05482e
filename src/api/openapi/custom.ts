/** OpenAPI of custom resources, as their definitions describe them (apiextensions-apiserver/pkg/controller/openapi: builder, v2). Pure. */
import { type Schema as Given, valuesOf } from "../apiextensions/schema.ts";
import { notStructural, validateStructural } from "../apiextensions/structural.ts";
import { Path } from "../field.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../types/apiextensions-v1.gen.ts";
import { customOperations } from "./custom-operations.ts";
import type { Operation } from "./operations.ts";
import type { Schema } from "./schemas.ts";
import { groupVersions, swaggerPaths, toV2 } from "./v2.ts";
import { type Document, pathsOf, schemasFor } from "./v3.ts";

const conventions = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
const typeMeta: Readonly<Record<string, Schema>> = {
  apiVersion: {
    description: `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: ${conventions}#resources`,
    type: "string",
  },
  kind: {
    description: `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: ${conventions}#types-kinds`,
    type: "string",
  },
};
const embeddedMeta: Readonly<Record<string, Schema>> = {
  apiVersion: {
    description: `apiVersion defines the versioned schema of this representation of an object. More info: ${conventions}#resources`,
    type: "string",
  },
  kind: { description: `kind is a string value representing the type of this object. In CamelCase. More info: ${conventions}#types-kinds`, type: "string" },
};
const meta = (type: string, description: string): Schema => ({
  description,
  allOf: [{ $ref: `#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.${type}` }],
});
const objectMeta = (): Schema => meta("ObjectMeta", `Standard object's metadata. More info: ${conventions}#metadata`);
const listMeta = (): Schema => meta("ListMeta", `Standard list metadata. More info: ${conventions}#types-kinds`);

/** What `io.k8s.api.apps.v1.Deployment` is to a built-in kind. */
export const modelName = (group: string, version: string, kind: string): string => `${group.split(".").reverse().join(".")}.${version}.${kind}`;

const isMeta = new Set(["apiVersion", "kind", "metadata"]);

/** One schema and those in it, changed from within. */
function mapped(schema: Given, change: (schema: Schema, given: Given) => Schema): Schema {
  const out: Schema = { ...schema };
  if (schema.properties) out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, mapped(one, change)]));
  if (schema.items && !Array.isArray(schema.items)) out.items = mapped(schema.items, change);
  const values = valuesOf(schema);
  if (values) out.additionalProperties = mapped(values, change);
  return change(out, schema);
}

const intOrString: Schema[] = [{ type: "integer" }, { type: "string" }];
function unfolded(schema: Schema, given: Given): Schema {
  if (!given["x-kubernetes-int-or-string"] || given.allOf?.[0]?.anyOf) return schema;
  const { anyOf, allOf = [] } = given;
  if (!anyOf) return { ...schema, anyOf: intOrString };
  const isIt = anyOf.length === 2 && anyOf[0]?.type === "integer" && anyOf[1]?.type === "string";
  return isIt ? schema : { ...schema, allOf: [{ anyOf: intOrString }, ...allOf] };
}

function embedded(schema: Schema, given: Given): Schema {
  if (!given["x-kubernetes-embedded-resource"]) return schema;
  const before = (schema.required ?? []) as readonly string[];
  const required = [...before, ...["kind", "apiVersion"].filter((name) => !before.includes(name))];
  return { ...schema, required, properties: { ...(schema.properties as object), ...embeddedMeta, metadata: objectMeta() } };
}

/** What version 2 has no words for goes, and what kubectl could not cope with. */
function inV2(schema: Schema, given: Given): Schema {
  const { allOf: _allOf, oneOf: _oneOf, anyOf: _anyOf, not: _not, nullable: _nullable, default: _default, ...out } = schema;
  const preserves = given["x-kubernetes-preserve-unknown-fields"] === true;
  if (given.nullable) delete out.type;
  if (given.nullable || preserves) {
    delete out.items;
    delete out.properties;
  }
  if ((out.type === "array" && !out.items) || (preserves && out.type === "object")) delete out.type;
  // Of properties that were taken away nobody asks whether they may be null.
  const kept = (given.required ?? []).filter((name) => !out.properties || !given.properties?.[name]?.nullable);
  if (!kept.length || valuesOf(given)?.nullable) delete out.required;
  else out.required = kept;
  return out;
}

function structural({ schema }: CustomResourceDefinitionVersion): Given | undefined {
  const given = schema?.openAPIV3Schema;
  return given && notStructural(given) === undefined && !validateStructural(given, new Path()).length ? given : undefined;
}

/** The schemas of the kind and of its list, by name. */
function models({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion, v2: boolean): Record<string, Schema> {
  const { group, names } = spec;
  const listKind = names.listKind ?? `${names.kind}List`;
  const name = modelName(group, version.name, names.kind);
  const given = structural(version);
  const gvk = (kind: string): Schema => ({
    "x-kubernetes-group-version-kind": [{ group, kind, version: version.name }],
    ...(version.selectableFields?.length
      ? { "x-kubernetes-selectable-fields": version.selectableFields.map(({ jsonPath }) => ({ fieldPath: jsonPath.replace(/^\./, "") })) }
      : {}),
  });
  let own: Schema = { type: "object" };
  if (given && !(v2 && (given["x-kubernetes-preserve-unknown-fields"] || spec.preserveUnknownFields))) {
    const change = v2
      ? (schema: Schema, from: Given): Schema => {
          const reduced = inV2(schema, from);
          return from["x-kubernetes-preserve-unknown-fields"] ? reduced : embedded(reduced, from);
        }
      : (schema: Schema, from: Given): Schema => embedded(unfolded(schema, from), from);
    const made = mapped(given, change);
    const properties = Object.entries((made.properties ?? {}) as Record<string, Schema>).filter(([key]) => !isMeta.has(key));
    own = {
      ...made,
      properties: Object.fromEntries([...Object.entries({ ...typeMeta, metadata: objectMeta() }), ...properties].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }
  const list: Schema = {
    description: `${listKind} is a list of ${names.kind}`,
    type: "object",
    required: ["items"],
    properties: {
      ...typeMeta,
      items: { description: `List of ${names.plural}. More info: ${conventions}`, type: "array", items: { $ref: `#/components/schemas/${name}` } },
      metadata: listMeta(),
    },
  };
  return { [name]: { ...own, ...gvk(names.kind) }, [modelName(group, version.name, listKind)]: { ...list, ...gvk(listKind) } };
}

interface Parts {
  operations: Operation[];
  own: Record<string, Schema>;
}
function partsOf(served: readonly [CustomResourceDefinition, CustomResourceDefinitionVersion][], v2: boolean): Parts {
  const parts: Parts = { operations: [], own: {} };
  for (const [definition, version] of served) {
    parts.operations.push(...customOperations(definition, version, modelName));
    Object.assign(parts.own, models(definition, version, v2));
  }
  return parts;
}

const info = { title: "Kubernetes CRD Swagger", version: "v0.1.0" };

const withoutClients = new Set(["admission.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "imagepolicy.k8s.io"]);
/** Of all groups that upstream's clients know, options of deletions are a kind there. */
const clientGroupVersions = () => groupVersions().filter(({ group }) => !withoutClients.has(group));

/** All that definitions serve in one group and version. */
export function customDocument(served: readonly [CustomResourceDefinition, CustomResourceDefinitionVersion][]): Document {
  const { operations, own } = partsOf(served, false);
  return { openapi: "3.0.0", info, paths: pathsOf(operations), components: { schemas: schemasFor(operations, [], clientGroupVersions(), own) } };
}

/** Paths and definitions, to be merged with those of the built-in kinds. */
export function customSwagger(served: readonly [CustomResourceDefinition, CustomResourceDefinitionVersion][]): Document {
  const { operations, own } = partsOf(served, true);
  const definitions = Object.fromEntries(Object.entries(own).map(([name, schema]) => [name, toV2(schema)]));
  return { paths: swaggerPaths(operations), definitions };
}

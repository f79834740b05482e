/**
 * Merges what upstream publishes about every kind into the committed data under src/api/schema/.
 *
 * Input (a folder, see tools/schema/README.md for how to get it again): `protobuf-fields.json.gz` (reflection over the
 * published Go modules), `openapi-v3/*.json.gz`, `swagger-v2.json.gz`, `discovery-aggregated.json`, `table-columns.json`,
 * `deprecations.json`, `bootstrap-objects.json` (read from a running kube-apiserver). Output: `types.json`, `resources.json`, `bootstrap.json`.
 * Facts only: no prose is carried over.
 *
 * EVERYTHING is a folder of the same form, read from a kube-apiserver that serves every version with every feature on
 * (`--runtime-config=api/all=true --feature-gates=AllAlpha=true,AllBeta=true`): of what FOLDER does not have, that is taken.
 *
 * GATE=FOLDER is one more, of a server with that feature on: what it has at its start beyond the first, or otherwise, is written
 * into `bootstrap-gated.json`.
 *
 * Usage: node tools/schema/merge.ts FOLDER EVERYTHING [GATE=FOLDER ...]
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

type GoField = { json: string; name?: string; go: string; num?: string; wire?: string; inline?: boolean; omitempty?: boolean; omitzero?: boolean };
type Facts = { kinds: Record<string, string>; types: Record<string, GoField[] | null> };
type Property = Record<string, unknown> & { default?: unknown; enum?: string[]; items?: { enum?: string[]; default?: unknown } };
type OpenAPISchema = { properties?: Record<string, Property>; required?: string[]; "x-kubernetes-unions"?: unknown };

const [from, everything, ...gated] = process.argv.slice(2);
if (!from || !everything) {
  process.stderr.write("usage: node tools/schema/merge.ts FOLDER EVERYTHING [GATE=FOLDER ...]\n");
  process.exit(2);
}
const out = new URL("../../src/api/schema/", import.meta.url).pathname;
const read = (name: string, folder = from): string => {
  const raw = readFileSync(join(folder, name));
  return (name.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8");
};

/** `api/core/v1.Pod` -> `core/v1.Pod`. */
const shortName = (go: string): string =>
  go
    .replace(/^api\//, "")
    .replace(/^apimachinery\/pkg\/apis\/meta\//, "meta/")
    .replace(/^apimachinery\/pkg\/runtime\./, "runtime.")
    .replace(/^apiextensions-apiserver\/pkg\/apis\//, "")
    .replace(/^kube-aggregator\/pkg\/apis\//, "");

const scalars: Record<string, string> = {
  "apimachinery/pkg/apis/meta/v1.Time": "Time",
  "apimachinery/pkg/apis/meta/v1.MicroTime": "MicroTime",
  "apimachinery/pkg/apis/meta/v1.Duration": "Duration",
  "apimachinery/pkg/apis/meta/v1.FieldsV1": "FieldsV1",
  "apimachinery/pkg/api/resource.Quantity": "Quantity",
  "apimachinery/pkg/util/intstr.IntOrString": "IntOrString",
  "apimachinery/pkg/runtime.RawExtension": "RawExtension",
  "apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON": "JSON",
  "interface {}": "JSON",
};
/** Go type expression -> ours: `*T`, `[]T`, `map[string]T`, a scalar, or a type name. */
const typeOf = (go: string): string => {
  if (go.startsWith("*")) return `*${typeOf(go.slice(1))}`;
  if (go.startsWith("[]")) return `[]${typeOf(go.slice(2))}`;
  const map = /^map\[[^\]]*\](.*)$/.exec(go);
  if (map) return `map[string]${typeOf(map[1] as string)}`;
  if (scalars[go]) return scalars[go];
  const alias = go.indexOf("=");
  return alias >= 0 ? typeOf(go.slice(alias + 1)) : shortName(go);
};

const openapi = new Map<string, OpenAPISchema>();
for (const folder of [everything, from])
  for (const file of readdirSync(join(folder, "openapi-v3")).sort()) {
    const doc = JSON.parse(read(join("openapi-v3", file), folder)) as { components?: { schemas?: Record<string, OpenAPISchema> } };
    for (const [name, schema] of Object.entries(doc.components?.schemas ?? {})) openapi.set(name, schema);
  }
const openapiName = (go: string): string => `io.k8s.${go.replaceAll("/", ".")}`;

const facts = JSON.parse(read("protobuf-fields.json.gz")) as Facts;
/** Embedded structs have no schema of their own: what is known about their fields stands in the schemas that embed them. */
const embedders = new Map<string, string[]>();
for (const [go, fields] of Object.entries(facts.types)) {
  for (const field of fields ?? []) if (field.inline) embedders.set(field.go.replace(/^\*/, ""), [...(embedders.get(field.go.replace(/^\*/, "")) ?? []), go]);
}
function schemaFor(go: string): OpenAPISchema | undefined {
  const own = openapi.get(openapiName(go));
  if (own) return own;
  for (const embedder of (embedders.get(go) ?? []).sort()) {
    const schema = schemaFor(embedder);
    if (schema) return schema;
  }
  return undefined;
}

/** As Go's reflection prints a type that is not what its kind says: `v1.RestartPolicy`, `map[v1.ResourceName]resource.Quantity`. */
const goName = (go: string): string | undefined => (go.includes("=") ? printed(go.replace(/^\*/, "")) : undefined);
function printed(go: string): string {
  if (go.startsWith("*")) return `*${printed(go.slice(1))}`;
  if (go.startsWith("[]")) return `[]${printed(go.slice(2))}`;
  const map = /^map\[([^\]]*)\](.*)$/.exec(go);
  if (map) return `map[${printed(map[1] as string)}]${printed(map[2] as string)}`;
  const own = go.split("=")[0] as string;
  return own === "bytes" ? "[]uint8" : own.slice(own.lastIndexOf("/") + 1);
}
const types: Record<string, unknown> = {};
for (const go of Object.keys(facts.types).sort()) {
  if (scalars[go] || (facts.types[go] ?? []).some((field) => field.json === "-")) continue;
  const schema = schemaFor(go);
  types[shortName(go)] = (facts.types[go] ?? []).map((field) => {
    const property = (schema?.properties?.[field.json] ?? {}) as Property;
    const record: Record<string, unknown> = { name: field.json, type: typeOf(field.go) };
    const named = goName(field.go);
    if (named) record.go = named;
    if (field.name) record.goName = field.name;
    if (field.inline) record.inline = true;
    if (field.num) record.number = Number(field.num);
    if (field.omitempty) record.omitempty = true;
    if (field.omitzero) record.omitzero = true;
    if (schema?.required?.includes(field.json)) record.required = true;
    const fallback = property.default;
    // A zero that nobody wrote is a default only where it names an element of a list.
    if (fallback !== undefined && (!isZero(fallback) || (field.omitempty && fallback === ""))) record.default = fallback;
    const enums = property.enum ?? property.items?.enum;
    if (enums) record.enum = enums;
    for (const [key, name] of [
      ["x-kubernetes-list-type", "listType"],
      ["x-kubernetes-list-map-keys", "listMapKeys"],
      ["x-kubernetes-map-type", "mapType"],
      ["x-kubernetes-patch-merge-key", "patchMergeKey"],
      ["x-kubernetes-patch-strategy", "patchStrategy"],
    ] as const) {
      if (property[key] !== undefined) record[name] = property[key];
    }
    return record;
  });
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === null || (typeof value === "object" && Object.keys(value as object).length === 0);
}

const kinds: Record<string, string> = {};
for (const gvk of Object.keys(facts.kinds).sort()) kinds[gvk] = shortName(facts.kinds[gvk] as string);

type Discovery = Record<string, { items: { metadata: { name?: string }; versions: { version: string; resources: DiscoveredResource[] }[] }[] }>;
type DiscoveredResource = {
  resource: string;
  responseKind: { group: string; version: string; kind: string };
  scope: string;
  singularResource: string;
  shortNames?: string[];
  categories?: string[];
  verbs: string[];
  subresources?: { subresource: string; responseKind: { group: string; version: string; kind: string }; verbs: string[]; acceptedTypes?: unknown[] }[];
};
const discovery = JSON.parse(read("discovery-aggregated.json", everything)) as Discovery;
const columns = { ...JSON.parse(read("table-columns.json", everything)), ...JSON.parse(read("table-columns.json")) } as Record<string, unknown[]>;
const deprecations = JSON.parse(read("deprecations.json", everything)) as Record<string, string>;
const byDefault = new Set(
  Object.values(JSON.parse(read("discovery-aggregated.json")) as Discovery).flatMap(({ items }) =>
    items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources }) => resources.map((r) => `${metadata.name ?? ""}/${version}/${r.resource}`)),
    ),
  ),
);
/** The features without which resources are not served even where their versions are (pkg/registry/GROUP/rest). */
const gates: Record<string, string> = {
  "certificates.k8s.io/clustertrustbundles": "ClusterTrustBundle",
  "certificates.k8s.io/podcertificaterequests": "PodCertificateRequest",
  "scheduling.k8s.io/podgroups": "GenericWorkload",
  "scheduling.k8s.io/workloads": "GenericWorkload",
  "storagemigration.k8s.io/storageversionmigrations": "StorageVersionMigrator",
};
const gvkOf = (kind: { group: string; version: string; kind: string }): string =>
  kind.group ? `${kind.group}/${kind.version}/${kind.kind}` : `${kind.version}/${kind.kind}`;
const resources: unknown[] = [];
for (const root of Object.values(discovery)) {
  for (const group of root.items) {
    for (const version of group.versions) {
      for (const r of version.resources ?? []) {
        const name = group.metadata.name ?? "";
        const self = { group: r.responseKind.group || name, version: r.responseKind.version || version.version, kind: r.responseKind.kind };
        const record: Record<string, unknown> = {
          group: name,
          version: version.version,
          resource: r.resource,
          kind: self.kind,
          namespaced: r.scope === "Namespaced",
          singular: r.singularResource,
          verbs: r.verbs,
        };
        if (!byDefault.has(`${name}/${version.version}/${r.resource}`)) record.optional = true;
        const gate = gates[`${name}/${r.resource}`];
        if (gate) record.gate = gate;
        if (r.shortNames) record.shortNames = r.shortNames;
        if (r.categories) record.categories = r.categories;
        if (r.subresources) {
          record.subresources = r.subresources.map((s) => ({
            name: s.subresource,
            kind: gvkOf({
              group: s.responseKind.group || (s.responseKind.version ? "" : name),
              version: s.responseKind.version || version.version,
              kind: s.responseKind.kind,
            }),
            verbs: s.verbs,
            ...(s.acceptedTypes ? { acceptedTypes: s.acceptedTypes } : {}),
          }));
        }
        const deprecation = deprecations[`${name || "core"}/${version.version}/${r.resource}`];
        if (deprecation) record.deprecation = deprecation;
        const table = columns[`${name || "core"}/${version.version}/${r.resource}`];
        if (table) record.columns = table;
        resources.push(record);
      }
    }
  }
}

/** One entry a line, so that a change reads as a diff. */
const lines = (value: Record<string, unknown> | unknown[]): string =>
  Array.isArray(value)
    ? `[\n${value.map((v) => JSON.stringify(v)).join(",\n")}\n]`
    : `{\n${Object.entries(value)
        .map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`)
        .join(",\n")}\n}`;
writeFileSync(join(out, "types.json"), `{"kinds": ${lines(kinds)},\n"types": ${lines(types)}}\n`);
writeFileSync(join(out, "resources.json"), `${lines(resources)}\n`);
const bootstrap = JSON.parse(read("bootstrap-objects.json")) as Record<string, unknown>;
const apiServices = "apiregistration.k8s.io/v1/apiservices";
bootstrap[apiServices] = (JSON.parse(read("bootstrap-objects.json", everything)) as Record<string, unknown>)[apiServices];
writeFileSync(join(out, "bootstrap.json"), `${lines(bootstrap)}\n`);

type Named = { metadata: { name: string; namespace?: string } };
type Objects = Record<string, Named[]>;
const keyOf = ({ metadata: { namespace = "", name } }: Named): string => `${namespace}/${name}`;
/** Rights are all that features add to a fresh server. */
function added(folder: string): Objects {
  const plain = JSON.parse(read("bootstrap-objects.json")) as Objects;
  const found: Objects = {};
  for (const [key, objects] of Object.entries(JSON.parse(read("bootstrap-objects.json", folder)) as Objects)) {
    if (!key.startsWith("rbac.authorization.k8s.io/")) continue;
    const known = new Map((plain[key] ?? []).map((object) => [keyOf(object), JSON.stringify(object)]));
    const other = objects.filter((object) => known.get(keyOf(object)) !== JSON.stringify(object));
    if (other.length) found[key] = other;
  }
  return found;
}
const byGate = gated.map((text) => text.split("=") as [string, string]).map(([gate, folder]) => [gate, added(folder)] as const);
writeFileSync(join(out, "bootstrap-gated.json"), `${lines(Object.fromEntries(byGate))}\n`);
process.stdout.write(`${Object.keys(types).length} types, ${Object.keys(kinds).length} kinds, ${resources.length} resources\n`);

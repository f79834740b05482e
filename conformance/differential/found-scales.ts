/** Scales with more than one thing wrong with them: they are judged in the order of all objects, and then by rules of their own. */
import { apply, ask, type Case, json, merge, type Step, strategic } from "./cases.ts";
import { created, group, object, removed, schemaOf } from "./custom-resource-made.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const selected = { selector: { matchLabels: { a: "b" } }, template };
const builtIn: [path: string, body: object][] = [
  [`${apps}/deployments`, { spec: selected }],
  [`${apps}/replicasets`, { spec: selected }],
  [`${apps}/statefulsets`, { spec: { serviceName: "s", ...selected } }],
  [`${core}/replicationcontrollers`, { spec: { selector: { a: "b" }, template } }],
];

/** Members of a Scale's metadata, and what a Scale has besides. */
const metadata: object[] = [
  { name: "scaled" },
  {},
  { name: "other", namespace: "other" },
  { name: "scaled", namespace: "default" },
  { name: "scaled", namespace: "other", resourceVersion: "x" },
  { name: "other", uid: "u" },
  { name: "scaled", uid: "u" },
  { name: "scaled", uid: "u", resourceVersion: "1", labels: { "-": "-" } },
  { name: "scaled", resourceVersion: "x", labels: { "-": "-" } },
  { name: "scaled", resourceVersion: "0", annotations: { "-": "" }, generation: -1 },
  { name: "scaled", generateName: "G_", finalizers: ["a", "b/c"], deletionTimestamp: "2020-01-01T00:00:00Z" },
  { name: "scaled", ownerReferences: [1, 1].map(() => ({ apiVersion: "v1", kind: "A", name: "b", uid: "c" })) },
  { name: "scaled", managedFields: [{}] },
  ...["v1", "apps/v1", "autoscaling/v1"].map((apiVersion) => ({
    name: "scaled",
    managedFields: [{ apiVersion, manager: "m", operation: "Update", fieldsType: "FieldsV1", fieldsV1: { "f:spec": { "f:replicas": {} } } }],
  })),
];
const specs = ["{}", "null", "[]", "3", '{"replicas":-1}', '{"replicas":null}', '{"replicas":"2"}', '{"replicas":1e400}', '{"replicas":1.0}'].concat([
  '{"replicas":1.5}',
  '{"replicas":2147483648}',
  '{"replicas":-2147483648}',
  '{"Replicas":2}',
  '{"replicas":2,"replicas":3}',
  '{"nope":1}',
]);

function faults(path: string): Step[] {
  const scale = `${path}/scaled/scale`;
  const said = { apiVersion: "autoscaling/v1", kind: "Scale" };
  return [
    ...metadata.flatMap((meta) => [
      ask("PUT", scale, { ...said, metadata: meta, spec: { replicas: 2 } }),
      ask("PUT", `${scale}?dryRun=All`, { metadata: meta, spec: { replicas: -2 } }),
      ask("PUT", `${path}/nope/scale`, { ...said, metadata: meta }),
      ask("PATCH", scale, { metadata: meta, spec: { replicas: 3 } }, merge),
      ask("PATCH", scale, { metadata: meta, spec: { replicas: -3 } }, strategic),
      ask("PATCH", scale, [{ op: "replace", path: "/metadata", value: meta }], json),
      ask("PATCH", `${scale}?fieldManager=m&force=true`, { ...said, metadata: meta, spec: { replicas: 4 } }, apply),
      ask("PATCH", `${path}/nope/scale`, { metadata: meta }, merge),
    ]),
    ...specs.flatMap((spec) =>
      ["", "?fieldValidation=Strict", "?fieldValidation=Ignore"].flatMap((query) => [
        ask("PUT", `${scale}${query}`, `{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"scaled"},"spec":${spec}}`),
        ask("PATCH", `${scale}${query}`, `{"spec":${spec}}`, merge),
        ask("PATCH", `${scale}${query}`, `{"spec":${spec}}`, strategic),
        ask("PATCH", `${scale}${query}`, `[{"op":"add","path":"/spec","value":${spec}}]`, json),
        ask("PATCH", `${scale}${query ? `${query}&` : "?"}fieldManager=a`, `{"apiVersion":"autoscaling/v1","kind":"Scale","spec":${spec}}`, apply),
      ]),
    ),
    ...["{", "", "null", "[]", '{"kind":"Nope"}', '{"apiVersion":"apps/v1"}', '{"metadata":3}'].flatMap((text) =>
      ["scaled", "nope"].flatMap((name) => [
        ask("PUT", `${path}/${name}/scale`, text),
        ...[merge, strategic, json].map((type) => ask("PATCH", `${path}/${name}/scale`, text, type)),
        ask("PATCH", `${path}/${name}/scale?fieldManager=m`, text, apply),
      ]),
    ),
    ...["resourceVersion=x", "resourceVersion=0", "resourceVersion=1", "export=true", "export", "export=0&resourceVersion=-1"].flatMap((query) =>
      ["scaled", "nope"].map((name) => ask("GET", `${path}/${name}/scale?${query}`)),
    ),
    ask("GET", scale),
    ask("GET", `${path}/scaled`),
  ];
}

/** The kind bears the name of what stands for it. */
const own = (plural: string, scope: string): Step[] => {
  const path = `/apis/${group}/v1/${scope === "Cluster" ? "" : "namespaces/default/"}${plural}`;
  const integer = { type: "integer" };
  const version = {
    schema: schemaOf(object({ replicas: integer, labels: { type: "string" } }), { status: object({ replicas: integer }) }),
    subresources: { status: {}, scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas", labelSelectorPath: ".spec.labels" } },
  };
  const made = (spec: object): object => ({ apiVersion: `${group}/v1`, kind: "Scale", metadata: { name: "scaled" }, spec });
  return [
    ...created(plural, version, { scope, names: { plural, kind: "Scale" } }),
    ask("POST", path, made({})),
    ask("GET", `${path}/scaled/scale`),
    ask("PATCH", `${path}/scaled/scale`, { metadata: { labels: { a: "b" } } }, merge),
    ask("PUT", `${path}/scaled/scale`, made({ replicas: 1 })),
    ...faults(path),
    ask("PUT", `${path}/scaled`, { ...made({ replicas: 2 ** 40, labels: "a=b" }), status: { replicas: 2 ** 40 } }),
    ask("GET", `${path}/scaled/scale`),
    ask("DELETE", `${path}/scaled`),
    ...removed(plural),
  ];
};

export const foundScales: Case[] = [
  {
    name: "faults of a scale, of kinds that are built in",
    steps: builtIn.flatMap(([path, body]) => [
      ask("POST", path, { metadata: { name: "scaled" }, ...body }),
      ...faults(path),
      ask("DELETE", `${path}/scaled?propagationPolicy=Background`),
    ]),
  },
  {
    name: "faults of a scale, of custom resources",
    steps: [...own("scales", "Namespaced"), ...own("wholes", "Cluster")],
  },
  {
    name: "what is exported",
    steps: ["?export=true", "?export", "?export=false", "?export=0&export=1"].flatMap((query) =>
      ["/api/v1/namespaces/default", "/api/v1/namespaces/default/status", "/api/v1/namespaces/nope", "/api/v1/componentstatuses/nope", "/api/v1/nodes"].map(
        (path) => ask("GET", `${path}${query}`),
      ),
    ),
  },
];

/** What is done one after the other: webhooks that lie, definitions that change again and again, deep and large objects that stay. */
import type { Request } from "../differential/exchange.ts";
import { type Liar, lies } from "./lies.ts";
import { crds, deep, definition, fields, group, integer, list, map, object, rule, type Schema, text, times, version } from "./making.ts";

export interface Step {
  title: string;
  /** Sent one after the other; what they cost is divided by how many they are. */
  requests: readonly Request[];
  /** Tried again for at most ten seconds until the server says 200: what it does on its own must be done first. */
  settles?: true;
}

const at = (plural: string, name = "", version = "v1"): string => `/apis/${group}/${version}/${plural}${name && `/${name}`}`;
const made = (plural: string, name: string, spec: unknown, metadata: Schema = {}): Schema => ({
  apiVersion: `${group}/v1`,
  kind: `${plural[0]?.toUpperCase()}${plural.slice(1)}`,
  metadata: { name, ...metadata },
  spec,
});
const create = (title: string, path: string, body: object | string): Step => ({ title, requests: [{ method: "POST", path, body }] });
const get = (title: string, path: string, accept = "application/json"): Step => ({ title, requests: [{ method: "GET", path, headers: { accept } }] });
const ready = (plural: string, version = "v1"): Step => ({
  title: `${plural} ${version} is served`,
  requests: [{ method: "GET", path: at(plural, "", version) }],
  settles: true,
});
const patch = (title: string, path: string, type: string, body: unknown): Step => ({
  title,
  requests: [{ method: "PATCH", path, body, headers: { "content-type": `application/${type}` } }],
});
const gone = (path: string): Step => ({ title: `${path.split("/").at(-1)} is deleted`, requests: [{ method: "DELETE", path }] });
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
const merge = "merge-patch+json";
const applied = "apply-patch+yaml";

const twoVersions = (liar: Liar, lie: string): object => {
  const spec = object({ a: text, free: { "x-kubernetes-preserve-unknown-fields": true } });
  return definition("lied", spec, {
    versions: [version(spec), version(spec, { name: "v2", storage: false })],
    conversion: {
      strategy: "Webhook",
      webhook: { clientConfig: { url: liar.url(lie), caBundle: liar.caBundle }, conversionReviewVersions: ["v1"] },
    },
  });
};

export const conversions = (liar: Liar): Step[] => [
  create("conversions: the definition", crds, twoVersions(liar, "the truth")),
  ready("lied"),
  create("conversions: an object", at("lied"), made("lied", "a", { a: "x" })),
  ...Object.keys(lies).flatMap((lie) => [
    patch(`conversions: told ${lie}`, `${crds}/lied.${group}`, merge, { spec: { conversion: { webhook: { clientConfig: { url: liar.url(lie) } } } } }),
    { title: `conversions: ${lie}, of one`, requests: [{ method: "GET", path: at("lied", "a", "v2") } as const] },
    { title: `conversions: ${lie}, of all`, requests: [{ method: "GET", path: at("lied", "", "v2") } as const] },
    create(`conversions: ${lie}, of a new one`, `${at("lied", "", "v2")}?dryRun=All`, { ...made("lied", "b", { a: "x" }), apiVersion: `${group}/v2` }),
  ]),
  gone(`${crds}/lied.${group}`),
];

const changing = (i: number): object => ({
  spec: {
    versions: [
      version(object({ ...fields(300, () => ({ ...text, pattern: `^v${i}` }), `p${i}x`), a: rule(`self != 'v${i}'`, { ...text, maxLength: 10 }) }), {
        additionalPrinterColumns: [{ name: `c${i}`, type: "string", jsonPath: ".spec.a" }],
      }),
    ],
  },
});

export const changes: readonly Step[] = [
  create("changes: the definition", crds, definition("changed", object({ a: text }))),
  ready("changed"),
  create("changes: an object", at("changed"), made("changed", "a", { a: "x" })),
  {
    title: "changes: 100 times, read and written between",
    requests: times(100, (i): Request[] => [
      { method: "PATCH", path: `${crds}/changed.${group}`, body: changing(i), headers: { "content-type": `application/${merge}` } },
      { method: "GET", path: at("changed", "a"), headers: { accept: table } },
      { method: "PATCH", path: at("changed", "a"), body: { spec: { a: `x${i}` } }, headers: { "content-type": `application/${merge}` } },
    ]).flat(),
  },
  {
    title: "changes: 30 times, with all that is published",
    requests: times(30, (i): Request[] => [
      { method: "PATCH", path: `${crds}/changed.${group}`, body: changing(i), headers: { "content-type": `application/${merge}` } },
      { method: "GET", path: `/openapi/v3/apis/${group}/v1` },
    ]).flat(),
  },
  gone(`${crds}/changed.${group}`),
  {
    title: "changes: made and deleted 60 times",
    requests: times(60, (i): Request[] => [
      { method: "POST", path: crds, body: definition(`loop${i}`, object(fields(300, () => text))) },
      { method: "DELETE", path: `${crds}/loop${i}.${group}` },
    ]).flat(),
  },
];

const deepObject = (name: string, levels: number, more: Schema = {}): string =>
  JSON.stringify(made("bottomless", name, "DEEP", more)).replace('"DEEP"', () => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
const deepTyped = (name: string, levels: number): string =>
  JSON.stringify(made("depths", name, "DEEP")).replace('"DEEP"', () => `${'{"a":'.repeat(levels)}"x"${"}".repeat(levels)}`);

export const depths: readonly Step[] = [
  create("depths: the definition", crds, definition("bottomless", { "x-kubernetes-preserve-unknown-fields": true })),
  ready("bottomless"),
  create("depths: 9,000 levels that stay", at("bottomless"), deepObject("a", 9000)),
  get("depths: read", at("bottomless", "a")),
  get("depths: listed as a table", at("bottomless"), table),
  get("depths: listed as YAML", at("bottomless"), "application/yaml"),
  patch("depths: merged", at("bottomless", "a"), merge, { metadata: { labels: { a: "b" } } }),
  patch("depths: merged with 9,000 levels", at("bottomless", "a"), merge, `{"spec":{"b":${'{"a":'.repeat(9000)}2${"}".repeat(9000)}}}`),
  patch("depths: patched", at("bottomless", "a"), "json-patch+json", [{ op: "copy", from: "/spec", path: "/spec/c" }]),
  patch("depths: applied by another", `${at("bottomless", "a")}?fieldManager=x&force=true`, applied, deepObject("a", 9000)),
  patch("depths: applied anew", `${at("bottomless", "new")}?fieldManager=x`, applied, deepObject("new", 9000)),
  {
    title: "depths: deleted",
    requests: [
      { method: "DELETE", path: at("bottomless", "a") },
      { method: "DELETE", path: at("bottomless", "new") },
    ],
  },
  gone(`${crds}/anything.${group}`),
  create(
    "depths: a definition of 4,000 levels that stays",
    crds,
    deep(definition("depths", "LEAF"), 4000, '{"type":"object","properties":{"a":', '{"type":"string"}', "}}"),
  ),
  ready("depths"),
  create("depths: an object of its 4,000 levels", at("depths"), deepTyped("a", 4000)),
  create("depths: an object that breaks it at the end", at("depths"), deepTyped("b", 4001)),
  patch("depths: applied to it", `${at("depths", "a")}?fieldManager=x&force=true`, applied, deepTyped("a", 4000)),
  get("depths: its definition", `${crds}/depths.${group}`),
  get("depths: all definitions as a table", crds, table),
  gone(`${crds}/depths.${group}`),
];

const configMap = (metadata: Schema, data: Schema = {}): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "many", ...metadata }, data });
const maps = "/api/v1/namespaces/default/configmaps";
const owner = (i: number): Schema => ({ apiVersion: "v1", kind: "Pod", name: `p${i}`, uid: `00000000-0000-0000-0000-${String(i).padStart(12, "0")}` });
const keys = (count: number, value: string): object =>
  configMap(
    {},
    fields(count, () => value, "k"),
  );
const manager = (i: number): Schema => ({
  manager: `m${i}`,
  operation: "Update",
  apiVersion: "v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: { "f:data": {} },
});

export const crowds: readonly Step[] = [
  create("crowds: 20,000 labels", maps, configMap({ labels: fields(20_000, () => "v", "l") })),
  get("crowds: selected", `${maps}?labelSelector=l19999%3Dv`),
  patch("crowds: 20,000 labels taken away", `${maps}/many`, merge, { metadata: { labels: fields(20_000, () => null, "l") } }),
  gone(`${maps}/many`),
  create("crowds: 7,000 owners", maps, configMap({ ownerReferences: times(7000, owner) })),
  patch("crowds: an owner taken away", `${maps}/many`, "strategic-merge-patch+json", {
    metadata: { ownerReferences: [{ $patch: "delete", uid: owner(0).uid }] },
  }),
  patch("crowds: 7,000 owners applied", `${maps}/many?fieldManager=x&force=true`, applied, configMap({ ownerReferences: times(7000, owner) })),
  create(
    "crowds: 20,000 owners, all in control",
    `${maps}?dryRun=All`,
    configMap({ ownerReferences: times(20_000, (i) => ({ ...owner(i), controller: true })) }),
  ),
  gone(`${maps}/many`),
  create("crowds: 20,000 finalizers", maps, configMap({ finalizers: times(20_000, (i) => `example.com/f${i}`) })),
  gone(`${maps}/many`),
  patch("crowds: finalizers taken away", `${maps}/many`, merge, { metadata: { finalizers: null } }),
  create("crowds: 20,000 keys", maps, keys(20_000, "v")),
  patch("crowds: 20,000 keys applied", `${maps}/many?fieldManager=x&force=true`, applied, keys(20_000, "v")),
  patch("crowds: 65,000 keys applied", `${maps}/many?fieldManager=x&force=true&dryRun=All`, applied, keys(65_000, "v")),
  patch("crowds: 20,000 keys that another has", `${maps}/many?fieldManager=y`, applied, keys(20_000, "w")),
  patch("crowds: 20,000 keys taken from another", `${maps}/many?fieldManager=y&force=true&dryRun=All`, applied, keys(20_000, "w")),
  patch("crowds: 20,000 keys given up", `${maps}/many?fieldManager=x&dryRun=All`, applied, keys(1, "v")),
  patch("crowds: 20,000 managers", `${maps}/many?dryRun=All`, merge, { metadata: { managedFields: times(20_000, manager) } }),
  gone(`${maps}/many`),
];

const numbers = (count: number): number[] => times(count, (i) => i);
/** Accepted by what they may cost at most, and stopped by what they do cost. */
const each = (rules: number): Schema =>
  fields(rules, (i) => list(rule(`self + self + self + self + self + self > ${-i - 1}`, integer), { maxItems: 400_000 }), "l");

export const budgets: readonly Step[] = [
  create(
    "budgets: the definition",
    crds,
    definition(
      "budgets",
      object({
        one: rule("self.all(x, self.all(y, x + y != -1))", list(integer, { maxItems: 700 })),
        ...each(8),
        mapped: map(rule("self.matches('^v+$')", { ...text, maxLength: 20 }), { maxProperties: 50_000 }),
      }),
    ),
  ),
  ready("budgets"),
  create("budgets: within its call's", `${at("budgets")}?dryRun=All`, made("budgets", "a", { one: numbers(50) })),
  create("budgets: beyond its call's", `${at("budgets")}?dryRun=All`, made("budgets", "a", { one: numbers(700) })),
  create("budgets: within the object's", `${at("budgets")}?dryRun=All`, made("budgets", "a", { l0: numbers(20_000) })),
  create(
    "budgets: beyond the object's",
    `${at("budgets")}?dryRun=All`,
    made(
      "budgets",
      "a",
      fields(8, () => times(170_000, () => 1), "l"),
    ),
  ),
  create("budgets: beyond both", `${at("budgets")}?dryRun=All`, made("budgets", "a", { one: numbers(700), ...fields(8, () => times(130_000, () => 1), "l") })),
  create("budgets: a map of 50,000", `${at("budgets")}?dryRun=All`, made("budgets", "a", { mapped: fields(50_000, () => "vvvvvvvvvv") })),
  gone(`${crds}/budgets.${group}`),
];

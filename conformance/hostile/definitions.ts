/** Definitions as deep, as wide and as strange as a request holds. */
import {
  crds,
  deep,
  definition,
  fields,
  group,
  type Input,
  integer,
  list,
  map,
  mapOf,
  natives,
  nested,
  object,
  type Schema,
  setOf,
  text,
  times,
  tried,
  version,
} from "./making.ts";

const versions = (count: number, make: (i: number) => Schema): object => definition("many", text, { versions: times(count, make) });
const column = (jsonPath: string, type = "string"): Schema => ({ name: "c", type, jsonPath });
const columns = (all: Schema[]): object => definition("shown", text, { versions: [version(text, { additionalPrinterColumns: all })] });
const scaled = (scale: Schema): object =>
  definition("scaled", object({ replicas: integer }), { versions: [version(object({ replicas: integer }), { subresources: { status: {}, scale } })] });
const selected = (all: string[]): object =>
  definition("chosen", text, { versions: [version(text, { selectableFields: all.map((jsonPath) => ({ jsonPath })) })] });
const named = (names: Schema): object => definition("named", text, { names: { plural: "named", kind: "Named", ...names } });
const objects = '{"type":"object","properties":{"a":';

const deepOnes: Input[] = [
  ...[100, 900, 1000, 2000, 4000, 9000].map((depth) =>
    tried(`objects ${depth} deep`, deep(definition("deep", object({ a: "LEAF" })), depth, objects, '{"type":"string"}', "}}")),
  ),
  ...[1000, 4000, 9000].map((depth) =>
    tried(`lists ${depth} deep`, deep(definition("deep", list("LEAF")), depth, '{"type":"array","items":', '{"type":"string"}', "}")),
  ),
  ...[1000, 4000].map((depth) =>
    tried(`maps ${depth} deep`, deep(definition("deep", map("LEAF")), depth, '{"type":"object","additionalProperties":', '{"type":"string"}', "}")),
  ),
  ...[1000, 5000].map((depth) => tried(`not ${depth} deep`, deep(definition("deep", { ...text, not: "LEAF" }), depth, '{"not":', '{"minLength":1}', "}"))),
  ...[1000, 3000].map((depth) =>
    tried(`allOf ${depth} deep`, deep(definition("deep", { ...text, allOf: ["LEAF"] }), depth, '{"allOf":[', '{"minLength":1}', "]}")),
  ),
  tried(
    "a default 1,000 deep",
    deep(definition("deep", { ...object({}), "x-kubernetes-preserve-unknown-fields": true, default: "LEAF" }), 1000, '{"a":', "1", "}"),
  ),
  tried(
    "a default 9,000 deep",
    deep(definition("deep", { ...object({}), "x-kubernetes-preserve-unknown-fields": true, default: "LEAF" }), 9000, '{"a":', "1", "}"),
  ),
  tried(
    "an enum 4,000 deep",
    deep(definition("deep", { ...object({}), "x-kubernetes-preserve-unknown-fields": true, enum: ["LEAF"] }), 4000, '{"a":', "1", "}"),
  ),
  tried("JSON 100,000 deep", `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","spec":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
];

const wideOnes: Input[] = [
  tried("allOf that doubles", definition("wide", { ...text, allOf: nested(12, [{ minLength: 1 }], (inner) => [{ allOf: inner }, { anyOf: inner }]) })),
  tried("anyOf of 50,000", definition("wide", { ...text, anyOf: times(50_000, (i) => ({ minLength: i })) })),
  tried("oneOf with 20,000 mistakes", definition("wide", { ...text, oneOf: times(20_000, () => ({ type: "string" })) })),
  tried(
    "allOf of 20,000 fields that are nowhere else",
    definition("wide", object({ a: text }, { allOf: times(20_000, (i) => ({ properties: { [`p${i}`]: { minLength: 1 } } })) })),
  ),
  tried("300,000 enum values", definition("wide", { ...text, enum: times(300_000, (i) => `v${i}`) })),
  tried("100,000 equal enum values", definition("wide", { ...text, enum: times(100_000, () => "same") })),
  tried("30,000 enum values that are objects", definition("wide", { ...object({ a: text }), enum: times(30_000, (i) => ({ a: `${i}` })) })),
  tried("20,000 properties", definition("wide", object(fields(20_000, () => text)))),
  tried("60,000 properties", definition("wide", object(fields(60_000, () => text)))),
  tried("20,000 properties of no type", definition("wide", object(fields(20_000, () => ({}))))),
  tried("20,000 properties that are lists of sets", definition("wide", object(fields(20_000, () => setOf(setOf(text)))))),
  tried("20,000 required", definition("wide", object({ a: text }, { required: times(20_000, (i) => `p${i}`) }))),
  tried("150,000 required, all the same", definition("wide", object({ a: text }, { required: times(150_000, () => "a") }))),
  tried("a property with a name of 1 MB", definition("wide", object({ ["n".repeat(1_000_000)]: object({ a: object({ b: {} }) }) }))),
  tried(
    "20,000 map keys",
    definition(
      "wide",
      mapOf(
        object(fields(2000, () => text)),
        times(20_000, (i) => `p${i % 2000}`),
      ),
    ),
  ),
  tried(
    "10,000 keys of no property",
    definition(
      "wide",
      mapOf(
        object({ a: text }),
        times(10_000, (i) => `k${i}`),
      ),
    ),
  ),
  tried("$ref to itself", definition("wide", { $ref: "#/properties/spec" })),
  tried("10,000 $ref, ids, definitions", definition("wide", object(fields(10_000, (i) => ({ ...text, $ref: `#/p${i}`, id: "x", definitions: { a: text } }))))),
  tried("20,000 dependencies", definition("wide", { ...object({ a: text }), dependencies: fields(20_000, () => ["a"]) })),
  tried("items that are 20,000 schemas", definition("wide", { type: "array", items: times(20_000, () => text) })),
  tried("2.9 MB of description", definition("wide", { ...text, description: "x".repeat(2_900_000) })),
  tried("3.2 MB of description", definition("wide", { ...text, description: "x".repeat(3_200_000) })),
  tried("10,000 formats that nobody knows", definition("wide", object(fields(10_000, (i) => ({ ...text, format: `f${i}` }))))),
  tried(
    "2,000 embedded resources",
    definition("wide", object(fields(2000, () => ({ type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true })))),
  ),
];

const defaults: Input[] = [
  tried("a default of 100,000 elements", definition("wide", list(integer, { default: times(100_000, (i) => i) }))),
  tried("a wrong default of 20,000 elements", definition("wide", list(text, { default: times(20_000, (i) => i) }))),
  tried("a wrong default of 200,000 elements", definition("wide", list(text, { default: times(200_000, (i) => i) }))),
  tried("a set of 20,000 defaults", definition("wide", setOf(text, { default: times(20_000, (i) => `v${i}`) }))),
  tried("a default of 2.5 MB", definition("wide", { ...text, default: "x".repeat(2_500_000) })),
  tried("a wrong default of 2.5 MB", definition("wide", { ...text, maxLength: 1, pattern: "^y$", default: "x".repeat(2_500_000) })),
  tried("20,000 wrong defaults", definition("wide", object(fields(20_000, (i) => ({ ...text, default: i }))))),
  tried("10,000 defaults", definition("wide", object(fields(10_000, (i) => ({ ...integer, default: i }))))),
  tried("a default with 50,000 unknown fields", definition("wide", object({ a: text }, { default: fields(50_000, (i) => i, "u") }))),
  tried(
    "defaults within defaults",
    definition(
      "wide",
      nested(60, text, (inner, i) => object({ a: inner }, i % 2 ? { default: {} } : {})),
    ),
  ),
  tried(
    "200 levels each with all defaults below",
    definition(
      "wide",
      nested(200, { ...text, default: "x" }, (inner, i) => object({ a: inner }, { default: nested(i, "x", (value) => ({ a: value })) })),
    ),
  ),
  tried(
    "defaults of metadata of 2,000 embedded resources",
    definition(
      "wide",
      object(
        fields(2000, () => ({
          ...object({ metadata: object({ name: { ...text, default: "Not A Name" } }) }),
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        })),
      ),
    ),
  ),
];

const patterns: Input[] = [
  tried("a pattern that is large", definition("wide", { ...text, pattern: "(a{1000}){1000}" })),
  tried("a pattern that nests", definition("wide", { ...text, pattern: `${"(".repeat(5000)}a${")*".repeat(5000)}` })),
  tried("a pattern of 900 groups", definition("wide", { ...text, pattern: `${"(".repeat(900)}a${")*".repeat(900)}` })),
  tried("a pattern of 1 MB", definition("wide", { ...text, pattern: "ab?".repeat(330_000) })),
  tried("a pattern of 200 kB of classes", definition("wide", { ...text, pattern: "[^\\pL\\pN]".repeat(20_000) })),
  tried("a pattern of 100,000 alternatives", definition("wide", { ...text, pattern: times(100_000, (i) => `v${i}`).join("|") })),
  tried("100 patterns that are large", definition("wide", object(fields(100, (i) => ({ ...text, pattern: `^(a${i}{1,100}b?){1,9}$` }))))),
  tried("100 patterns as large as can be", definition("wide", object(fields(100, (i) => ({ ...text, pattern: `(x${i}{999}|y){1}` }))))),
  tried("10,000 patterns", definition("wide", object(fields(10_000, (i) => ({ ...text, pattern: `^a${i}+$` }))))),
  tried("10,000 patterns that are none", definition("wide", object(fields(10_000, (i) => ({ ...text, pattern: `^(a${i}+$` }))))),
  tried("one wrong pattern 10,000 times", definition("wide", object(fields(10_000, () => ({ ...text, pattern: "(" }))))),
];

const names: Input[] = [
  ...[63, 64].map((length) => tried(`a plural of ${length} characters`, definition("p".repeat(length), text))),
  tried("a kind of 63 characters", definition("named", text, { names: { plural: "named", kind: `K${"k".repeat(62)}` } })),
  ...[253, 254].map((length) => {
    const long = `${`${"g".repeat(60)}.`.repeat(5).slice(0, length - "p.".length - 4)}.com`;
    const body = definition("p", text, { group: long });
    body.metadata.name = `p.${long}`;
    return tried(`a name of ${body.metadata.name.length} characters`, body);
  }),
  tried("a group of 1 MB", definition("named", text, { group: "g.".repeat(500_000) })),
  tried("a plural of 1 MB", definition("p".repeat(1_000_000), text)),
  tried("50,000 short names", named({ shortNames: times(50_000, (i) => `s${i}`) })),
  tried("50,000 wrong short names", named({ shortNames: times(50_000, (i) => `S${i}`) })),
  tried("50,000 equal categories", named({ categories: times(50_000, () => "all") })),
  tried("names that are built in", named({ shortNames: ["po", "pods", "ns", "po"], categories: ["all"], singular: "pod" })),
  ...["constructor", "prototype", "tostring", "hasownproperty", "valueof"].map((name) =>
    tried(
      `the plural ${name}`,
      definition(name, text, { names: { plural: name, singular: name, kind: kindCase(name), shortNames: [name], categories: [name] } }),
    ),
  ),
  tried("the version constructor", definition("named", text, { versions: [version(text, { name: "constructor" })] })),
  tried("the version __proto__", definition("named", text, { versions: [version(text, { name: "__proto__" })] })),
  tried("the group constructor.prototype", {
    ...definition("named", text, { group: "constructor.prototype" }),
    metadata: { name: "named.constructor.prototype" },
  }),
  tried(
    "properties of Object",
    JSON.stringify(definition("named", object(Object.fromEntries([...natives].map((name) => [name, text])), { required: [...natives] }))),
  ),
  tried(
    "__proto__ as schema's own fields",
    JSON.stringify(definition("named", text)).replace(
      '"type":"object"',
      '"__proto__":{"type":"object","polluted":true},"constructor":{"prototype":{"polluted":true}},"type":"object"',
    ),
  ),
  tried(
    "__proto__ as a key of a list",
    definition("named", mapOf({ ...object(Object.fromEntries([["__proto__", text]])), required: ["__proto__"] }, ["__proto__"])),
  ),
];
function kindCase(name: string): string {
  return `${name[0]?.toUpperCase()}${name.slice(1)}`;
}

const rest: Input[] = [
  tried(
    "1,000 versions",
    versions(1000, (i) => version(text, { name: `v${i + 1}`, storage: i === 0 })),
  ),
  tried(
    "10,000 versions of one name",
    versions(10_000, () => version(text, { storage: false })),
  ),
  tried(
    "200 versions of 100 properties",
    versions(200, (i) => version(object(fields(100, () => text, `v${i}p`)), { name: `v${i + 1}`, storage: i === 0 })),
  ),
  tried(
    "2,000 versions that all store",
    versions(2000, (i) => version(text, { name: `v${i + 1}` })),
  ),
  tried("20,000 columns", columns(times(20_000, () => column(".spec.a")))),
  tried("20,000 wrong columns", columns(times(20_000, (i) => ({ name: `c${i}`, type: "x", jsonPath: "a" })))),
  tried("a column's path of 1 MB", columns([column(`.${"a.".repeat(500_000)}`)])),
  tried("a column's path of brackets", columns([column(`.a${"[".repeat(200_000)}`)])),
  tried("a column's path of filters", columns([column(`.a${"[?(@".repeat(50_000)}`)])),
  tried(
    "columns with every odd path",
    columns(
      ["..", "..*", ".a[", ".a[?(@.b==", ".a[-1]", ".a[::0]", ".a[1:0]", "$", ".{}", ".a[?(@.b=='x')].c", ".a['b']", ".a[*]..b"].map((one) =>
        column(one.startsWith(".") ? one : `.${one}`),
      ),
    ),
  ),
  tried("a scale path of 1 MB", scaled({ specReplicasPath: `.spec${".a".repeat(500_000)}`, statusReplicasPath: ".status.a" })),
  tried(
    "scale paths that are none",
    scaled({ specReplicasPath: ".spec.[0]", statusReplicasPath: ".status.__proto__", labelSelectorPath: ".status..constructor" }),
  ),
  tried("20,000 selectable fields", selected(times(20_000, () => ".spec"))),
  tried("20,000 selectable fields that are none", selected(times(20_000, (i) => `.spec.a${i}`))),
  tried("a selectable field of 1 MB", selected([`.spec${".a".repeat(500_000)}`])),
  tried("a selectable field of quotes", selected([`.spec[${"'".repeat(300_000)}`])),
  tried("a selectable field of backslashes", selected([`.spec['${"\\".repeat(300_000)}']`])),
  tried(
    "50,000 review versions",
    definition("named", text, {
      conversion: { strategy: "Webhook", webhook: { clientConfig: { url: "https://127.0.0.1:1/x" }, conversionReviewVersions: times(50_000, (i) => `v${i}`) } },
    }),
  ),
  tried(
    "a webhook's URL of 1 MB",
    definition("named", text, {
      conversion: { strategy: "Webhook", webhook: { clientConfig: { url: `https://${"a".repeat(1_000_000)}` }, conversionReviewVersions: ["v1"] } },
    }),
  ),
  tried(
    "a bundle of 2 MB",
    definition("named", text, {
      conversion: {
        strategy: "Webhook",
        webhook: {
          clientConfig: { url: "https://127.0.0.1:1/x", caBundle: Buffer.alloc(1_500_000, "-----BEGIN CERTIFICATE-----\n").toString("base64") },
          conversionReviewVersions: ["v1"],
        },
      },
    }),
  ),
  {
    title: "a name that is not its own",
    request: {
      method: "POST",
      path: `${crds}?dryRun=All`,
      body: { ...definition("named", text), metadata: { name: `x.${group}`, generateName: "y".repeat(300) } },
    },
  },
];

export const definitionInputs: readonly Input[] = [...deepOnes, ...wideOnes, ...defaults, ...patterns, ...names, ...rest];

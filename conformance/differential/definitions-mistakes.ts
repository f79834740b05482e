/** Mistakes in definitions. */
import type { Random } from "../../src/base/random.ts";
import type { Definition } from "./definitions-made.ts";
import type { Schema } from "./definitions-schema.ts";
import { badPatterns } from "./definitions-strings.ts";
import { oddValue } from "./definitions-values.ts";
import { chance, pick } from "./mutate.ts";

/** Keywords with a value that may be wrong where it is put. */
const keywords: readonly (readonly [string, readonly unknown[]])[] = [
  ["type", ["string", "object", "array", "integer", "null", "strange", "", "boolean", "number"]],
  ["format", ["int32", "strange", "date", ""]],
  ["nullable", [true, false, "x"]],
  ["default", [null, 5, "x", {}, [], [1], { unknown: 1 }, true]],
  ["enum", [[], [1, "a", null], [{}], "x", ["a", "a"]]],
  ["pattern", [...badPatterns, "", 5]],
  ["minimum", [5, -1, 0.5, "x"]],
  ["maximum", [5, -1, 1e30]],
  ["exclusiveMinimum", [true, 5]],
  ["multipleOf", [0, -1, 2]],
  ["minLength", [-1, 5, 1.5]],
  ["maxLength", [-1, 0, 5, 1e18]],
  ["minItems", [5]],
  ["maxItems", [0, -1, 1e18]],
  ["maxProperties", [0, 1]],
  ["uniqueItems", [true, false]],
  ["required", [["a"], ["zz", "zz"], "x", []]],
  ["properties", [{ a: { type: "string" } }, {}, { a: {} }, { metadata: { type: "object" } }, null]],
  ["additionalProperties", [true, false, { type: "string" }, {}]],
  ["patternProperties", [{ a: { type: "string" } }, {}]],
  ["additionalItems", [true, { type: "string" }, false]],
  ["items", [{ type: "string" }, [{ type: "string" }], {}, [], { type: "object", nullable: true }]],
  ["$ref", ["#/x", ""]],
  ["$schema", ["http://x", ""]],
  ["id", ["x", ""]],
  ["definitions", [{ a: { type: "string" } }, {}]],
  ["dependencies", [{ a: ["b"] }, { a: { type: "string" } }, {}]],
  ["not", [{}, { type: "string" }, { required: ["a"] }, { properties: { zz: {} } }]],
  ["allOf", [[], [{}], [{ type: "string" }], [{ default: 1 }], [{ properties: { a: { minLength: 1 } } }], [{ items: { minimum: 1 } }]]],
  [
    "anyOf",
    [
      [{ type: "integer" }, { type: "string" }],
      [{ nullable: true }],
      [{ "x-kubernetes-validations": [{ rule: "true" }] }],
      [{ not: { anyOf: [{ title: "x" }] } }],
    ],
  ],
  ["oneOf", [[{ required: ["a"] }, { required: ["b"] }], [{ additionalProperties: false }], [{ "x-kubernetes-list-type": "set" }]]],
  ["x-kubernetes-preserve-unknown-fields", [true, false]],
  ["x-kubernetes-embedded-resource", [true, false]],
  ["x-kubernetes-int-or-string", [true, false]],
  ["x-kubernetes-list-type", ["set", "map", "atomic", "strange", ""]],
  ["x-kubernetes-list-map-keys", [["a"], ["name", "name"], [], ["zz"]]],
  ["x-kubernetes-map-type", ["atomic", "granular", "strange"]],
  [
    "x-kubernetes-validations",
    [
      [],
      [{ rule: "self" }],
      [{ rule: "self == oldSelf" }],
      [{ rule: "true", fieldPath: ".a" }],
      [{ rule: "self.all(x, self.all(y, x == y))" }],
      [{ rule: "true" }, { rule: "true" }],
      [{}],
    ],
  ],
  ["title", ["t"]],
  ["example", [1]],
  ["unknownKeyword", [1]],
];

function* schemas(value: unknown, isSchema: boolean): Generator<Schema> {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) yield* schemas(item, isSchema);
    return;
  }
  const map = value as Schema;
  if (isSchema) yield map;
  for (const [key, inner] of Object.entries(map)) {
    if (key === "openAPIV3Schema" || ["items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"].includes(key)) yield* schemas(inner, true);
    else if (key === "properties") for (const property of Object.values((inner ?? {}) as object)) yield* schemas(property, true);
    else if (!isSchema) yield* schemas(inner, false);
  }
}

/** Any place in the document. */
function somewhere(random: Random, value: unknown): [Record<string, unknown> | unknown[], string | number] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  if (!keys.length) return undefined;
  const key = pick<string | number>(random, keys);
  const inner = (value as Record<string | number, unknown>)[key];
  return (chance(random, 0.75) ? somewhere(random, inner) : undefined) ?? [value as Record<string, unknown>, key];
}

const names: readonly [string, readonly unknown[]][] = [
  ["plural", ["Things", "", "a b", "x".repeat(64), "others"]],
  ["kind", ["thing", "", "A B", "Thing", "x".repeat(70)]],
  ["singular", ["Thing", "", "a.b"]],
  ["shortNames", [["A"], ["th", "th"], [""], ["things"]]],
  ["listKind", ["Thing", "", "thing_list"]],
  ["categories", [["A B"], ["all", "all"], [""]]],
];

/** Changes a definition in a way that is likely not allowed. */
export function mistaken(random: Random, definition: Definition): Definition {
  const made = structuredClone(definition);
  const { spec } = made;
  for (let i = chance(random, 0.75) ? 1 : 2; i > 0; i--) {
    // The first mistake may have left nothing to make another in.
    if (!Array.isArray(spec.versions) || !spec.versions.every((one) => one && typeof one === "object") || !spec.versions.length) break;
    if (!spec.names || typeof spec.names !== "object") break;
    const version = pick(random, spec.versions);
    const roll = random.next();
    if (roll < 0.5) {
      const found = [...schemas(spec.versions, false)];
      const [keyword, values] = pick(random, keywords);
      if (found.length) pick(random, found)[keyword] = structuredClone(pick(random, values));
    } else if (roll < 0.58) {
      const [name, values] = pick(random, names);
      spec.names[name] = pick(random, values);
    } else if (roll < 0.66) {
      const changes: (() => unknown)[] = [
        () => (version.storage = !version.storage),
        () => (version.name = pick(random, ["V1", "", "v1", "a.b", "x".repeat(64)])),
        () => (version.schema = pick(random, [undefined, null, {}, { openAPIV3Schema: null }])),
        () => (version.served = false),
        () => spec.versions.push({ ...structuredClone(version) }),
        () => spec.versions.splice(0, 1),
        () => (version.deprecationWarning = "x".repeat(300)),
        () => (version.subresources = { scale: pick(random, [{}, { specReplicasPath: ".spec.x", statusReplicasPath: ".status" }, null]) }),
        () => (version.selectableFields = Array.from({ length: 10 }, (_, k) => ({ jsonPath: `.spec.${"abcdefghij"[k]}` }))),
        () => (version.additionalPrinterColumns = [{ name: "x", type: "string" }]),
      ];
      pick(random, changes)();
    } else if (roll < 0.72) spec.group = pick(random, ["", "nodots", "a..b", "A.b", `${spec.group}.k8s.io`, "x.k8s.io"]);
    else if (roll < 0.76) spec.scope = pick(random, ["", "namespaced", "Cluster", "Namespaced"]);
    else if (roll < 0.8) spec.preserveUnknownFields = pick(random, [true, false]);
    else if (roll < 0.86)
      spec.conversion = pick<unknown>(random, [
        {},
        { strategy: "Webhook" },
        { strategy: "Other" },
        { strategy: "None", webhook: { conversionReviewVersions: ["v1"] } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: [], clientConfig: { url: "https://x" } } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"], clientConfig: {} } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: ["v9"], clientConfig: { url: "http://x", service: { name: "n", namespace: "m" } } } },
        {
          strategy: "Webhook",
          webhook: {
            conversionReviewVersions: ["v1", "v1"],
            clientConfig: { service: { name: "n", namespace: "m", port: 70000, path: "x" }, caBundle: "eA==" },
          },
        },
        null,
      ]);
    else if (roll < 0.9) made.metadata.annotations = { "api-approved.kubernetes.io": pick(random, ["", "nope", "https://x/y", "unapproved, z"]) };
    else if (roll < 0.92) made.metadata.name = pick(random, ["x", "", "things.other", "UPPER"]);
    else {
      const found = somewhere(random, spec);
      if (found) {
        const [container, key] = found;
        const map = container as Record<string | number, unknown>;
        if (chance(random, 0.35) && !Array.isArray(container)) delete map[key];
        else map[key] = oddValue(random);
      }
    }
  }
  return made;
}

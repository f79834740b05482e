/** Definitions and schemas of the hostile inputs. */
import type { Request } from "../differential/exchange.ts";

export const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
export const group = "hostile.example.com";

export type Schema = Record<string, unknown>;
export interface Input {
  title: string;
  request: Request;
}

export const kindOf = (plural: string): string => `${plural[0]?.toUpperCase()}${plural.slice(1)}`;
export const version = (spec: unknown, more: Schema = {}): Schema => ({
  name: "v1",
  served: true,
  storage: true,
  schema: { openAPIV3Schema: object({ spec }) },
  ...more,
});
/** A definition of one version; `more` is of its spec. */
export const definition = (plural: string, spec: unknown, more: Schema = {}): { metadata: { name: string }; spec: Schema } & Schema => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: { group, scope: "Cluster", names: { plural, kind: kindOf(plural) }, versions: [version(spec)], ...more },
});
export const text: Schema = { type: "string" };
export const integer: Schema = { type: "integer" };
export const object = (properties: Schema, more: Schema = {}): Schema => ({ type: "object", properties, ...more });
export const list = (items: unknown, more: Schema = {}): Schema => ({ type: "array", items, ...more });
export const map = (values: unknown, more: Schema = {}): Schema => ({ type: "object", additionalProperties: values, ...more });
export const rules = (schema: Schema, ...all: Schema[]): Schema => ({ ...schema, "x-kubernetes-validations": all });
export const rule = (source: string, schema: Schema, more: Schema = {}): Schema => rules(schema, { rule: source, ...more });
export const setOf = (items: unknown, more: Schema = {}): Schema => list(items, { "x-kubernetes-list-type": "set", ...more });
export const mapOf = (items: unknown, keys: string[]): Schema => list(items, { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });

export const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
export const fields = (count: number, make: (i: number) => unknown, prefix = "p"): Schema =>
  Object.fromEntries(times(count, (i) => [`${prefix}${i}`, make(i)]));
export const nested = (depth: number, leaf: unknown, wrap: (inner: unknown, level: number) => unknown): unknown => {
  let made = leaf;
  for (let i = 0; i < depth; i++) made = wrap(made, i);
  return made;
};
/** What is deeper than JSON.stringify goes: the text "LEAF" of `whole` becomes that of `leaf` between as many heads and tails. */
export const deep = (whole: object, depth: number, head: string, leaf: string, tail: string): string =>
  JSON.stringify(whole).replace('"LEAF"', () => head.repeat(depth) + leaf + tail.repeat(depth));

/** Only tried: nothing is kept. */
export const tried = (title: string, body: object | string): Input => ({ title, request: { method: "POST", path: `${crds}?dryRun=All`, body } });

/** Names that every object of JavaScript has. */
export const natives = [
  "constructor",
  "prototype",
  "__proto__",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "__defineGetter__",
  "__lookupSetter__",
];

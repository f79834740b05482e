/**
 * An object as Go's spew prints it for upstream's hashes (k8s.io/utils/dump.ForHash: `%#v`, keys sorted, no methods, no
 * addresses): names that upstream derives from such a hash can be derived here. The object is taken as it is after having
 * been read from an API server: empty lists and maps are nil, quantities canonical. Facts: schema/go-types.json.
 */
import { readFileSync } from "node:fs";
import { compareBytes } from "./codec/json.ts";
import { goQuantity } from "./go-quantity.ts";

interface GoType {
  /** Name. */
  n: string;
  k: "struct" | "pointer" | "list" | "map" | "string" | "bool" | "int" | "quantity" | "time" | "intOrString";
  /** Place of the type of elements. */
  e?: number;
  f?: [name: string, json: string, type: number][];
}

const facts = JSON.parse(readFileSync(new URL("./schema/go-types.json", import.meta.url), "utf8")) as { roots: Record<string, number>; types: GoType[] };

/** `type` is Go's name of one of the types that the facts begin with, such as `v1.PodTemplateSpec`; throws for others. */
export function dumpForHash(type: string, value: object): string {
  const root = facts.roots[type];
  if (root === undefined) throw new Error(`no facts about Go's type ${type}`);
  return typed(root, value);
}

const typeAt = (place: number): GoType => facts.types[place] as GoType;

function typed(place: number, value: unknown): string {
  const { n, k, e } = typeAt(place);
  if (k !== "pointer") return `(${n})${plain(place, value)}`;
  return value === undefined || value === null ? `(${n})<nil>` : `(${n})${plain(e as number, value)}`;
}

function plain(place: number, value: unknown): string {
  const { k, e, f = [] } = typeAt(place);
  switch (k) {
    case "string":
      return String(value ?? "");
    case "bool":
      return String(value ?? false);
    case "int":
      return String(value ?? 0);
    case "pointer":
      return value === undefined || value === null ? "<nil>" : `<*>${plain(e as number, value)}`;
    case "list": {
      const items = (value ?? []) as unknown[];
      return items.length ? `[${items.map((item) => plain(e as number, item)).join(" ")}]` : "<nil>";
    }
    case "map": {
      const members = Object.entries(value ?? {}).sort(([a], [b]) => compareBytes(a, b));
      return members.length ? `map[${members.map(([key, item]) => `${key}:${plain(e as number, item)}`).join(" ")}]` : "<nil>";
    }
    case "struct": {
      const object = (value ?? {}) as Record<string, unknown>;
      return `{${f.map(([name, json, type]) => `${name}:${typed(type, json === "" ? object : object[json])}`).join(" ")}}`;
    }
    case "quantity":
      return goQuantity(String(value ?? ""));
    case "intOrString": {
      const isText = typeof value === "string";
      return `{Type:(intstr.Type)${isText ? 1 : 0} IntVal:(int32)${isText ? 0 : String(value ?? 0)} StrVal:(string)${isText ? value : ""}}`;
    }
    case "time":
      // Only templates are printed, and they have no times.
      if (value) throw new Error("a template has no time");
      return "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}";
  }
}

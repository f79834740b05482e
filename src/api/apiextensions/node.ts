/** A structural schema made ready for the hot path: places of properties are found without asking the prototype, made once per schema. */
import type { JSONValue } from "../json.ts";
import { allowsMore, hasDefault, isEmbedded, isIntOrString, itemsOf, preserves, type Schema, valuesOf } from "./schema.ts";

export interface Node {
  readonly schema: Schema;
  readonly properties: ReadonlyMap<string, Node> | undefined;
  readonly items: Node | undefined;
  /** Of what is under keys that `properties` does not name. */
  readonly values: Node | undefined;
  /** Such keys may be, whatever is under them. */
  readonly more: boolean;
  readonly preserves: boolean;
  readonly embedded: boolean;
  readonly intOrString: boolean;
  readonly nullable: boolean;
  readonly default: JSONValue | undefined;
  /** Here or below: a default; an embedded resource; a list that is a set or a map. */
  readonly defaults: boolean;
  readonly embeds: boolean;
  readonly lists: boolean;
}

const nodes = new WeakMap<Schema, Node>();

export function nodeOf(schema: Schema): Node {
  const known = nodes.get(schema);
  if (known) return known;
  const node = make(schema);
  nodes.set(schema, node);
  return node;
}

function make(schema: Schema): Node {
  const entries = Object.entries(schema.properties ?? {}).map(([name, property]) => [name, nodeOf(property)] as const);
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const below = [...entries.map(([, node]) => node), ...(items ? [nodeOf(items)] : []), ...(values ? [nodeOf(values)] : [])];
  const listType = schema["x-kubernetes-list-type"];
  return {
    schema,
    properties: entries.length ? new Map(entries) : undefined,
    items: items && nodeOf(items),
    values: values && nodeOf(values),
    more: allowsMore(schema),
    preserves: preserves(schema),
    embedded: isEmbedded(schema),
    intOrString: isIntOrString(schema),
    nullable: schema.nullable === true,
    default: hasDefault(schema) ? schema.default : undefined,
    defaults: hasDefault(schema) || below.some((node) => node.defaults),
    embeds: isEmbedded(schema) || below.some((node) => node.embeds),
    lists: listType === "set" || listType === "map" || below.some((node) => node.lists),
  };
}

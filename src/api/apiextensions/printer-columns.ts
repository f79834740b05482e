/** Columns of tables that a definition describes (apiextensions-apiserver/pkg/registry/customresource/tableconvertor). */
import type { Wanted } from "../codec/json-part.ts";
import type { JSONValue } from "../json.ts";
import { type JSONPath, JSONPathError, parseJSONPath, printJSONValue } from "../jsonpath.ts";
import type { KubeObject } from "../object.ts";
import { prose } from "../openapi/prose.ts";
import type { TableColumn } from "../schema/schema.ts";
import { humanDuration, parseTime, TimeError } from "../time.ts";
import type { CustomResourceColumnDefinition } from "../types/apiextensions-v1.gen.ts";

const metaProse = (field: string): string => prose("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")?.fields[field] ?? "";
const ageColumn = (): CustomResourceColumnDefinition => ({
  name: "Age",
  type: "date",
  description: metaProse("creationTimestamp"),
  jsonPath: ".metadata.creationTimestamp",
});

const own = (columns: readonly CustomResourceColumnDefinition[] | undefined): readonly CustomResourceColumnDefinition[] =>
  columns?.length ? columns : [ageColumn()];

/** Up to the first whose path is none, as upstream leaves them. */
function readable(columns: readonly CustomResourceColumnDefinition[]): { column: CustomResourceColumnDefinition; find: JSONPath }[] {
  const found: { column: CustomResourceColumnDefinition; find: JSONPath }[] = [];
  for (const column of columns) {
    try {
      found.push({ column, find: parseJSONPath(column.jsonPath) });
    } catch (error) {
      if (error instanceof JSONPathError) return found;
      throw error;
    }
  }
  return found;
}

export function printerColumns(columns: readonly CustomResourceColumnDefinition[] | undefined): TableColumn[] {
  const name: TableColumn = { name: "Name", type: "string", format: "name", description: metaProse("name"), priority: 0 };
  return [
    name,
    ...readable(own(columns)).map(({ column }) => ({
      name: column.name,
      type: column.type,
      format: column.format ?? "",
      description: column.description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
      priority: column.priority ?? 0,
    })),
  ];
}

/** Made at first use. */
export function printerCells(columns: readonly CustomResourceColumnDefinition[] | undefined): (object: KubeObject, now: number) => unknown[] {
  let made: ReturnType<typeof readable> | undefined;
  return (object, now) => {
    made ??= readable(own(columns));
    return [object.metadata.name ?? "", ...made.map(({ column, find }) => cell(column.type, find, object, now))];
  };
}

/** A path's first two steps, where they are names. */
const named = /^\.([\w-]+)(?:\.([\w-]+))?(?=[.[]|$)/;

/** What of an object these cells show; undefined: perhaps all of it. */
export function printerReads(columns: readonly CustomResourceColumnDefinition[] | undefined): Wanted | undefined {
  const wanted = new Map<string, Map<string, true> | true>([["metadata", new Map([["name", true]])]]);
  for (const { jsonPath } of own(columns)) {
    const [, first, second] = named.exec(jsonPath) ?? [];
    if (first === undefined) return undefined;
    const members = wanted.get(first) ?? new Map<string, true>();
    if (second === undefined) wanted.set(first, true);
    else if (members !== true) wanted.set(first, members.set(second, true));
  }
  return Object.fromEntries([...wanted].map(([name, members]) => [name, members === true ? true : Object.fromEntries(members)]));
}

function cell(type: string, find: JSONPath, object: KubeObject, now: number): unknown {
  let value: JSONValue | undefined;
  try {
    [value] = find(object as unknown as JSONValue);
  } catch (error) {
    if (error instanceof JSONPathError) return null;
    throw error;
  }
  if (value === undefined) return null;
  if (type === "string") return printJSONValue(value);
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : typeof value === "bigint" ? value : null;
    case "number":
      return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? ageAt(value, now) : null;
  }
  return null;
}

function ageAt(text: string, now: number): string {
  if (text === "" || text === "null") return "<unknown>";
  try {
    return humanDuration(now - parseTime(text));
  } catch (error) {
    if (error instanceof TimeError) return "<invalid>";
    throw error;
  }
}

/**
 * Compares the OpenAPI schemas that src/api/openapi derives with those that a kube-apiserver served, and writes what the
 * rules miss into src/api/openapi/facts.json. Descriptions are left out.
 *
 * Usage: node tools/schema/openapi.ts FOLDER EVERYTHING (as for merge.ts, after it)
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { derivedSchema, type Schema, typeOfSchema } from "../../src/api/openapi/schemas.ts";

const [from, everything] = process.argv.slice(2);
if (!from || !everything) {
  process.stderr.write("usage: node tools/schema/openapi.ts FOLDER EVERYTHING\n");
  process.exit(2);
}

const bare = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => !(key === "description" && typeof item === "string"));
  return Object.fromEntries(entries.map(([key, item]) => [key, bare(item)]));
};
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort()) : item,
  );
const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

const served = new Map<string, Schema>();
for (const folder of [everything, from])
  for (const file of readdirSync(join(folder, "openapi-v3")).sort()) {
    const document = JSON.parse(gunzipSync(readFileSync(join(folder, "openapi-v3", file))).toString("utf8")) as {
      components?: { schemas?: Record<string, Schema> };
    };
    for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
      const { "x-kubernetes-group-version-kind": _, ...rest } = bare(schema) as Schema;
      served.set(name, rest);
    }
  }

const types: Record<string, { replace?: boolean; schema: Schema }> = {};
const fields: Record<string, Record<string, Schema>> = {};
for (const [name, schema] of [...served].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const derived = derivedSchema(typeOfSchema(name));
  const ours = (derived.properties ?? {}) as Record<string, Schema>;
  const theirs = (schema.properties ?? {}) as Record<string, Schema>;
  if (!same(Object.keys(ours).sort(), Object.keys(theirs).sort()) || derived.type !== schema.type) {
    types[name] = { replace: true, schema };
    continue;
  }
  const extra = Object.fromEntries(Object.entries(schema).filter(([key, value]) => key !== "properties" && !same(value, derived[key])));
  if (Object.keys(extra).length) types[name] = { schema: extra };
  const odd = Object.entries(theirs).filter(([key, value]) => !same(value, ours[key]));
  if (odd.length) fields[name] = Object.fromEntries(odd);
}

const lines = (value: Record<string, unknown>): string =>
  `{\n${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${JSON.stringify(item)}`)
    .join(",\n")}\n}`;
writeFileSync(new URL("../../src/api/openapi/facts.json", import.meta.url), `{"types": ${lines(types)},\n"fields": ${lines(fields)}}\n`);
process.stdout.write(
  `${Object.keys(types).length} types and ${Object.values(fields).reduce((sum, f) => sum + Object.keys(f).length, 0)} fields beyond the rules\n`,
);

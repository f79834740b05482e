/**
 * Writes src/api/openapi/prose.json, the descriptions that `kubectl explain` shows, from the published Go modules; where those
 * cannot be read from the declarations of @kubernetes/client-node, which lack some.
 * Part of the build; the file is not committed, and where it is absent descriptions are missing.
 *
 * Usage: node tools/schema/prose.ts
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { Prose } from "../../src/api/openapi/prose.ts";
import { declaredDocs } from "./declared-docs.ts";
import { type GoDocs, readGoDocs } from "./go-docs.ts";

const output = new URL("../../src/api/openapi/prose.json", import.meta.url);
// The names of the schemas are wanted without what an earlier run wrote.
rmSync(output, { force: true });
const { openapiV2 } = await import("../../src/api/openapi/v2.ts");
const { definitions } = openapiV2() as { definitions: Record<string, { properties?: object }> };

const docs = await readGoDocs().catch((error: unknown): GoDocs => {
  const why = error instanceof Error ? [error.message, error.cause].filter(Boolean).join(": ") : String(error);
  process.stderr.write(`k8ts: kubectl explain will describe some fields by their type only: ${why}; delete ${output.pathname} to try again\n`);
  return declaredDocs;
});

const prose: Record<string, Prose> = {};
let described = 0;
let missing = 0;
for (const [schema, { properties = {} }] of Object.entries(definitions)) {
  const description = docs(schema);
  const fields: Record<string, string> = {};
  for (const name of Object.keys(properties)) {
    const words = docs(schema, name);
    if (words) fields[name] = words;
    else missing++;
  }
  prose[schema] = { ...(description ? { description } : {}), fields };
  described += Object.keys(fields).length;
}
const unfinished = new URL(`${output.href}.${process.pid}`);
writeFileSync(unfinished, `${JSON.stringify(prose)}\n`);
renameSync(unfinished, output);
process.stdout.write(`${Object.keys(prose).length} types, ${described} fields described, ${missing} not\n`);

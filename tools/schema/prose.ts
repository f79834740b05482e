/**
 * Writes src/api/openapi/prose.json, the descriptions that `kubectl explain` shows: fields from the published Go modules,
 * types and what those modules do not describe from the declarations of @kubernetes/client-node, which leave out every field
 * whose type is a reference.
 * Part of the build; the file is not committed, and where it is absent descriptions are missing.
 *
 * Usage: node tools/schema/prose.ts
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Prose } from "../../src/api/openapi/prose.ts";
import { readSwaggerDocs, type SwaggerDocs } from "./swagger-docs.ts";

const output = new URL("../../src/api/openapi/prose.json", import.meta.url);
const models = new URL("../../node_modules/@kubernetes/client-node/dist/gen/models/", import.meta.url);
// The names of the schemas are wanted without what an earlier run wrote.
rmSync(output, { force: true });
const { openapiV2 } = await import("../../src/api/openapi/v2.ts");
const { typeOfSchema } = await import("../../src/api/openapi/schemas.ts");
const { hasType, typeByName } = await import("../../src/api/schema/schema.ts");
const { definitions } = openapiV2() as { definitions: Record<string, { properties?: object }> };

/** `io.k8s.api.core.v1.Event` -> CoreV1Event, V1Event: names that several groups have carry the group's. */
function declarationOf(schema: string): string | undefined {
  const parts = schema.split(".");
  const [name, version, group] = [parts.pop() ?? "", parts.pop() ?? "", parts.pop() ?? ""];
  const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const candidates = [
    `${capital(group)}${capital(version)}${name}`,
    `${capital(version)}${name}`,
    `${capital(version)}${name}`.replace(/V1Info$/, "VersionInfo"),
  ];
  if (version === "version") candidates.push("VersionInfo");
  const file = candidates.map((candidate) => new URL(`${candidate}.d.ts`, models)).find((url) => existsSync(url));
  return file && readFileSync(file, "utf8");
}

const plain = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .replaceAll(/\\(["'])/g, "$1")
    // The generator of those declarations made two blanks of an empty line.
    .replaceAll("  ", "\n\n")
    .trim();

/** A field's text, or that of the embedded struct which has the field. */
function fromGo(docs: SwaggerDocs, type: string, field: string): string | undefined {
  const own = docs(type, field);
  if (own || !hasType(type)) return own;
  for (const embedded of typeByName(type).fields.filter((each) => each.inline)) {
    const text = fromGo(docs, embedded.type.replace(/^\*/, ""), field);
    if (text) return text;
  }
  return undefined;
}

const docs = await readSwaggerDocs().catch((error: unknown): SwaggerDocs => {
  const why = error instanceof Error ? [error.message, error.cause].filter(Boolean).join(": ") : String(error);
  process.stderr.write(`k8ts: kubectl explain will describe some fields by their type only: ${why}; delete ${output.pathname} to try again\n`);
  return () => undefined;
});

const prose: Record<string, Prose> = {};
let described = 0;
let missing = 0;
for (const [schema, { properties }] of Object.entries(definitions)) {
  const text = declarationOf(schema);
  if (!text) continue;
  const description = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\nexport declare class/.exec(text)?.[1];
  const fields: Record<string, string> = {};
  const names = new Map(Object.keys(properties ?? {}).map((name) => [name.replace(/[^A-Za-z0-9]/g, "").toLowerCase(), name]));
  for (const [, words = "", member = ""] of text.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g)) {
    const name = names.get(member.replace(/[^A-Za-z0-9]/g, "").toLowerCase());
    if (name) fields[name] = plain(words);
  }
  for (const name of Object.keys(properties ?? {})) {
    const words = fromGo(docs, typeOfSchema(schema), name) ?? fields[name];
    if (words) fields[name] = words;
    else missing++;
  }
  prose[schema] = { ...(description ? { description: plain(description) } : {}), fields };
  described += Object.keys(fields).length;
}
const unfinished = new URL(`${output.href}.${process.pid}`);
writeFileSync(unfinished, `${JSON.stringify(prose)}\n`);
renameSync(unfinished, output);
process.stdout.write(`${Object.keys(prose).length} of ${Object.keys(definitions).length} types, ${described} fields described, ${missing} not\n`);

/**
 * Writes src/api/openapi/prose.json, the descriptions that `kubectl explain` shows, from the declarations of
 * @kubernetes/client-node. Part of the build; the file is not committed, and where it is absent descriptions are missing.
 *
 * Usage: node tools/schema/prose.ts
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Prose } from "../../src/api/openapi/prose.ts";

const output = new URL("../../src/api/openapi/prose.json", import.meta.url);
const models = new URL("../../node_modules/@kubernetes/client-node/dist/gen/models/", import.meta.url);
// The names of the schemas are wanted without what an earlier run wrote.
rmSync(output, { force: true });
const { openapiV2 } = await import("../../src/api/openapi/v2.ts");
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
    .replaceAll('\\"', '"')
    // The generator of those declarations made two blanks of an empty line.
    .replaceAll("  ", "\n\n")
    .trim();

const prose: Record<string, Prose> = {};
let described = 0;
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
  prose[schema] = { ...(description ? { description: plain(description) } : {}), fields };
  described += Object.keys(fields).length;
}
writeFileSync(output, `${JSON.stringify(prose)}\n`);
process.stdout.write(`${Object.keys(prose).length} of ${Object.keys(definitions).length} types, ${described} fields described\n`);

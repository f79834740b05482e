/** Descriptions from the declarations of @kubernetes/client-node, which leave out every field whose type is a reference. */
import { existsSync, readFileSync } from "node:fs";
import type { GoDocs } from "./go-docs.ts";

const models = new URL("../../node_modules/@kubernetes/client-node/dist/gen/models/", import.meta.url);

export const declaredDocs: GoDocs = (schema, field) => {
  const declared = declarationOf(schema) ?? "";
  if (field === undefined) return said(/\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\nexport declare class/.exec(declared)?.[1]);
  const members = declared.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g);
  return said([...members].find(([, , member]) => letters(member as string) === letters(field))?.[1]);
};

/** Members are spelled in camel case. */
const letters = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();

/** `io.k8s.api.core.v1.Event` -> CoreV1Event, V1Event: names that several groups have carry the group's. */
function declarationOf(schema: string): string | undefined {
  const parts = schema.split(".");
  const [name, version, group] = [parts.pop() ?? "", parts.pop() ?? "", parts.pop() ?? ""];
  const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const candidates = [`${capital(group)}${capital(version)}${name}`, `${capital(version)}${name}`, ...(version === "version" ? ["VersionInfo"] : [])];
  const file = candidates.map((candidate) => new URL(`${candidate}.d.ts`, models)).find((url) => existsSync(url));
  return file && readFileSync(file, "utf8");
}

const said = (comment: string | undefined): string | undefined =>
  comment
    ?.split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .replaceAll(/\\(["'])/g, "$1")
    // The generator of those declarations made two blanks of an empty line.
    .replaceAll("  ", "\n\n")
    .trim();

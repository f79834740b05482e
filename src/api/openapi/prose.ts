/** Descriptions of types and fields, where the build made them (tools/schema/prose.ts): the file is not part of the sources. */
import { existsSync, readFileSync } from "node:fs";

export interface Prose {
  description?: string;
  fields: Record<string, string>;
}

let all: Record<string, Prose> | undefined;

/** undefined where there is no file or no such schema. */
export function prose(schema: string): Prose | undefined {
  if (!all) {
    const file = new URL("./prose.json", import.meta.url);
    all = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Prose>) : {};
  }
  return all[schema];
}

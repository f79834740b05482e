/** Objects to begin with: one of each kind that the differential judge makes, and upstream's own fixtures where they are on this machine. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYAMLDocuments } from "../../src/api/codec/yaml.ts";
import type { JSONObject } from "../../src/api/json.ts";

export const templates: readonly JSONObject[] = parseYAMLDocuments(readFileSync(join(import.meta.dirname, "../differential/templates.yaml")))
  .map(({ value }) => value as JSONObject | null)
  .filter((value) => value !== null);

/** Files of k8s.io/api's testdata with that ending; none where Go's module cache does not hold them. */
export function fixtures(ending: string): Uint8Array[] {
  let cache: string;
  try {
    cache = execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return [];
  }
  const folder = join(cache, "k8s.io/api@v0.36.3/testdata/HEAD");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(`.${ending}`))
    .map((name) => readFileSync(join(folder, name)));
}

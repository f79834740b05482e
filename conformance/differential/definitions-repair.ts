/** What a refusal complains of is taken out of a definition. */
import type { Random } from "../../src/base/random.ts";
import type { Definition } from "./definitions-made.ts";
import { pick } from "./mutate.ts";

const parts = (field: string): string[] => [...field.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, key, name]) => key ?? name ?? "");

/** undefined: there is nothing in the schemas that could be taken out. */
export function repaired(definition: Definition, status: unknown, random: Random): Definition | undefined {
  const causes = (status as { details?: { causes?: { field?: string; message?: string }[] } } | null)?.details?.causes ?? [];
  const made = structuredClone(definition);
  let removed = false;
  for (const { field = "" } of causes) removed = take(made, parts(field)) || removed;
  const text = (status as { message?: string } | null)?.message ?? "";
  if (!removed && /additionalPrinterColumns|selectableFields|json path/.test(text)) {
    const version = pick(random, made.spec.versions);
    delete version.selectableFields;
    removed = true;
  }
  return removed ? made : undefined;
}

const atoms = new Set(["default", "enum", "x-kubernetes-list-map-keys", "required", "example"]);

function take(definition: Definition, path: readonly string[]): boolean {
  let at: unknown = definition;
  let container: Record<string, unknown> | unknown[] | undefined;
  let key: string | undefined;
  let depth = 0;
  for (const [i, part] of path.entries()) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) break;
    [container, key, depth] = [at as Record<string, unknown>, part, i];
    at = (at as Record<string, unknown>)[part];
    if (atoms.has(part)) break;
    if (path[i - 1] === "x-kubernetes-validations" || path[i - 1] === "additionalPrinterColumns" || path[i - 1] === "selectableFields") break;
  }
  // spec.versions[0].schema.openAPIV3Schema and what is above it stay.
  const least = path[3] === "schema" ? 5 : 3;
  if (!container || key === undefined || depth < least) return false;
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
  return true;
}

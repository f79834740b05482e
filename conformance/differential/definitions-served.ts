/** Both servers serve a definition as it is now, and say the same of it: its state, discovery, OpenAPI. */
import type { Random } from "../../src/base/random.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { crds, type Judge, same, type Sides } from "./definitions-judge.ts";
import type { Definition } from "./definitions-made.ts";
import { collectionOf } from "./definitions-steps.ts";
import type { Answer, Request } from "./exchange.ts";
import { tables } from "./headers.ts";
import { chance } from "./mutate.ts";

export const text = ({ body }: Answer): string => JSON.stringify(body) ?? "";
type Map = Record<string, unknown>;

/** A mark in each version that tells which state of the definition a server has taken up. */
export function probed(definition: Definition, round: number, first = true): Definition {
  const made = structuredClone(definition);
  // A mistake may have put anything in their place.
  for (const version of Array.isArray(made.spec.versions) ? made.spec.versions : []) {
    if (typeof version !== "object" || version === null) continue;
    const columns = ((Array.isArray(version.additionalPrinterColumns) ? version.additionalPrinterColumns : []) as { name?: string }[]).filter(
      (one) => !/^P\d+x$/.test(String(one?.name)),
    );
    if (first || round > 0) version.additionalPrinterColumns = [...columns, { name: `P${round}x`, type: "string", jsonPath: ".metadata.name" }];
    const root = (version.schema as { openAPIV3Schema?: JSONObject } | undefined)?.openAPIV3Schema;
    if (root && typeof root === "object") root.description = `probe ${round}.`;
  }
  return made;
}

const without = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null, (key, item: unknown) => (key === "description" && typeof item === "string" ? undefined : item)));
const plainly = (schemas: Record<string, unknown> | undefined): Map =>
  Object.fromEntries(Object.entries(schemas ?? {}).map(([name, schema]) => [name, name.startsWith("io.k8s.") ? without(schema) : schema]));

/** Without the prose of paths and of shared types, which is no part of the sources. */
function described(body: unknown): unknown {
  const { paths, components, ...rest } = body as { paths?: unknown; components?: { schemas?: Map } };
  return { ...rest, paths: without(paths), schemas: plainly(components?.schemas) };
}
/** With the shared parameters, whose names upstream makes up, in place of references to them. */
function inlined(value: unknown, parameters: Map): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => inlined(item, parameters)).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const { $ref } = value as { $ref?: unknown };
  const shared = typeof $ref === "string" && $ref.startsWith("#/parameters/") ? parameters[$ref.slice("#/parameters/".length)] : undefined;
  if (shared !== undefined) return inlined(shared, parameters);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inlined(item, parameters)]));
}
/** Of a whole document of version 2: what belongs to one group. */
function ofGroup(body: unknown, group: string): unknown {
  const { paths = {}, definitions = {}, parameters = {} } = (body ?? {}) as { paths?: Map; definitions?: Map; parameters?: Map };
  const reversed = group.split(".").reverse().join(".");
  const some = (map: Map, take: (key: string) => boolean): Map => Object.fromEntries(Object.entries(map).filter(([key]) => take(key)));
  return {
    paths: inlined(without(some(paths, (path) => path.startsWith(`/apis/${group}/`) || path === `/apis/${group}`)), without(parameters) as Map),
    definitions: some(definitions, (name) => name.startsWith(`${reversed}.`)),
  };
}
/** Of all groups at once: the one. */
function oneGroup(body: unknown, group: string): unknown {
  const { items = [], groups = [] } = (body ?? {}) as { items?: { metadata?: { name?: string } }[]; groups?: { name?: string }[] };
  return { items: items.filter(({ metadata }) => metadata?.name === group), groups: groups.filter(({ name }) => name === group) };
}
const aggregated = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json" };

async function documented(judge: Judge, n: number, definition: Definition, sides: Sides, round: number, random: Random): Promise<boolean> {
  const { group, versions } = definition.spec;
  const served = versions.filter((one) => one.served);
  const version = served[random.int(served.length)];
  if (!version) return true;
  const document: Request = { method: "GET", path: `/openapi/v3/apis/${group}/${version.name}` };
  const own = (answer: Answer): Answer => ({ ...answer, body: described(answer.body) });
  const documents = await judge.until(document, sides, (answer) => text(answer).includes(`probe ${round}.`));
  if (!judge.agree(n, "openapi", document, await judge.settled(document, sides, documents, 20, own))) return false;
  if (!chance(random, 0.15)) return true;
  // Upstream makes this one a while after the others.
  const whole: Request = { method: "GET", path: "/openapi/v2" };
  const reversed = `${group.split(".").reverse().join(".")}.`;
  const all = await judge.until(whole, sides, (answer) => text({ ...answer, body: ofGroup(answer.body, group) }).includes(`"${reversed}`));
  const part = (answer: Answer): Answer => ({ ...answer, body: ofGroup(answer.body, group) });
  return judge.agree(n, "openapi.v2", whole, await judge.settled(whole, sides, all, 20, part));
}

export async function served(judge: Judge, n: number, definition: Definition, sides: Sides, round: number, random: Random): Promise<boolean> {
  const path = `${crds}/${definition.metadata.name}`;
  const established: Request = { method: "GET", path };
  const known = await judge.until(established, sides, (answer) => text(answer).includes("InitialNamesAccepted"));
  // Names that were changed are accepted a while later.
  if (!judge.agree(n, "definition.established", established, await judge.settled(established, sides, known))) return false;
  const { group } = definition.spec;
  const versions = definition.spec.versions.filter((one) => one.served);
  for (const version of versions) {
    const list: Request = { method: "GET", path: `${collectionOf(definition, version.name)}?limit=1`, headers: tables };
    await judge.until(list, sides, (answer) => text(answer).includes(`P${round}x`));
  }
  const groups: Request = { method: "GET", path: `/apis/${group}` };
  const found = await judge.until(groups, sides, (answer) => versions.every(({ name }) => text(answer).includes(`${group}/${name}"`)));
  if (round === 0 && !judge.agree(n, "discovery.group", groups, found)) return false;
  for (const version of versions.slice(0, chance(random, 0.5) ? 1 : 3)) {
    const resources: Request = { method: "GET", path: `/apis/${group}/${version.name}` };
    const last = await judge.until(resources, sides, (answer) => text(answer).includes('"things"'));
    if (!judge.agree(n, "discovery.resources", resources, await judge.settled(resources, sides, last))) return false;
  }
  if (chance(random, 0.3)) {
    const request: Request = { method: "GET", path: "/apis", ...(chance(random, 0.8) ? { headers: aggregated } : {}) };
    const own = (answer: Answer): Answer => ({ ...answer, body: oneGroup(answer.body, group) });
    if (!judge.agree(n, "discovery.groups", request, await judge.settled(request, sides, await judge.both(request, sides), 30, own))) return false;
  }
  return !chance(random, 0.35) || documented(judge, n, definition, sides, round, random);
}

/** Returns when every version is listed on both sides, ten seconds at most: what a broken webhook has stopped comes back a while later. */
export async function recovered(judge: Judge, definition: Definition, sides: Sides): Promise<boolean> {
  for (const version of definition.spec.versions.filter((one) => one.served)) {
    const request: Request = { method: "GET", path: collectionOf(definition, version.name) };
    for (let again = 0; ; again++) {
      const answers = await judge.until(request, sides, ({ code }) => code === 200);
      judge.requests--;
      if (answers.every(({ code }) => code === 200) && same(answers)) break;
      if (again === 3) return false;
    }
  }
  return true;
}

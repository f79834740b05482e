/** Scenarios: what is done to a cluster, as data. One YAML document a file in scenarios/. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CORE_SCHEMA, load, mergeTag, Schema } from "js-yaml";
import type { Draft, KubeObject } from "../../src/api/object.ts";
import type { Resource } from "../../src/client/client.ts";
import * as resources from "../../src/client/resources.gen.ts";
import type { World } from "./world.ts";

/** Objects by name, or by label: the first so many in the order of their names; absent: all. */
interface Selection {
  resource: string;
  namespace?: string;
  name?: string;
  selector?: string;
  first?: number;
}

export type Step =
  /** Seconds. */
  | { advance: number }
  | { create: (Draft<KubeObject> & { apiVersion: string; kind: string })[] }
  | { patch: Selection & { subresource?: string; patch: object } }
  | { delete: Selection & { propagation?: "Foreground" | "Background" | "Orphan"; gracePeriodSeconds?: number } }
  /** Refusals by a budget are expected. */
  | { evict: Selection };

export interface Scenario {
  name: string;
  /** What it is about, in a sentence. */
  about: string;
  nodes: number;
  /** Controllers whose requests go wrong, one at a time. */
  faulted: string[];
  /** kwok Stages beside, or instead of, the built-in ones. */
  stages?: string;
  /** CPU that every pod uses, for autoscaling. */
  cpu?: string;
  /** Requests for certificates are answered with this text. */
  certificate?: string;
  steps: Step[];
}

const folder = join(import.meta.dirname, "scenarios");

export function loadScenarios(only?: RegExp): Scenario[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .flatMap((file) => readScenarios(join(folder, file)))
    .filter(({ name }) => !only || only.test(name));
}

/** A merge gives way to what is said beside it, which YAML of requests takes for a repeated key. */
const schema = new Schema([...CORE_SCHEMA.tags, mergeTag]);

function readScenarios(file: string): Scenario[] {
  const value = load(readFileSync(file, "utf8"), { schema, filename: file });
  const known = ["name", "about", "nodes", "faulted", "stages", "cpu", "certificate", "steps"];
  return (value as unknown as Partial<Scenario>[]).map((scenario, i) => {
    const wrong = Object.keys(scenario).filter((key) => !known.includes(key));
    if (wrong.length || !scenario.name || !scenario.faulted?.length || !scenario.steps?.length)
      throw new Error(
        `${basename(file)}, scenario ${scenario.name ?? i}: it has ${known.join(", ")}; ${wrong.length ? `not ${wrong.join(", ")}` : "name, faulted and steps are needed"}`,
      );
    return { about: "", nodes: 1, ...scenario } as Scenario;
  });
}

const all = Object.values(resources) as unknown as Resource[];

function resourceNamed(name: string): Resource {
  const found = all.find((one) => one.resource === name);
  if (!found) throw new Error(`no resource ${name}`);
  return found;
}
function resourceOf({ apiVersion, kind }: { apiVersion: string; kind: string }): Resource {
  const found = all.find((one) => one.kind === kind && (one.group ? `${one.group}/${one.version}` : one.version) === apiVersion);
  if (!found) throw new Error(`no resource for ${apiVersion} ${kind}`);
  return found;
}

export async function carryOut(world: World, step: Step): Promise<void> {
  const { client } = world;
  if ("advance" in step) return await world.advance(step.advance * 1000);
  if ("create" in step) {
    for (const object of step.create) {
      const resource = resourceOf(object);
      await client.resource(resource).create(resource.namespaced ? (object.metadata.namespace ?? "default") : "", object);
    }
  } else if ("patch" in step) {
    const { patch, subresource } = step.patch;
    for (const { resource, namespace, name } of await select(world, step.patch))
      await client.resource(resource).patch(namespace, name, "merge", patch, subresource ? { subresource } : {});
  } else if ("delete" in step) {
    const { propagation, gracePeriodSeconds } = step.delete;
    const options = { ...(propagation ? { propagationPolicy: propagation } : {}), ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }) };
    for (const { resource, namespace, name } of await select(world, step.delete)) await client.resource(resource).delete(namespace, name, options);
  } else {
    for (const { resource, namespace, name } of await select(world, step.evict)) {
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
      await client
        .resource(resource)
        .subresource("POST", namespace, name, "eviction", eviction)
        .catch((error: { code?: number }) => {
          if (error.code !== 429) throw error;
        });
    }
  }
  await world.settled();
}

async function select(world: World, selection: Selection): Promise<{ resource: Resource; namespace: string; name: string }[]> {
  const resource = resourceNamed(selection.resource);
  const namespace = resource.namespaced ? (selection.namespace ?? "default") : "";
  if (selection.name) return [{ resource, namespace, name: selection.name }];
  const { items } = await world.client.resource(resource).list({ namespace, labelSelector: selection.selector });
  const names = items.map((item) => item.metadata.name).sort();
  return names.slice(0, selection.first).map((name) => ({ resource, namespace, name }));
}

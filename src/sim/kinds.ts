/** Kinds that stages are about or write, as the API server serves them, and what the simulator must be allowed to do. */
import type { PolicyRule } from "../api/types/rbac-v1.gen.ts";
import type { Resource } from "../client/client.ts";
import { discover } from "../client/discovery.ts";
import { nodes, pods } from "../client/resources.gen.ts";
import type { Transport } from "../client/transport.ts";
import { type KindReference, kindKey, nodeKind, type PlacedKind, podKind, type Stage } from "./stage.ts";
import { StageFileError } from "./stage-source.ts";

/** By kindKey. */
export type Resources = ReadonlyMap<string, Resource>;

export const nodeResources: Resources = new Map([
  [podKind, pods as Resource],
  [nodeKind, nodes as Resource],
]);

/** Asks the server only where there are stages for other kinds than Pod and Node. Throws StageFileError for kinds that it does not serve. */
export async function resourcesOf(stages: readonly Stage[], transport: Transport): Promise<Resources> {
  const resources = new Map(nodeResources);
  const wanted = stages.flatMap(referencesOf);
  if (wanted.every((reference) => resources.has(kindKey(reference)))) return resources;
  const served = (await discover(transport)).resources.map((resource) => ({
    resource,
    reference: { apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version, kind: resource.kind },
  }));
  for (const { reference, resource } of served) if (!resources.has(kindKey(reference))) resources.set(kindKey(reference), resource);
  const problems = wanted.filter((reference) => !resources.has(kindKey(reference))).map((reference) => `${reference.place}: ${unserved(reference, served)}`);
  if (problems.length) throw new StageFileError(problems.join("\n"));
  return resources;
}

const referencesOf = ({ of, steps }: Stage): PlacedKind[] => [of, ...steps.flatMap((step) => (step.kind === "apply" ? [step.target] : []))];

function unserved({ apiVersion, kind }: KindReference, served: { reference: KindReference }[]): string {
  const others = served.filter(({ reference }) => reference.kind === kind).map(({ reference }) => reference.apiVersion);
  const kinds = [...new Set(served.filter(({ reference }) => reference.apiVersion === apiVersion).map(({ reference }) => reference.kind))].sort();
  const hint = others.length
    ? `this kind is served in ${others.join(", ")}`
    : kinds.length
      ? `the kinds of ${apiVersion} are ${kinds.join(", ")}`
      : `${apiVersion} is not served at all`;
  return `the API server serves no ${kind} of ${apiVersion}; ${hint}`;
}

/** Beyond what the nodes' own identities do: every stage's own patches, deletions, objects, events and impersonations. */
export function simulatorRules(stages: readonly Stage[], resources: Resources): PolicyRule[] {
  const rules: PolicyRule[] = [{ apiGroups: [""], resources: ["nodes", "pods"], verbs: ["list", "watch", "patch"] }];
  const allow = (reference: KindReference, verbs: string[], subresource = ""): void => {
    const { group, resource } = resources.get(kindKey(reference)) as Resource;
    rules.push({ apiGroups: [group], resources: [subresource ? `${resource}/${subresource}` : resource], verbs });
  };
  for (const { of, steps } of stages) {
    if (kindKey(of) !== podKind && kindKey(of) !== nodeKind) {
      allow(of, ["list", "watch", "patch", "delete"]);
      if (steps.some((step) => step.kind === "event")) rules.push({ apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] });
    }
    for (const step of steps) {
      if (step.kind !== "patch" && step.kind !== "apply") continue;
      if (step.as !== undefined) rules.push({ apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: [step.as] });
      else if (step.kind === "apply") allow(step.target, step.subresource ? ["patch"] : ["create", "patch"], step.subresource);
      else if (step.subresource) allow(of, ["patch"], step.subresource);
    }
  }
  const seen = new Set<string>();
  return rules.filter((rule) => {
    const text = JSON.stringify(rule);
    return !seen.has(text) && seen.add(text);
  });
}

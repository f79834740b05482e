/** What a server serves: its resources with their verbs, from aggregated discovery, or group by group where that is missing. */
import type { KubeObject } from "../api/object.ts";
import { isNotFound } from "../api/status.ts";
import type { Resource } from "./client.ts";
import type { Transport } from "./transport.ts";

export interface ServedResource extends Resource<KubeObject> {
  verbs: string[];
  /** Of its group's version that the server prefers. */
  preferred: boolean;
}

export interface Discovery {
  resources: ServedResource[];
  /** Group versions that did not answer, as `metrics.k8s.io/v1beta1: why`. */
  failures: string[];
}

interface AggregatedGroup {
  metadata?: { name?: string };
  versions?: {
    version: string;
    freshness?: string;
    resources?: { resource: string; scope: string; verbs: string[]; responseKind?: { kind?: string; group?: string; version?: string } }[];
  }[];
}
interface LegacyList {
  resources?: { name: string; namespaced: boolean; kind: string; verbs: string[]; group?: string; version?: string }[];
}
type LegacyGroup = { name: string; versions: { version: string }[]; preferredVersion?: { version: string } };

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/** Rejects only when the server's roots cannot be read. */
export async function discover(transport: Transport, signal?: AbortSignal): Promise<Discovery> {
  const read = async (path: string): Promise<Record<string, unknown>> =>
    (await transport.request({ method: "GET", path, headers: { accept: aggregated }, signal })).object as Record<string, unknown>;
  const found: Discovery = { resources: [], failures: [] };
  for (const root of ["/api", "/apis"]) {
    const answer = await read(root);
    if (answer.kind === "APIGroupDiscoveryList") addAggregated(found, answer.items as AggregatedGroup[]);
    else if (root === "/api") await addLegacy(found, [{ name: "", versions: (answer.versions as string[]).map((version) => ({ version })) }], read);
    else await addLegacy(found, answer.groups as LegacyGroup[], read);
  }
  return found;
}

function addAggregated(found: Discovery, groups: AggregatedGroup[]): void {
  for (const { metadata, versions = [] } of groups) {
    const group = metadata?.name ?? "";
    const preferred = new Set<string>();
    for (const { version, freshness, resources = [] } of versions) {
      if (freshness === "Stale") found.failures.push(`${group}/${version}: stale GroupVersion discovery: ${group}/${version}`);
      for (const { resource, scope, verbs, responseKind } of resources) {
        found.resources.push({
          group,
          version,
          resource,
          kind: responseKind?.kind ?? "",
          namespaced: scope === "Namespaced",
          verbs,
          preferred: !preferred.has(resource),
        });
        preferred.add(resource);
      }
    }
  }
}

async function addLegacy(found: Discovery, groups: LegacyGroup[], read: (path: string) => Promise<unknown>): Promise<void> {
  for (const { name: group, versions, preferredVersion } of groups) {
    const ordered = versions.toSorted((a, b) => Number(b.version === preferredVersion?.version) - Number(a.version === preferredVersion?.version));
    const preferred = new Set<string>();
    for (const { version } of ordered) {
      try {
        const { resources = [] } = (await read(group ? `/apis/${group}/${version}` : `/api/${version}`)) as LegacyList;
        for (const { name, namespaced, kind, verbs } of resources) {
          if (name.includes("/")) continue;
          found.resources.push({ group, version, resource: name, kind, namespaced, verbs, preferred: !preferred.has(name) });
          preferred.add(name);
        }
      } catch (error) {
        if (!isNotFound(error)) found.failures.push(`${group}/${version}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}

/**
 * Discovery of this server and of those behind APIServices as one, in the order of the APIServices' priorities. Pure.
 */
import type { APIGroupDiscovery, APIGroupDiscoveryList, APIVersionDiscovery } from "../../api/discovery.ts";
import { apiVersionOf } from "../../api/schema/schema.ts";
import type { APIGroup, APIGroupList } from "../../api/types/meta-v1.gen.ts";
import type { Order, Remote } from "./remotes.ts";

type Version = APIGroup["versions"][number];

function groupOf(name: string, versions: readonly string[], order: Order): APIGroup {
  const sorted = [...new Set(versions)].sort((a, b) => order.versions(name, a, b));
  const entries = sorted.map((version): Version => ({ groupVersion: apiVersionOf(name, version), version }));
  return { name, versions: entries, preferredVersion: entries[0] as Version } as APIGroup;
}

/** `/apis/GROUP`. `local`: what this server itself has of it. Undefined where nobody has such a group. */
export function mergedGroup(name: string, local: APIGroup | undefined, remotes: Iterable<Remote>, order: Order): APIGroup | undefined {
  const own = [...remotes].filter((remote) => remote.group === name).map((remote) => remote.version);
  if (!own.length) return local;
  return { kind: "APIGroup", apiVersion: "v1", ...groupOf(name, [...(local?.versions ?? []).map((v) => v.version), ...own], order) } as APIGroup;
}

/** `/apis`. */
export function mergedGroups(local: APIGroupList, remotes: Iterable<Remote>, order: Order): APIGroupList {
  const versions = new Map(local.groups.map((group) => [group.name, group.versions.map((v) => v.version)]));
  for (const { group, version } of remotes) if (group) versions.set(group, [...(versions.get(group) ?? []), version]);
  const names = [...versions.keys()].sort(order.groups);
  return { ...local, groups: names.map((name) => groupOf(name, versions.get(name) ?? [], order)) };
}

/** `/apis` in its aggregated form. What this server has itself is not replaced. */
export function mergedDiscovery(
  local: APIGroupDiscoveryList,
  remotes: Iterable<Remote>,
  discoveryOf: (remote: Remote) => APIVersionDiscovery,
  order: Order,
): APIGroupDiscoveryList {
  const groups = new Map<string, APIGroupDiscovery>(local.items.map((item) => [item.metadata.name ?? "", item]));
  for (const remote of remotes) {
    const { group, version } = remote;
    if (!group) continue;
    const known = groups.get(group) ?? { metadata: { name: group }, versions: [] };
    if (known.versions.some((one) => one.version === version)) continue;
    groups.set(group, { ...known, versions: [...known.versions, discoveryOf(remote)] });
  }
  const items = [...groups.keys()].sort(order.groups).map((name) => {
    const item = groups.get(name) as APIGroupDiscovery;
    return { ...item, versions: [...item.versions].sort((a, b) => order.versions(name, a.version, b.version)) };
  });
  return { ...local, items };
}

/** The resources that are served, each with its kind, its place in the store and its registry. */
import type { Wanted } from "../api/codec/json-part.ts";
import type { Kind } from "../api/kind.ts";
import { allResources, apiVersionOf, type ResourceDef, resources, typeOfKind } from "../api/schema/schema.ts";
import { groupResource } from "../api/status.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { kinds } from "./kinds.gen.ts";
import { conversions, hubKinds, hubResources, renamed } from "./conversion/conversions.ts";
import type { Endpoint, Registry } from "./rest/call.ts";

const kindOf = new Map(kinds.map((kind) => [kind.resource, kind]));

/** The kind of a resource; one without any behaviour of its own where its file does not exist. */
export function kindFor(resource: string): Kind {
  return kindOf.get(resource) ?? { resource };
}

/** `events.events.k8s.io` is stored as `events`; most resources are stored as themselves. */
export function hubOf(def: ResourceDef): ResourceDef {
  const own = groupResource(def.group, def.resource);
  const hub = hubResources[own];
  if (hub) {
    const found = allResources.find((r) => r.group === hub.group && r.version === hub.version && r.resource === hub.resource);
    if (!found) throw new Error(`${own} is stored as ${hub.resource}, which the schema does not have`);
    return found;
  }
  return def;
}

/** Selectable fields for the cache's index. */
export function indexFields(def: ResourceDef, object: Parameters<NonNullable<Kind["fields"]>>[0]): { fields?: Record<string, string> } {
  const kind = kindFor(groupResource(def.group, def.resource));
  return kind.fields ? { fields: kind.fields(object) } : {};
}

/** What of an object that takes; undefined: anything. */
export function indexReads(def: ResourceDef): Wanted | undefined {
  const { fields, reads } = kindFor(groupResource(def.group, def.resource));
  return fields ? (reads?.fields as Wanted | undefined) : {};
}

/** Kinds that are asked and never stored have no cache of their own behind them. */
const isStored = (def: ResourceDef): boolean => def.verbs.includes("get") || def.verbs.includes("list");
/** In the version that is stored. What is not served by default has a cache only where it is; the others always have theirs. */
export const storedResources = (served: readonly ResourceDef[] = resources): readonly ResourceDef[] => [
  ...new Set([...resources, ...served].filter(isStored).map(hubOf)),
];

/** A kind that somebody else enforces is not refused. */
function actingKind(resource: string, enforcedElsewhere: readonly string[]): Kind {
  const kind = kindFor(resource);
  if (!enforcedElsewhere.includes(resource)) return kind;
  const { refused: _, ...acting } = kind;
  return acting;
}

export function endpointOf(
  def: ResourceDef,
  cache: WatchCache,
  registries: Readonly<Record<string, Registry>>,
  enforcedElsewhere: readonly string[] = [],
): Endpoint {
  const hub = hubOf(def);
  const apiVersion = apiVersionOf(def.group, def.version);
  const hubApiVersion = apiVersionOf(hub.group, hub.version);
  const type = typeOfKind(apiVersion, def.kind);
  const hubType = typeOfKind(hubApiVersion, hub.kind);
  if (!type || !hubType) throw new Error(`no type for ${apiVersion} ${def.kind}`);
  const resource = groupResource(def.group, def.resource);
  const conversion = conversions[`${apiVersion}/${def.kind}`] ?? (hub === def ? undefined : renamed(hubApiVersion, apiVersion));
  let cached: Endpoint["cache"] | undefined;
  return {
    def,
    hub,
    groupResource: resource,
    // Errors name the kind as it is stored.
    groupKind: hub.resource === "events" ? hub.kind : def.group ? `${def.kind}.${def.group}` : def.kind,
    apiVersion,
    hubApiVersion,
    type,
    hubType,
    kind: actingKind(resource, enforcedElsewhere),
    hubKind: hubKinds[resource] ?? kindFor(groupResource(hub.group, hub.resource)),
    ...(conversion ? { conversion } : {}),
    ...(def.deprecation ? { deprecation: def.deprecation } : {}),
    get cache() {
      if (!cached) cached = cache.resource(hub);
      return cached;
    },
    registry: registries[resource] ?? {},
  };
}

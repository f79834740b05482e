/** What is served at this moment: the built-in resources, and those that definitions add. */
import { apiVersionOf, type ResourceDef, resources } from "../api/schema/schema.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { CustomResources } from "./customresources/custom-resources.ts";
import { endpointOf, hubOf, storedResources } from "./endpoints.ts";
import type { Endpoint, Registry } from "./rest/call.ts";

export class Served {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #byResource = new Map<string, Endpoint>();
  readonly #equivalents = new Map<ResourceDef, readonly Endpoint[]>();
  readonly #custom: CustomResources | undefined;
  readonly #builtIn: readonly ResourceDef[];
  #all: { custom: readonly ResourceDef[]; defs: readonly ResourceDef[] };

  constructor(
    cache: WatchCache,
    registries: Readonly<Record<string, Registry>>,
    builtIn: readonly ResourceDef[] = resources,
    custom?: CustomResources,
    enforcedElsewhere: readonly string[] = [],
  ) {
    this.#custom = custom;
    this.#builtIn = builtIn;
    this.#all = { custom: [], defs: builtIn };
    const served = new Set(builtIn);
    // What the server itself works with (the hubs) is there, whether clients are served it or not.
    for (const def of new Set([...builtIn, ...storedResources(builtIn)])) {
      const endpoint = endpointOf(def, cache, registries, enforcedElsewhere);
      if (served.has(def)) this.#endpoints.set(`${def.group}/${def.version}/${def.resource}`, endpoint);
      if (hubOf(def) === def) this.#byResource.set(endpoint.groupResource, endpoint);
    }
  }
  /** In the order of discovery. */
  defs(): readonly ResourceDef[] {
    const custom = this.#custom?.defs() ?? [];
    if (this.#all.custom !== custom) this.#all = { custom, defs: [...this.#builtIn, ...custom] };
    return this.#all.defs;
  }
  endpoint(group: string, version: string, resource: string): Endpoint | undefined {
    return this.#endpoints.get(`${group}/${version}/${resource}`) ?? this.#custom?.find(group, version, resource);
  }
  /** Other resources and versions under which the same objects are served. */
  equivalents({ hub, def, versions }: Endpoint): readonly Endpoint[] {
    if (versions) return [...versions.values()].flatMap(({ name }) => (name === def.version ? [] : (this.endpoint(def.group, name, def.resource) ?? [])));
    let known = this.#equivalents.get(def);
    if (!known) {
      known = [...this.#endpoints.values()].filter((other) => other.hub === hub && other.def !== def);
      this.#equivalents.set(def, known);
    }
    return known;
  }
  /** Where objects of that kind are. */
  ofKind(apiVersion: string, kind: string): Endpoint | undefined {
    const found = this.defs().find((def) => def.kind === kind && apiVersionOf(def.group, def.version) === apiVersion && def.verbs.includes("list"));
    return found && this.endpoint(found.group, found.version, found.resource);
  }
  /** Of a built-in resource, in the version that is stored. Throws for what is not served. */
  hub(groupResource: string): Endpoint {
    const found = this.#byResource.get(groupResource);
    if (!found) throw new Error(`${groupResource} is not served`);
    return found;
  }
}

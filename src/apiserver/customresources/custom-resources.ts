/**
 * Custom resources as they are served now: follows the definitions, so that a new kind needs no restart
 * (apiextensions-apiserver/pkg/apiserver: customresource_handler.go, customresource_discovery_controller.go).
 */
import { customResourceKind } from "../../api/apiextensions/custom-resource.ts";
import type { RuleTimes } from "../../api/apiextensions/rule-times.ts";
import { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { isServed, isTrue } from "../../api/apiextensions/definition-status.ts";
import { printerColumns } from "../../api/apiextensions/printer-columns.ts";
import { deepEqual } from "../../api/copy.ts";
import type { ResourceDef } from "../../api/schema/schema.ts";
import { typeByName } from "../../api/schema/schema.ts";
import { forbidden } from "../../api/status.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../../api/types/apiextensions-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { WatchCache } from "../../cache/watch-cache.ts";
import type { Endpoint } from "../rest/call.ts";
import type { Converter } from "./converter.ts";
import { deprecationWarning } from "./deprecation.ts";
import { compareVersions } from "./version-order.ts";
import { VersionCache } from "./version-cache.ts";

export const definitions = "customresourcedefinitions.apiextensions.k8s.io";

export interface CustomResourcesOptions {
  cache: WatchCache;
  clock: Clock;
  /** Is told what judging custom resources costs. */
  times?: RuleTimes;
  converterOf(definition: CustomResourceDefinition): Converter;
}

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const subresourceVerbs = ["get", "patch", "update"];

interface Entry {
  definition: CustomResourceDefinition;
  endpoints: Map<string, Endpoint>;
  caches: VersionCache[];
}

export class CustomResources {
  readonly #options: CustomResourcesOptions;
  /** By the definition's name, which is RESOURCE.GROUP. */
  readonly #entries = new Map<string, Entry>();
  #defs: readonly ResourceDef[] | undefined;
  readonly #changed: (() => void)[] = [];

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
    const { reader } = options.cache;
    reader.onChange(definitions, (_, name) => this.#refresh(name));
    for (const { metadata } of reader.list<CustomResourceDefinition>(definitions)) this.#refresh(metadata.name);
  }
  /** Called when what is served may have changed. */
  onChange(fn: () => void): void {
    this.#changed.push(fn);
  }

  find(group: string, version: string, resource: string): Endpoint | undefined {
    const entry = this.#entries.get(`${resource}.${group}`);
    if (!entry || !isServed(entry.definition)) return undefined;
    const known = entry.endpoints.get(version);
    if (known) return known;
    const found = entry.definition.spec.versions.find(({ name, served }) => name === version && served);
    return found && this.#endpoint(entry, found);
  }
  /** In the version that is stored, whether that one is served or not; for the deletion of all objects. */
  stored(name: string): Endpoint | undefined {
    const entry = this.#entries.get(name);
    const version = entry?.definition.spec.versions.find(({ storage }) => storage);
    return entry && version && (entry.endpoints.get(version.name) ?? this.#endpoint(entry, version));
  }
  definition(name: string): CustomResourceDefinition | undefined {
    return this.#entries.get(name)?.definition;
  }
  /** Those that are established, in the order of discovery. */
  defs(): readonly ResourceDef[] {
    this.#defs ??= this.#discover();
    return this.#defs;
  }
  established(): CustomResourceDefinition[] {
    return [...this.#entries.values()].map(({ definition }) => definition).filter((definition) => isTrue(definition, "Established"));
  }

  #refresh(name: string): void {
    const { cache } = this.#options;
    const definition = cache.reader.get<CustomResourceDefinition>(definitions, "", name);
    const entry = this.#entries.get(name);
    this.#defs = undefined;
    if (!definition) {
      for (const one of entry?.caches ?? []) one.close();
      this.#entries.delete(name);
      if (entry) cache.release({ group: entry.definition.spec.group, resource: entry.definition.spec.names.plural });
    } else if (!entry) this.#entries.set(name, { definition, endpoints: new Map(), caches: [] });
    else {
      const before = entry.definition;
      entry.definition = definition;
      const same =
        before.metadata.uid === definition.metadata.uid &&
        deepEqual(before.spec, definition.spec) &&
        deepEqual(before.status?.acceptedNames, definition.status?.acceptedNames);
      if (!same) {
        for (const one of entry.caches) one.close();
        entry.caches = [];
        entry.endpoints = new Map();
      }
    }
    for (const fn of this.#changed) fn();
  }

  #discover(): ResourceDef[] {
    const found: ResourceDef[] = [];
    for (const definition of this.established()) {
      const terminating = isTrue(definition, "Terminating");
      const kept = terminating ? verbs.filter((verb) => !["patch", "create", "update"].includes(verb)) : verbs;
      for (const version of definition.spec.versions) if (version.served) found.push({ ...defOf(definition, version), verbs: kept });
    }
    const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    return found.sort((a, b) => text(a.group, b.group) || compareVersions(b.version, a.version) || text(a.resource, b.resource));
  }

  #endpoint(entry: Entry, version: CustomResourceDefinitionVersion): Endpoint {
    const { definition } = entry;
    const { spec } = definition;
    const def = defOf(definition, version);
    const versions = new Map(spec.versions.map((one) => [`${spec.group}/${one.name}`, new CustomVersion(definition, one)]));
    const custom = versions.get(`${spec.group}/${version.name}`) as CustomVersion;
    const storing = spec.versions.find(({ storage }) => storage) as CustomResourceDefinitionVersion;
    const groupResource = `${def.resource}.${def.group}`;
    const kind = customResourceKind(groupResource, custom, this.#options.times);
    const converter = this.#options.converterOf(definition);
    const cache = new VersionCache({
      resource: def,
      storage: this.#options.cache.resource(def),
      version: custom,
      storageVersion: versions.get(`${spec.group}/${storing.name}`) as CustomVersion,
      versions,
      converter,
      kind,
      clock: this.#options.clock,
    });
    const type = typeByName("meta/v1.PartialObjectMetadata");
    const warning = deprecationWarning(definition, version);
    const endpoint: Endpoint = {
      def,
      hub: def,
      groupResource,
      groupKind: `${def.kind}.${def.group}`,
      apiVersion: custom.apiVersion,
      hubApiVersion: custom.apiVersion,
      type,
      hubType: type,
      kind,
      hubKind: kind,
      custom,
      versions,
      converter,
      cache,
      ready: () => cache.ready(),
      ...(converter.now ? {} : { storable: (shown) => cache.storable(shown) }),
      tried: (object) => cache.tried(object),
      ...(warning === undefined ? {} : { deprecation: warning }),
      registry: {
        beginCreate: async (call, { metadata }) => {
          const now = this.#entries.get(groupResource)?.definition;
          if (now && isTrue(now, "Terminating"))
            throw forbidden(groupResource, call.info.name || metadata.name, "create not allowed while custom resource definition is terminating");
          return undefined;
        },
      },
    };
    entry.caches.push(cache);
    entry.endpoints.set(version.name, endpoint);
    // All versions begin together to look at what is stored.
    if (!converter.now) for (const other of spec.versions) if (other.served && !entry.endpoints.has(other.name)) this.#endpoint(entry, other);
    return endpoint;
  }
}

function defOf({ spec, status }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): ResourceDef {
  const names = status.acceptedNames;
  const kind = names.kind;
  const { subresources, additionalPrinterColumns } = version;
  const storage = spec.versions.find((one) => one.storage && one.served)?.name ?? "";
  return {
    group: spec.group,
    version: version.name,
    resource: names.plural,
    kind,
    namespaced: spec.scope === "Namespaced",
    singular: names.singular ?? "",
    verbs,
    ...(names.shortNames?.length ? { shortNames: names.shortNames } : {}),
    ...(names.categories?.length ? { categories: names.categories } : {}),
    subresources: [
      ...(subresources?.status ? [{ name: "status", kind: `${spec.group}/${version.name}/${kind}`, verbs: subresourceVerbs }] : []),
      ...(subresources?.scale ? [{ name: "scale", kind: "autoscaling/v1/Scale", verbs: subresourceVerbs }] : []),
    ],
    columns: printerColumns(additionalPrinterColumns),
    storageVersion: storage,
  };
}

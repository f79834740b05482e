/**
 * The documents from which clients learn what is served (`/api`, `/apis`, `/apis/GROUP`, `/apis/GROUP/VERSION`, and the
 * aggregated forms), built from resource descriptions; pure. Order of groups, versions and resources is that of the input.
 */
import { createHash } from "node:crypto";
import { apiVersionOf, type ResourceDef, resources, type Subresource } from "./schema/schema.ts";
import type { APIGroup, APIGroupList, APIResource, APIResourceList, APIVersions, ServerAddressByClientCIDR } from "./types/meta-v1.gen.ts";
import { table } from "../base/table.ts";

/** A list of resources, one after another by group and version. Versions of a group in order of preference. */
export type Served = readonly ResourceDef[];

export interface DiscoveredResource {
  resource: string;
  responseKind: { group: string; version: string; kind: string };
  scope: "Namespaced" | "Cluster";
  singularResource: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  subresources?: { subresource: string; responseKind: { group: string; version: string; kind: string }; verbs: string[] }[];
}
export interface APIVersionDiscovery {
  version: string;
  resources?: DiscoveredResource[];
  /** Stale where the server behind an aggregated API does not answer. */
  freshness: "Current" | "Stale";
}
export interface APIGroupDiscovery {
  metadata: { name?: string; creationTimestamp?: null };
  versions: APIVersionDiscovery[];
}
export interface APIGroupDiscoveryList {
  kind: "APIGroupDiscoveryList";
  apiVersion: "apidiscovery.k8s.io/v2";
  metadata: Record<string, never>;
  items: APIGroupDiscovery[];
}

/** Kinds of several versions, or that are stored under another name: what they are stored as. Clients compare the hash only. */
const storedAs = table<string>({
  "admissionregistration.k8s.io/MutatingAdmissionPolicy": "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy",
  "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicyBinding",
  "apiextensions.k8s.io/CustomResourceDefinition": "apiextensions.k8s.io/v1beta1/CustomResourceDefinition",
  "autoscaling/HorizontalPodAutoscaler": "autoscaling/v2/HorizontalPodAutoscaler",
  "certificates.k8s.io/ClusterTrustBundle": "certificates.k8s.io/v1beta1/ClusterTrustBundle",
  "coordination.k8s.io/LeaseCandidate": "coordination.k8s.io/v1beta1/LeaseCandidate",
  "events.k8s.io/Event": "/v1/Event",
  ...Object.fromEntries(
    [
      ["networking.k8s.io", "IPAddress", "ServiceCIDR"],
      ["resource.k8s.io", "DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"],
      ["storage.k8s.io", "VolumeAttributesClass"],
    ].flatMap(([group, ...kinds]) => kinds.map((kind) => [`${group}/${kind}`, `${group}/v1/${kind}`])),
  ),
});

/** Upstream's hash of the kind that is stored (staging/src/k8s.io/apiserver/pkg/endpoints/discovery/storageversionhash.go). */
export function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash("sha256")
    .update(storedAs[`${group}/${kind}`] ?? `${group}/${version}/${kind}`)
    .digest()
    .subarray(0, 8)
    .toString("base64");
}

/** `/api`. `serverAddress` is `HOST:PORT` as clients should reach it. */
export function apiVersions(serverAddress: string): APIVersions {
  const addresses: ServerAddressByClientCIDR[] = [{ clientCIDR: "0.0.0.0/0", serverAddress }];
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: addresses } as APIVersions;
}

/** `/apis`. */
export function apiGroupList(served: Served = resources): APIGroupList {
  const names = new Set(served.map((r) => r.group).filter(Boolean));
  const groups = [...names].map((name) => groupOf(name, served));
  return { kind: "APIGroupList", apiVersion: "v1", groups } as APIGroupList;
}

/** `/apis/GROUP`; undefined for a group that is not served. */
export function apiGroup(group: string, served: Served = resources): APIGroup | undefined {
  if (!group || !served.some((r) => r.group === group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupOf(group, served) } as APIGroup;
}

function groupOf(
  name: string,
  served: Served,
): { name: string; versions: { groupVersion: string; version: string }[]; preferredVersion: { groupVersion: string; version: string } } {
  const names = [...new Set(served.filter((r) => r.group === name).map((r) => r.version))];
  const versions = names.map((version) => ({ groupVersion: apiVersionOf(name, version), version }));
  return { name, versions, preferredVersion: versions[0] as { groupVersion: string; version: string } };
}

/** `/api/v1`, `/apis/GROUP/VERSION`; undefined for what is not served. The core group's has no apiVersion, as upstream. */
export function apiResourceList(group: string, version: string, served: Served = resources): APIResourceList | undefined {
  const list = served.filter((r) => r.group === group && r.version === version);
  if (!list.length) return undefined;
  const entries = list.flatMap((r) => [resourceEntry(r), ...(r.subresources ?? []).map((s) => subresourceEntry(r, s))]);
  return { kind: "APIResourceList", ...(group ? { apiVersion: "v1" } : {}), groupVersion: apiVersionOf(group, version), resources: entries } as APIResourceList;
}

function resourceEntry(r: ResourceDef): APIResource {
  return {
    name: r.resource,
    singularName: r.singular,
    namespaced: r.namespaced,
    kind: r.kind,
    verbs: r.verbs,
    ...(r.shortNames?.length ? { shortNames: r.shortNames } : {}),
    ...(r.categories?.length ? { categories: r.categories } : {}),
    // Only what is stored has a storage version; what is only answered (reviews, bindings, componentstatuses) cannot be created and read back,
    // nor can what a definition that is ending has.
    // One that is not served has none either.
    ...(r.storageVersion || (r.verbs.includes("create") && r.verbs.includes("get") && r.storageVersion !== "")
      ? { storageVersionHash: storageVersionHash(r.group, r.storageVersion ?? r.version, r.kind) }
      : {}),
  };
}

function subresourceEntry(r: ResourceDef, s: Subresource): APIResource {
  const own = groupVersionKind(s.kind);
  const foreign = own.group !== r.group || own.version !== r.version;
  return {
    name: `${r.resource}/${s.name}`,
    singularName: "",
    namespaced: r.namespaced,
    ...(foreign ? { group: own.group, version: own.version } : {}),
    kind: own.kind,
    verbs: s.verbs,
  };
}

/** `group/version/Kind` or `v1/Kind`. */
export function groupVersionKind(text: string): { group: string; version: string; kind: string } {
  const parts = text.split("/");
  return { kind: parts.pop() as string, version: parts.pop() as string, group: parts.pop() ?? "" };
}

/** `/api` (core true) or `/apis` for clients that accept `g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`. */
export function aggregatedDiscovery(core: boolean, served: Served = resources): APIGroupDiscoveryList {
  const names = [...new Set(served.map((r) => r.group))].filter((name) => (name === "") === core);
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items: names.map((name) => groupDiscovery(name, served)) };
}

export function groupDiscovery(group: string, served: Served = resources): APIGroupDiscovery {
  const own = served.filter((r) => r.group === group);
  const versions = [...new Set(own.map((r) => r.version))];
  return {
    metadata: group ? { name: group } : {},
    versions: versions.map((version) => ({ version, resources: own.filter((r) => r.version === version).map(discovered), freshness: "Current" })),
  };
}

function discovered(r: ResourceDef): DiscoveredResource {
  return {
    resource: r.resource,
    responseKind: ownKind(r),
    scope: r.namespaced ? "Namespaced" : "Cluster",
    singularResource: r.singular,
    verbs: r.verbs,
    ...(r.shortNames?.length ? { shortNames: r.shortNames } : {}),
    ...(r.categories?.length ? { categories: r.categories } : {}),
    ...(r.subresources?.length ? { subresources: r.subresources.map((s) => discoveredSubresource(r, s)) } : {}),
  };
}

/** Custom resources say their group and version once more. */
const ownKind = ({ group, version, kind, storageVersion }: ResourceDef) =>
  storageVersion === undefined ? { group: "", version: "", kind } : { group, version, kind };

function discoveredSubresource(r: ResourceDef, s: Subresource): NonNullable<DiscoveredResource["subresources"]>[number] {
  const own = groupVersionKind(s.kind);
  const foreign = own.group !== r.group || own.version !== r.version;
  return { subresource: s.name, responseKind: foreign ? own : { ...ownKind(r), kind: own.kind }, verbs: s.verbs };
}

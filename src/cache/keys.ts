/**
 * Where upstream keeps a resource in etcd: `/registry/<resource>/<namespace>/<name>` with a few older names
 * (pkg/kubeapiserver/default_storage_factory_builder.go); custom resources and the kinds of the API's own machinery have
 * their group before the resource.
 */
import { table } from "../base/table.ts";

export interface GroupResource {
  group: string;
  resource: string;
}

const special = table<string>({
  replicationcontrollers: "controllers",
  endpoints: "services/endpoints",
  nodes: "minions",
  services: "services/specs",
  "ingresses.networking.k8s.io": "ingress",
  "ingresses.extensions": "ingress",
});

/** Groups of kube-apiserver's own resources, which have no group in their key. All others do. */
const ungrouped = new Set([
  "",
  "admissionregistration.k8s.io",
  "apps",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "extensions",
  "flowcontrol.apiserver.k8s.io",
  "internal.apiserver.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
  "storagemigration.k8s.io",
]);

/** What all keys of a resource begin with, slash included. Events of both groups are the same objects. */
export function storagePrefix(resource: GroupResource, keyPrefix = "/registry"): string {
  const { group } = resource;
  const name = special[group ? `${resource.resource}.${group}` : resource.resource] ?? resource.resource;
  return ungrouped.has(group) ? `${keyPrefix}/${name}/` : `${keyPrefix}/${group}/${name}/`;
}

/** `namespace` is "" for what has none. */
export function storageKey(resource: GroupResource, namespace: string, name: string, keyPrefix?: string): string {
  return `${storagePrefix(resource, keyPrefix)}${namespace ? `${namespace}/` : ""}${name}`;
}

/** What stands behind a resource's prefix: `namespace/name` or `name`. */
export function cacheKey(namespace: string, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}

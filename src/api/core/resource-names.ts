/** Kinds of resource names (pkg/apis/core/helper). */
import { isQualifiedName } from "../names.ts";

const standardContainer = new Set(["cpu", "memory", "ephemeral-storage"]);
const objectCounts = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const integers = new Set(objectCounts);
const standardQuota = new Set([
  ...standardContainer,
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  ...objectCounts,
]);

export const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith("requests.hugepages-");

export const isStandardContainerResource = (name: string): boolean => standardContainer.has(name) || isHugePages(name);
export const isStandardQuotaResource = (name: string): boolean => standardQuota.has(name) || isQuotaHugePages(name);
export const isStandardResource = (name: string): boolean => name === "storage" || isStandardQuotaResource(name);

/** Without a domain, or in `kubernetes.io/`. */
export const isNativeResource = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");

/** A resource that a device plugin or an administrator brings: a domain of its own. */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith("requests.")) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);

/** Whole numbers only. */
export const isIntegerResource = (name: string): boolean => integers.has(name) || isExtendedResource(name);

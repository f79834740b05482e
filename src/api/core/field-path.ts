/** The downward API: fields and resources of a pod as text (pkg/fieldpath, pkg/api/v1/resource). */
import { isQualifiedName } from "../names.ts";
import type { Container, Pod, ResourceFieldSelector } from "../types/core-v1.gen.ts";
import { divideRoundingUp, isZeroQuantity, type ResourceList } from "./resource-list.ts";
import { goQuote } from "../go-quote.ts";

/** `metadata.labels['a']` -> its path and subscript; undefined for a path without one. */
export function splitSubscriptedPath(text: string): { path: string; subscript: string } | undefined {
  const start = text.indexOf("['");
  if (start <= 0 || !text.endsWith("']") || text.length < start + 4) return undefined;
  return { path: text.slice(0, start), subscript: text.slice(start + 2, -2) };
}

const labels = new Set([
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.serviceAccountName",
  "spec.schedulerName",
  "status.phase",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
]);

/** The path as version v1 knows it, or upstream's error text. */
export function convertFieldLabel(version: string, label: string): { path: string } | { error: string } {
  if (version !== "v1") return { error: `unsupported pod version: ${version}` };
  const split = splitSubscriptedPath(label);
  if (split) {
    const known = split.path === "metadata.annotations" || split.path === "metadata.labels";
    return known ? { path: label } : { error: `field label does not support subscript: ${label}` };
  }
  if (label === "spec.host") return { path: "spec.nodeName" };
  return labels.has(label) ? { path: label } : { error: `field label not supported: ${label}` };
}

/** `key="value"` lines in the order of the keys. */
export function formatMap(map: Record<string, string> | undefined): string {
  const keys = Object.keys(map ?? {}).sort((a, b) => (a < b ? -1 : 1));
  return keys.map((key) => `${key}=${goQuote(map![key]!)}`).join("\n");
}

/** What a fieldRef means for this pod. Throws with upstream's text for a path that has no value. */
export function extractFieldPath(pod: Pod, fieldPath: string): string {
  const { metadata, spec, status } = pod;
  const split = splitSubscriptedPath(fieldPath);
  if (split) {
    const { path, subscript } = split;
    if (path !== "metadata.annotations" && path !== "metadata.labels") throw new Error(`fieldPath ${goQuote(fieldPath)} does not support subscript`);
    const annotation = path === "metadata.annotations";
    const errors = isQualifiedName(annotation ? subscript.toLowerCase() : subscript);
    if (errors.length) throw new Error(`invalid key subscript in ${fieldPath}: ${errors.join(";")}`);
    return (annotation ? metadata.annotations : metadata.labels)?.[subscript] ?? "";
  }
  switch (fieldPath) {
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid;
    case "spec.nodeName":
      return spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.hostIP":
      return status.hostIP ?? "";
    case "status.hostIPs":
      return (status.hostIPs ?? []).map((ip) => ip.ip).join(",");
    case "status.podIP":
      return status.podIP ?? "";
    case "status.podIPs":
      return (status.podIPs ?? []).map((ip) => ip.ip).join(",");
  }
  throw new Error(`unsupported fieldPath: ${fieldPath}`);
}

const limitsFromNode = ["cpu", "memory", "ephemeral-storage"];

/**
 * What a resourceFieldRef means for this container, in units of its divisor, rounded up. A limit that is not set is
 * what the node can give. Throws with upstream's text for a resource that has no value.
 */
export function extractResource(selector: ResourceFieldSelector, container: Container, nodeAllocatable: ResourceList = {}): string {
  const dot = selector.resource.indexOf(".");
  const side = selector.resource.slice(0, dot);
  const name = selector.resource.slice(dot + 1);
  const known = (side === "limits" || side === "requests") && (limitsFromNode.includes(name) || name.startsWith("hugepages-"));
  if (!known) throw new Error(`unsupported container resource : ${selector.resource}`);
  let quantity = container.resources?.[side as "limits" | "requests"]?.[name];
  if (side === "limits" && limitsFromNode.includes(name) && (quantity === undefined || isZeroQuantity(quantity))) quantity = nodeAllocatable[name] ?? quantity;
  const divisor = selector.divisor !== undefined && !isZeroQuantity(selector.divisor) ? selector.divisor : "1";
  return divideRoundingUp(quantity ?? "0", divisor, name === "cpu").toString();
}

/** The container that a resourceFieldRef names; throws with upstream's text where there is none. */
export function containerNamed(pod: Pod, name: string): Container {
  const found = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((container) => container.name === name);
  if (!found) throw new Error(`container ${name} not found`);
  return found;
}

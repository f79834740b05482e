/** What is left at the end of a scenario, without what chance decides: uids, versions, times, addresses, random suffixes. */
import type { KubeObject } from "../../src/api/object.ts";
import type { Pod } from "../../src/api/types/core-v1.gen.ts";
import type { Store } from "../../src/store/store.ts";
import type { Beginning } from "./world.ts";

type JSONValue = null | boolean | number | string | JSONValue[] | { [key: string]: JSONValue };

const ignored = /^\/registry\/(events|leases|masterleases|csinodes)\//;
const dropped = new Set([
  ...["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "nodePort", "hostIP", "hostIPs", "podIP", "podIPs"],
  // Known only to the process that saw the change.
  "endpoints.kubernetes.io/last-change-trigger-time",
]);
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const address = /\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g;
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Which set it was is said only when the rollout was seen on its way: what lies between two looks is not written down. */
const progressed = /^ReplicaSet "[^"]+" has successfully progressed\.$/;
const tokenVolume = /^kube-api-access-[a-z0-9]{5}$/;

/** One line an object that was not there, or not like this, in the beginning; sorted. */
export async function stateOf(store: Store, beginning: Beginning): Promise<string[]> {
  const before = new Map(beginning.items.map(({ key, value }) => [key, value]));
  const { items } = await store.list("/registry/");
  const all = items
    .filter(({ key }) => !ignored.test(key))
    .map(({ key, value }) => ({ key, value, object: JSON.parse(Buffer.from(value).toString()) as KubeObject }));
  const uids = new Map<string, string>();
  const names: [string, string][] = [];
  for (const { object } of all) {
    const { name, generateName, uid } = object.metadata as KubeObject["metadata"] & { generateName?: string };
    const shown = generateName ? `${generateName}*` : name;
    if (generateName) names.push([name, shown]);
    uids.set(uid, `uid of ${object.kind} ${shown}`);
  }
  const text = (value: string): string => {
    const uid = uids.get(value);
    if (uid) return uid;
    if (time.test(value)) return "T";
    if (progressed.test(value)) return "ReplicaSet * has successfully progressed.";
    if (tokenVolume.test(value)) return "kube-api-access-*";
    // A short name may stand in a uid by chance.
    let shown = value.replace(uuid, "UID");
    for (const [name, instead] of names) if (shown.includes(name)) shown = shown.replaceAll(name, instead);
    return shown.replace(address, "IP");
  };
  const plain = (value: JSONValue, dropNode: boolean): JSONValue => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) {
      const parts = value.map((item) => plain(item, dropNode));
      return value.some((item) => typeof item === "object") ? parts.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : parts;
    }
    if (value === null || typeof value !== "object") return value;
    const result: { [key: string]: JSONValue } = {};
    for (const key of Object.keys(value).sort()) {
      if (dropped.has(key) || (dropNode && key === "nodeName")) continue;
      // The claim itself may be gone, and its name with it from those that are known.
      const shown = key === "resourceClaimName" ? text(String(value[key])).replace(/-\w{5}$/, "-*") : plain(value[key] as JSONValue, dropNode);
      if (key !== "annotations" || JSON.stringify(shown) !== "{}") result[key] = shown;
    }
    return result;
  };
  // A scheduler whose binding was carried out without an answer says that it failed; a kubelet, but not a simulated one,
  // says otherwise of every pod that it has.
  const withoutScheduled = ({ spec }: Pod, shown: { status?: { conditions?: JSONValue } }): void => {
    const { conditions } = shown.status ?? {};
    if (spec.nodeName && shown.status && Array.isArray(conditions))
      shown.status.conditions = conditions.filter((condition) => (condition as { type: string }).type !== "PodScheduled");
  };
  const lines: string[] = [];
  for (const { key, value, object } of all) {
    const old = before.get(key);
    if (old && Buffer.compare(old, value) === 0) continue;
    const onItsNode = object.metadata.ownerReferences?.some((ref) => ref.kind === "DaemonSet") === true;
    const shown = plain(object as unknown as JSONValue, !onItsNode) as { status?: { observedGeneration?: JSONValue; conditions?: JSONValue } };
    if (object.kind === "Pod") withoutScheduled(object as Pod, shown);
    const observed = shown.status?.observedGeneration;
    if (shown.status && observed !== undefined) shown.status.observedGeneration = observed === (object.metadata.generation ?? 0) ? "current" : "behind";
    lines.push(`${text(key)} ${JSON.stringify(shown)}`);
  }
  return lines.sort();
}

/** What one list has and the other has not, by key; where both have a key once, what differs in it. */
export function difference(expected: readonly string[], found: readonly string[]): string[] {
  const count = (lines: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  };
  const [want, have] = [count(expected), count(found)];
  const missing = [...want].flatMap(([line, n]) => Array<string>(Math.max(0, n - (have.get(line) ?? 0))).fill(line));
  const extra = [...have].flatMap(([line, n]) => Array<string>(Math.max(0, n - (want.get(line) ?? 0))).fill(line));
  const differences: string[] = [];
  const keyOf = (line: string): string => line.slice(0, line.indexOf(" "));
  for (const line of missing) {
    const at = extra.findIndex((other) => keyOf(other) === keyOf(line));
    if (at < 0) {
      differences.push(`missing: ${line}`);
      continue;
    }
    const [other] = extra.splice(at, 1);
    const paths = differingPaths(JSON.parse(line.slice(line.indexOf(" "))), JSON.parse((other as string).slice((other as string).indexOf(" "))), "");
    differences.push(`${keyOf(line)}: ${paths.join("; ")}`);
  }
  return [...differences, ...extra.map((line) => `too much: ${line}`)];
}

function differingPaths(a: unknown, b: unknown, path: string): string[] {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left === right) return [];
  if (a && b && typeof a === "object" && typeof b === "object" && Array.isArray(a) === Array.isArray(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => differingPaths((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`));
  }
  return [`${path}: ${left} became ${right}`];
}

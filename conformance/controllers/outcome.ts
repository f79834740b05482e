/** What a scenario has come to, without what chance decides in it. */
import type { Kube, Loose } from "./kube.ts";
import type { Scenario } from "./scenario.ts";

export type Outcome = ReadonlyMap<string, string>;

const dropped = new Set(["uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "clusterIPs", "clusterIP", "token", "ca.crt", "namespace"]);
const unordered = new Set(["volumesAttached", "managedFields", "finalizers", "conditions"]);
const time = /\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g;
const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

function normal(value: unknown, key = "", text = (one: string): string => one): unknown {
  if (typeof value === "string") return text(value).replaceAll(time, "time").replaceAll(uid, "uid");
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item, key, text));
    return unordered.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !dropped.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [normal(name), normal(member, name, text)]),
  );
}

/** By a place that people can find: an object's kind and name, an event's object and reason. */
export async function outcomeOf(kube: Kube, scenario: Scenario): Promise<Outcome> {
  const found = new Map<string, string>();
  const names = new Set<string>();
  const handedOut: string[] = [];
  const text = (value: string): string => {
    if (!scenario.handedOut?.test(value)) return value;
    handedOut.push(value);
    return "one of those handed out";
  };
  for (const kind of scenario.compared) {
    for (const object of await kube.list(kind)) {
      if (!belongs(object, kube.namespace, scenario)) continue;
      names.add(object.metadata.name);
      found.set(`${kind} ${object.metadata.name}`, JSON.stringify(normal({ ...object, apiVersion: undefined, kind: undefined }, "", text)));
    }
  }
  if (scenario.handedOut) found.set("what is handed out", handedOut.sort().join(" "));
  for (const event of await kube.events()) {
    const { kind, name, namespace } = event.involvedObject;
    if (scenario.byChance?.test(event.reason) || (namespace ? namespace !== kube.namespace : !names.has(name))) continue;
    const text = { type: event.type, message: event.message, source: event.source, reportingComponent: event.reportingComponent };
    found.set(`event about ${kind} ${name}: ${event.reason}: ${normal(event.message)}`, JSON.stringify(normal(text)));
  }
  return found;
}

/** Objects without a namespace belong to a scenario by name or by what they refer to; the others to those that make no such names. */
function belongs({ metadata, spec }: Loose, namespace: string, scenario: Scenario): boolean {
  if (metadata.namespace) return metadata.namespace === namespace;
  if (metadata.name === "kubernetes") return false;
  const name: string = spec?.nodeName ?? metadata.name;
  return scenario.plainNames
    ? !/^(attaching|reattaching|taking-over|sharing|out-of-service|reclaiming|expansion|provisioning)-/.test(name)
    : name.startsWith(`${namespace}-`);
}

/** A line for each difference of `found` from `wanted`. */
export function differences(wanted: Outcome, found: Outcome): string[] {
  return [...new Set([...wanted.keys(), ...found.keys()])].sort().flatMap((key) => {
    const [a, b] = [wanted.get(key), found.get(key)];
    if (a === b) return [];
    if (a === undefined) return [`only ours: ${key} ${b}`];
    if (b === undefined) return [`only upstream's: ${key} ${a}`];
    return [`${key}\n    upstream's ${a}\n    ours       ${b}`];
  });
}
